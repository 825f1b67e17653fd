"""Steps that invariants leave out of account, each with the reason: what is not promised of them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from kubesaga.api.names import LABEL_STEP, LABEL_TOMBSTONE, Direction
from simulation.history import COMPENSATION, FINALLY, FORWARD, History


def orphaned(history: History) -> set[str]:
    """The steps of which somebody deleted a Job and left its Pod, which nobody can stop by its Job any more."""
    pods = [one.raw["metadata"] for one in history.commits if (one.verb, one.resource) == ("update", "pods")]
    return {one["labels"][LABEL_STEP] for one in pods if not one.get("ownerReferences")}


def robbed(history: History) -> set[str]:
    """The steps of which somebody deleted a Job that no status had named: nobody knows of it.

    Where an operator stood still, or two were there, of any Job: its name is free for the one that comes too late.
    """
    two = _two_operators(history)
    named: set[str] = set()
    found: set[str] = set()
    mine = {id(one) for one in history.statuses}
    for commit in history.commits:
        if id(commit) in mine:
            named.update(record.get("jobUID", "") for _, _, record in records(commit.raw.get("status") or {}))
        elif (commit.actor, commit.verb, commit.resource) == ("user", "delete", "jobs") and (
            two or commit.uid not in named
        ):
            found.add(commit.raw["metadata"]["labels"][LABEL_STEP])
    return found


def freed(history: History) -> set[str]:
    """The steps whose Job an undo by deletion took away, and of two operators the other one created again.

    It came before the tombstone did, which a quota may keep away for long. An undo does not end so: see
    `an_undo_by_deletion_leaves_no_Job`.
    """
    found: set[str] = set()
    deleted: defaultdict[str, set[str]] = defaultdict(set)
    for commit in history.by_operators if _two_operators(history) else ():
        if (commit.verb, commit.resource) == ("delete", "jobs"):
            deleted[commit.name].add(commit.actor)
        elif (commit.verb, commit.resource) == ("create", "jobs") and deleted[commit.name] - {commit.actor}:
            labels = commit.raw["metadata"]["labels"]
            found |= set() if LABEL_TOMBSTONE in labels else {labels[LABEL_STEP]}
    return found


def _two_operators(history: History) -> bool:
    """Whether there was more than one at a time."""
    return not history.struck.keys().isdisjoint({"paused-between-write-and-effects", "second-operator"})


def assumed(history: History) -> set[str]:
    """The steps of which a person said, some time, that their Pods have ended."""
    requests = (
        one for commit in history.statuses[-1:] for one in (commit.raw.get("status") or {}).get("handledRequests", ())
    )
    ever = {one["target"] for one in requests if one["verb"] == "assume-stopped" and one.get("target")}
    for commit in history.statuses if ever else ():
        for record in (commit.raw.get("status") or {}).get("steps", ()):
            if record.get("assumedStopped") or (record.get("compensation") or {}).get("assumedStopped"):
                ever.add(record["name"])
    return ever


def records(status: dict[str, Any]) -> Iterator[tuple[str, Direction, dict[str, Any]]]:
    """The records of steps, of their undos and of finally steps."""
    for record in status.get("steps", ()):
        yield record["name"], FORWARD, record
        if "compensation" in record:
            yield record["name"], COMPENSATION, record["compensation"]
    for record in status.get("finally", {}).get("steps", ()):
        yield record["name"], FINALLY, record
