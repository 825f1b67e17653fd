"""What holds in every run, whatever goes wrong: judged by the history of commits and by what the containers did.

Each invariant adds itself to `INVARIANTS` and yields a sentence for every violation.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from kubesaga.api.names import ANNOTATION_LINE
from kubesaga.engine.finalizer import FINALIZER
from kubesaga.engine.line import Line
from simulation.excuses import assumed, freed, orphaned, records, robbed
from simulation.history import COMPENSATION, FINALLY, FORWARD, Birth, History
from simulation.nodes import Container, Work
from simulation.server import Commit

Invariant = Callable[[History], Iterator[str]]
INVARIANTS: Final[dict[str, Invariant]] = {}

_ENDED: Final = ("Succeeded", "Failed", "Cancelled", "RolledBack", "PartiallyRolledBack", "RollbackFailed")
_DONE: Final = ("Succeeded", "Skipped")
_NEEDLESS: Final = ("ConditionFalse", "TriggerRuleNotMet", "OutputsUnavailable")
_ASSUMED: Final = "assumed"
_CLOCK_SECONDS: Final = 2.0
"""Times in a status are whole seconds, and a status may be written a while after it was decided."""


def invariant(check: Invariant) -> Invariant:
    """Add an invariant under the name of its function."""
    INVARIANTS[check.__name__.replace("_", " ")] = check
    return check


def violations(history: History) -> list[str]:
    """Every violation, with the name of its invariant."""
    late = bool(robbed(history))  # What a leader that slept has started under a free name may last for ever.
    complaints = [one for one in history.complaints if not (late and one.startswith("the run does not end"))]
    found = [f"the operator works without errors: {one}" for one in complaints]
    for name, check in INVARIANTS.items():
        found += [f"{name}: {one}" for one in check(history)]
    return found


@invariant
def a_Job_is_created_once_under_its_name(history: History) -> Iterator[str]:  # noqa: N802
    """One Job and one tombstone. Where others delete Jobs, one that was not recorded yet may run once more.

    So may one that an undo deleted, by an operator that decided on it before and comes while its name is free.
    """
    count = Counter((birth.commit.name, birth.tombstone, birth.work.step) for birth in history.births)
    excused = robbed(history) | freed(history)
    for (name, tombstone, step), times in count.items():
        if times > 1 and step not in excused:
            yield f"{name} was created {times} times{' as a tombstone' if tombstone else ''}"


@invariant
def a_Workflow_that_is_gone_gets_at_most_one_last_Job_of_each_name(history: History) -> Iterator[str]:  # noqa: N802
    """From each operator, one that was about to create it when the Workflow was deleted."""
    made = [one for one in history.by_operators if (one.verb, one.resource) == ("create", "jobs")]
    late = [one for one in made if one.time >= history.gone_at and Work.of(one.raw).workflow_uid == history.uid]
    for (name, actor), times in Counter((one.name, one.actor) for one in late).items():
        if times > 1:
            yield f"{name} was created {times} times by {actor}"


@invariant
def a_Job_is_created_only_after_the_status_names_its_attempt(history: History) -> Iterator[str]:  # noqa: N802
    """Status first, then effects."""
    decided: set[tuple[str, str, int, int]] = set()
    births = {id(birth.commit): birth for birth in history.births}
    mine = {id(one) for one in history.statuses}
    for commit in history.commits:
        if id(commit) in mine:
            decided.update(_attempts(commit.raw.get("status") or {}))
        elif (birth := births.get(id(commit))) is not None:
            work = birth.work
            if (work.step, work.direction.value, work.attempt, work.epoch) not in decided:
                yield f"{commit.name} at {commit.time:.3f}"


def _attempts(status: dict[str, Any]) -> Iterator[tuple[str, str, int, int]]:
    for name, direction, one in records(status):
        epoch = one.get("epoch", 1)
        yield from ((name, direction.value, n + 1, epoch) for n in range(one.get("attempt", 1)))


@invariant
def nothing_forward_is_created_after_the_first_undo(history: History) -> Iterator[str]:
    """Within one epoch of the Workflow; a tombstone takes a name and starts nothing."""
    undone_in: int | None = None
    excused = robbed(history) | freed(history)
    for epoch, birth in _with_epoch(history):
        if birth.work.direction is COMPENSATION and not birth.tombstone:
            undone_in = epoch
        elif (
            birth.work.direction is FORWARD
            and not birth.tombstone
            and undone_in == epoch
            and birth.work.step not in excused
        ):
            yield f"{birth.commit.name} at {birth.commit.time:.3f}"


def _with_epoch(history: History) -> Iterator[tuple[int, Birth]]:
    """Each Job with the epoch in which the Workflow was when it was created."""
    births = {id(birth.commit): birth for birth in history.births}
    mine = {id(one) for one in history.statuses}
    epoch = 1
    for commit in history.commits:
        if id(commit) in mine:
            epoch = (commit.raw.get("status") or {}).get("epoch", 1)
        elif id(commit) in births:
            yield epoch, births[id(commit)]


@invariant
def no_two_Pods_of_one_step_overlap(history: History) -> Iterator[str]:  # noqa: N802
    """Nor those of a step and of its undo; but where a person said that a Pod has ended."""
    by_step: dict[str, list[Container]] = defaultdict(list)
    excused = assumed(history) | robbed(history)
    for container in history.containers:
        if container.work.workflow_uid == history.uid:
            by_step[container.work.step].append(container)
    for step, containers in by_step.items():
        containers.sort(key=lambda one: one.began)
        for first, second in pairwise(containers):
            if (first.ended is None or first.ended > second.began) and step not in excused:
                yield f"{step}: one from {first.began:.3f} to {first.ended}, the next from {second.began:.3f}"


@invariant
def an_undo_starts_when_everything_forward_has_ended(history: History) -> Iterator[str]:
    excused = assumed(history) | robbed(history) | freed(history)
    forward = [c for c in history.containers if c.work.direction is FORWARD and c.work.workflow_uid == history.uid]
    undos = [b.commit for b in history.births if b.work.direction is COMPENSATION and not b.tombstone]
    undos += [c for c in history.by_operators if (c.verb, c.resource, c.changed) == ("delete", "jobs", True)]
    first = min((one.time for one in undos), default=None)
    if first is None or history.epochs > 1:
        return
    for one in forward:
        if (one.ended is None or one.ended > first) and one.work.step not in excused:
            yield f"{one.work.step} ran from {one.began:.3f} to {one.ended}, an undo began at {first:.3f}"


@invariant
def undos_run_in_an_order_that_reverses_the_graph(history: History) -> Iterator[str]:
    """An undo begins when those of all steps that come after its own have succeeded, or need not."""
    if history.epochs > 1:
        return
    begun: dict[str, float] = {}
    for birth in history.births:
        if birth.work.direction is COMPENSATION and not birth.tombstone:
            begun.setdefault(birth.work.step, birth.commit.time)
    ended = {
        c.work.step: c.ended
        for c in history.containers
        if c.work.direction is COMPENSATION and c.exit_code == 0 and c.ended is not None
    }
    goes_on = (history.scenario.spec.get("rollback") or {}).get("onCompensationFailure") == "Continue"
    for step, at in begun.items():
        for later in history.descendants[step] & begun.keys():
            undo = history.records.get(later, {}).get("compensation", {})
            excused = undo.get("state") == "Skipped" or (goes_on and undo.get("state") == "Failed")
            if ended.get(later, at + 1) > at and not excused and later not in assumed(history):
                yield f"{step} began to be undone at {at:.3f}, {later} was undone at {ended.get(later)}"


@invariant
def what_was_attempted_and_declares_an_undo_is_undone(history: History) -> Iterator[str]:
    """By the facts: where a container of the step ran in a run that says it was rolled back whole."""
    if history.status.get("phase") != "RolledBack" or history.epochs > 1:
        return
    undone = Counter(c.work.step for c in history.containers if c.work.direction is COMPENSATION and c.exit_code == 0)
    due: dict[str, set[bool]] = defaultdict(set)
    for one in history.containers:
        work = one.work
        undo = history.scenario.undo(work.step, fallback=work.fallback) if work.workflow_uid == history.uid else None
        if undo and "container" in undo and undo.get("when") != "Succeeded" and work.direction is FORWARD:
            due[work.step].add(work.fallback)
    for step, ways in due.items():
        if undone[step] < len(ways) and step not in robbed(history):
            yield f"{step} ran in {len(ways)} ways, and was undone {undone[step]} times"


@invariant
def an_undo_by_deletion_leaves_no_Job(history: History) -> Iterator[str]:  # noqa: N802
    """By the facts, when it is first said to have succeeded: but tombstones, which keep the names."""
    births = {birth.commit.uid: birth for birth in history.births}
    mine, excused = {id(one) for one in history.statuses}, robbed(history)
    there: set[str] = set()
    done: set[tuple[str, int]] = set()
    for commit in history.commits:
        if commit.uid in births:
            there = (there | {commit.uid}) - _removed(commit)
        elif id(commit) in mine:
            now = _deleted(history, commit)
            for birth in (births[uid] for uid in there):
                if birth.work.step in {step for step, _ in now - done} - excused and not birth.tombstone:
                    yield f"{birth.commit.name} at {commit.time:.3f}"
            done |= now


def _deleted(history: History, commit: Commit) -> set[tuple[str, int]]:
    """The steps that a status says were undone by deletion, each with the epoch of that undo."""
    undos = [(name, undo) for name, way, undo in records(commit.raw.get("status") or {}) if way is COMPENSATION]
    ended = [(name, undo.get("epoch", 1)) for name, undo in undos if undo["state"] == "Succeeded"]
    return {one for one in ended if "deleteJob" in (history.scenario.undo(one[0]) or {})}


@invariant
def a_step_starts_after_everything_that_it_depends_on(history: History) -> Iterator[str]:
    """By the facts: its trigger rule is met; a step has succeeded where a container of it has."""
    ends = _ends(history)
    for birth in history.births:
        work, at = birth.work, birth.commit.time
        if work.direction is not FORWARD or birth.tombstone:
            continue
        for dependency in _unmet(history, history.scenario.steps[work.step], ends, at):
            yield f"{birth.commit.name} at {at:.3f}, and {dependency} was not as its trigger rule asks"


@dataclass(slots=True)
class _Ends:
    """When each step first ended so."""

    done: dict[str, float] = field(default_factory=dict)
    failed: dict[str, float] = field(default_factory=dict)
    tolerated: dict[str, float] = field(default_factory=dict)
    needless: dict[str, float] = field(default_factory=dict)


def _ends(history: History) -> _Ends:
    ends, scenario = _Ends(), history.scenario
    for one in history.containers:
        if one.work.direction is FORWARD and one.exit_code == 0 and one.ended is not None:
            ends.done[one.work.step] = min(one.ended, ends.done.get(one.work.step, one.ended))
    for commit in history.statuses:
        for record in (commit.raw.get("status") or {}).get("steps", ()):
            name, state = record["name"], record["state"]
            if state == "Succeeded" and not scenario.has_job(name):
                ends.done.setdefault(name, commit.time)
            elif state in ("Failed", "Cancelled"):
                ends.failed.setdefault(name, commit.time)
                if state == "Failed" and scenario.steps[name].get("optional"):
                    ends.tolerated.setdefault(name, commit.time)
            elif state == "Skipped" and record.get("reason") in _NEEDLESS:
                ends.needless.setdefault(name, commit.time)
            elif state == "Skipped" and (scenario.answers or history.disturbed):
                ends.done.setdefault(name, 0.0)  # A person may take a step for done at any time.
    return ends


def _unmet(history: History, step: dict[str, Any], ends: _Ends, at: float) -> list[str]:
    """What the step depends on and was not, by then, as its trigger rule asks."""
    rule = step.get("triggerRule", "AllSucceeded")
    if rule.endswith(("Failed", "Finished")) and rule != "NoneFailed":
        if history.scenario.spec.get("onFailure") == "Continue":
            return []  # What never starts has failed, and there is no record to look at.
        ways = [ends.failed] if rule.endswith("Failed") else [ends.done, ends.needless, ends.tolerated]
    else:
        ways = [ends.done, *([] if rule == "AnySucceeded" else [ends.needless])]
        ways += [ends.tolerated] if rule == "AllSucceeded" else []
    names = step.get("dependsOn", ())
    unmet = [name for name in names if not any(way.get(name, at + 1) <= at for way in ways)]
    return [] if rule.startswith("Any") and len(unmet) < len(names) else unmet


@invariant
def what_need_not_run_does_not(history: History) -> Iterator[str]:
    """What is skipped for its condition, its trigger rule or a missing output has never run."""
    ran = {birth.work.step for birth in history.births if birth.work.direction is FORWARD}
    for name, record in history.records.items():
        if record["state"] == "Skipped" and record.get("reason") in _NEEDLESS and name in ran and history.epochs == 1:
            yield f"{name} ran, and was skipped: {record['reason']}"


@invariant
def a_run_that_goes_on_leaves_out_only_what_depends_on_a_failure(history: History) -> Iterator[str]:
    """By the graph, under `onFailure: Continue`."""
    if history.status.get("reason") != "PartiallyCompleted" or history.epochs > 1:
        return
    failed = {n for n, record in history.records.items() if record["state"] == "Failed"}
    behind = set().union(*(history.descendants[name] for name in failed))
    for name in history.scenario.steps.keys() - history.records.keys() - behind:
        yield f"{name} never started, and depends on no failure"


@invariant
def an_approval_is_given_by_a_person_only(history: History) -> Iterator[str]:
    """It has succeeded only after a request that was accepted; the last answers are kept, so some time before."""
    given: set[str | None] = set()
    for commit in history.statuses:
        status = commit.raw.get("status") or {}
        requests = status.get("handledRequests", ())
        given |= {one.get("target") for one in requests if one["verb"] == "approve" and one["accepted"]}
        for record in status.get("steps", ()):
            asks = "approval" in history.scenario.steps[record["name"]]
            if asks and record["state"] == "Succeeded" and record["name"] not in given:
                yield f"{record['name']} at {commit.time:.3f}"
                return


@invariant
def a_wait_lasts_as_long_as_it_says(history: History) -> Iterator[str]:
    """At least so long, and no Job is made for it, nor for an approval."""
    for birth in history.births:
        if not history.scenario.has_job(birth.work.step):
            yield f"{birth.commit.name} at {birth.commit.time:.3f}"
    begun: dict[tuple[str, int], float] = {}
    for commit in history.statuses:
        status = commit.raw.get("status") or {}
        for record in status.get("steps", ()):
            seconds = history.scenario.steps[record["name"]].get("wait", {}).get("seconds")
            if seconds is None:
                continue
            at = begun.setdefault((record["name"], status.get("epoch", 1)), commit.time)
            short = record["state"] == "Succeeded" and commit.time - at < seconds - _CLOCK_SECONDS
            if short and record.get("attempt", 1) == 1 and status.get("epoch", 1) == 1 and not history.struck["clock"]:
                yield f"{record['name']} from {at:.3f} to {commit.time:.3f}"
                return


@invariant
def no_more_steps_run_at_once_than_are_allowed(history: History) -> Iterator[str]:
    most = history.scenario.spec.get("parallelism")
    if most is None or history.disturbed:
        return
    moments = sorted(
        moment
        for one in history.containers
        if one.work.direction is FORWARD and one.work.step not in history.scenario.rivals
        for moment in ((one.began, 1), (one.ended if one.ended is not None else float("inf"), -1))
    )
    running = 0
    for at, change in moments:
        running += change
        if running > most:
            yield f"{running} at {at:.3f}"
            return


@invariant
def no_more_workflows_of_one_key_run_at_once_than_are_allowed(history: History) -> Iterator[str]:
    """From the write that records their place to the one that ends them; each counts by the least of their limits."""
    running: dict[str, int] = {}
    for commit in history.sharing:
        status = commit.raw.get("status") or {}
        if "placeTime" in status and status.get("phase") not in _ENDED and commit.uid not in _removed(commit):
            running[commit.uid] = commit.raw["spec"]["concurrency"].get("limit", 1)
        else:
            running.pop(commit.uid, None)
        if len(running) > min(running.values(), default=1):
            yield f"{len(running)} at {commit.time:.3f}, one of which allows {min(running.values())}"
            return


def _removed(commit: Commit) -> set[str]:
    """The uid of what the commit has taken out."""
    metadata = commit.raw["metadata"]
    gone = commit.verb == "remove" or (commit.verb in ("delete", "patch") and not metadata.get("finalizers"))
    return {commit.uid} if gone and (commit.verb != "patch" or "deletionTimestamp" in metadata) else set()


@invariant
def containers_of_no_more_workflows_of_one_key_run_at_once_than_are_allowed(history: History) -> Iterator[str]:
    """By the facts, where nobody deletes anything: what is deleted leaves the line, and ends a while later."""
    if "concurrency" not in history.scenario.spec or history.disturbed or history.left:
        return
    limits = {one.uid: one.raw["spec"]["concurrency"].get("limit", 1) for one in history.sharing}
    excused = assumed(history)
    spans = [one for one in history.containers if one.work.workflow_uid in limits and one.work.step not in excused]
    for one in spans:
        beside = {
            o.work.workflow_uid for o in spans if o.began <= one.began and (o.ended is None or o.ended > one.began)
        }
        if len(beside) > min(limits[uid] for uid in beside):
            yield f"{len(beside)} at {one.began:.3f}"
            return


@invariant
def everybody_gets_a_place_in_the_end(history: History) -> Iterator[str]:
    """At rest whoever waits does so behind one that holds a place and waits for a person; nobody else is in line."""
    workflows = {one.uid: one for one in history.sharing}
    there = {uid: one.raw for uid, one in workflows.items() if uid not in _removed(one)}
    open_ = {uid: raw for uid, raw in there.items() if (raw.get("status") or {}).get("phase") not in _ENDED}
    leases = {one.uid: one for one in history.commits if one.resource == "leases"}
    lines = [one.raw for uid, one in leases.items() if uid not in _removed(one)]
    line = Line.parse("\n".join(raw["metadata"]["annotations"][ANNOTATION_LINE] for raw in lines))
    for place in line.places:
        if place.uid not in open_:
            yield f"{place.name} is in line, and has ended or is gone"
    for uid, raw in open_.items():
        status = raw.get("status") or {}
        holds, placed = any(line.epochs(uid).values()), "placeTime" in status
        if placed is not holds and not (raw["spec"].get("suspend") and not placed):
            yield f"{raw['metadata']['name']} is {status.get('phase')}, and {'has' if holds else 'has no'} place"
        if status.get("phase") == "Queued" and uid not in {one.uid for one in line.places}:
            yield f"{raw['metadata']['name']} waits, and is not in line"


@invariant
def a_step_is_tried_no_more_often_than_is_allowed(history: History) -> Iterator[str]:
    default = history.scenario.spec.get("defaults", {}).get("retry", {}).get("limit", 0)
    for name, record in history.records.items():
        step = history.scenario.steps[name]
        step = step["fallback"] if record.get("way") == "Fallback" else step
        limit = step.get("retry", {}).get("limit", default)
        if record.get("attempt", 1) - record.get("retriesFrom", 1) > limit:
            yield f"{name}: attempt {record['attempt']}, {limit} retries allowed"


@invariant
def what_is_recorded_to_have_succeeded_has(history: History) -> Iterator[str]:
    """By the facts: a container of it ended well."""
    good = {(c.work.step, c.work.direction) for c in history.containers if c.exit_code == 0}
    for name, record in history.last_records.items():
        if record["state"] == "Succeeded" and (name, FINALLY) not in good:
            yield f"the finally step {name}"
    for name, record in history.records.items():
        if record["state"] == "Succeeded" and history.scenario.has_job(name) and (name, FORWARD) not in good:
            yield name
        undo = record.get("compensation") or {}
        by_job = "container" in (history.scenario.undo(name) or {})
        if undo.get("state") == "Succeeded" and by_job and (name, COMPENSATION) not in good:
            yield f"the undo of {name}"


@invariant
def outputs_are_given_by_a_success_and_by_nothing_else(history: History) -> Iterator[str]:
    given = history.status.get("outputs")
    declared = {one["name"]: one["value"] for one in history.scenario.spec.get("outputs", ())}
    if (given is not None) != (bool(declared) and history.status.get("phase") == "Succeeded"):
        yield f"{given} in phase {history.status.get('phase')}, declared {declared}"
        return
    for name, value in (given or {}).items():
        _, step, part, *key = declared[name].strip("$()").split(".")
        record = history.records[step]
        expected = record["state"] if part == "outcome" else record.get("outputs", {}).get(*key, "")
        if value != expected:
            yield f"{name} is {value}, and {declared[name]} is {expected}"


@invariant
def the_phase_tells_what_became_of_the_steps(history: History) -> Iterator[str]:
    status = history.status
    phase = status.get("phase")
    if phase == "Succeeded":
        states = {name: history.records.get(name, {}).get("state") for name in history.scenario.steps}
        tolerated = {n for n, s in states.items() if s == "Failed" and history.scenario.steps[n].get("optional")}
        missing = sorted(n for n, state in states.items() if state not in _DONE and n not in tolerated)
        if missing:
            yield f"Succeeded without {missing}"
        if bool(tolerated) != (status.get("reason") == "PartiallySucceeded"):
            yield f"{status.get('reason')}, and {sorted(tolerated)} failed"
    if phase == "RolledBack":
        for name, record in history.records.items():
            undo = history.scenario.undo(name)
            left = (record.get("compensation") or {}).get("state") not in _DONE
            due = record.get("attempted", True) and (undo or {}).get("when") != "Succeeded"
            if undo and due and left and record["state"] != "Skipped":
                yield f"RolledBack with {name} left"


@invariant
def finally_steps_run_when_everything_else_has_ended(history: History) -> Iterator[str]:
    """Within an epoch: nothing else runs then, and nothing else begins any more."""
    excused = assumed(history) | robbed(history) | orphaned(history)
    last_in: int | None = None
    for epoch, birth in _with_epoch(history):
        if birth.tombstone:
            continue
        if birth.work.direction is not FINALLY:
            if last_in == epoch and birth.work.step not in excused:
                yield f"{birth.commit.name} at {birth.commit.time:.3f} after a finally step"
            continue
        last_in, at = epoch, birth.commit.time
        for one in history.containers:
            others = one.work.direction is not FINALLY and one.work.workflow_uid == history.uid
            runs = one.began < at and (one.ended is None or one.ended > at)
            if others and runs and one.work.step not in excused:
                yield f"{one.work.step} runs from {one.began:.3f} to {one.ended}, {birth.commit.name} from {at:.3f}"


@invariant
def a_run_ends_only_after_its_finally_steps(history: History) -> Iterator[str]:
    """But where a person ends it at once, it never was one, or it never got its place."""
    status = history.status
    ends = status.get("phase") in _ENDED and status.get("reason") != "InvalidSpec" and not status.get("terminateTime")
    lacks_place = "concurrency" in history.scenario.spec and "placeTime" not in status
    never_began = lacks_place and status.get("phase") != "Succeeded"
    if not ends or never_began or not history.scenario.last:
        return
    states = {name: history.last_records.get(name, {}).get("state") for name in history.scenario.last}
    open_ = {name: state for name, state in states.items() if state not in ("Succeeded", "Failed", "Cancelled")}
    if open_:
        yield f"{status['phase']} with {open_}"
    if status["phase"] == "Succeeded" and any(state != "Succeeded" for state in states.values()):
        yield f"Succeeded with {states}"


@invariant
def nothing_runs_after_the_end(history: History) -> Iterator[str]:
    if history.status.get("phase") not in _ENDED or history.left:
        return
    excused = assumed(history) | robbed(history) | orphaned(history)
    for one in history.containers:
        if one.ended is None and one.work.workflow_uid == history.uid and one.work.step not in excused:
            yield f"{one.work.direction} of {one.work.step}"


@invariant
def a_terminal_phase_does_not_change_within_its_epoch(history: History) -> Iterator[str]:
    before: tuple[str | None, int] = (None, 1)
    for commit in history.statuses:
        status = commit.raw.get("status") or {}
        now = (status.get("phase"), status.get("epoch", 1))
        mended = now[0] != "Failed" and (status.get("failure") or {}).get("reason") != "InvalidSpec"
        if before[0] in _ENDED and now[0] != before[0] and now[1] == before[1] and not mended:
            yield f"{before[0]} became {now[0]} at {commit.time:.3f}"
        if before[0] in _ENDED and now[0] != before[0] and now[1] == before[1] and mended:
            yield f"{before[0]} became {now[0]} in epoch {now[1]} at {commit.time:.3f}"
        before = now


@invariant
def no_status_write_is_lost(history: History) -> Iterator[str]:
    """Each is bound to the one before it, and counts it."""
    writes = 0
    for commit in history.statuses:
        now = (commit.raw.get("status") or {}).get("writes", 0)
        if commit.actor.startswith("operator") and now != writes + 1:
            yield f"write {now} after write {writes} at {commit.time:.3f}"
        writes = now


@invariant
def the_operator_writes_nothing_but_what_is_its_own(history: History) -> Iterator[str]:
    for one in history.by_operators:
        allowed = _ALLOWED.get((one.verb, one.resource))
        if allowed is None or not allowed(history, one):
            yield f"{one.verb} {one.resource} {one.name} at {one.time:.3f}"


def _own_job(history: History, commit: Any) -> bool:
    owners = commit.raw["metadata"].get("ownerReferences") or ()
    return len(owners) == 1 and owners[0]["kind"] == "Workflow" and owners[0]["controller"]


def _stop(history: History, commit: Any) -> bool:
    spec = commit.detail.get("spec", {})
    return (
        set(commit.detail) == {"metadata", "spec"}
        and spec.items()
        <= {
            "activeDeadlineSeconds": 1,
            "suspend": False,
            "parallelism": 0,
        }.items()
    )


def _deletes(history: History, commit: Any) -> bool:
    step = commit.raw["metadata"]["labels"]["kubesaga.dev/step"]
    return "deleteJob" in (history.scenario.undo(step) or {}) and commit.detail == "Foreground"


def _finalizer(history: History, commit: Any) -> bool:
    before = set((commit.before or commit.raw)["metadata"].get("finalizers") or ())
    after = set(commit.raw["metadata"].get("finalizers") or ())
    return set(commit.detail) == {"metadata"} and before ^ after <= {FINALIZER}


def _always(history: History, commit: Any) -> bool:
    return True


def _has_time_to_live(history: History, commit: Any) -> bool:
    return "ttlSecondsAfterFinished" in history.scenario.spec


def _has_a_key(history: History, commit: Any) -> bool:
    return "concurrency" in history.scenario.spec


def _is_disturbed(history: History, commit: Any) -> bool:
    """A resubmission, which a person has to request."""
    return history.disturbed


_ALLOWED: Final[dict[tuple[str, str], Callable[[History, Any], bool]]] = {
    ("status", "workflows"): _always,
    ("create", "jobs"): _own_job,
    ("patch", "jobs"): _stop,
    ("delete", "jobs"): _deletes,
    ("patch", "workflows"): _finalizer,
    ("delete", "workflows"): _has_time_to_live,
    ("create", "workflows"): _is_disturbed,
    ("create", "leases"): _has_a_key,
    ("patch", "leases"): _has_a_key,
    ("delete", "leases"): _has_a_key,
}


@invariant
def at_rest_nothing_is_written(history: History) -> Iterator[str]:
    for one in history.commits[history.rest :]:
        if one.actor.startswith("operator"):
            yield f"{one.verb} {one.resource} {one.name} at {one.time:.3f}"
