"""What happened in a run, as the server's commits and the machines tell it: what the oracle judges."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kubesaga.api.names import LABEL_TOMBSTONE, Direction
from simulation.nodes import Container, Work
from simulation.scenarios import Scenario
from simulation.server import Commit, Raw
from simulation.world import WORKFLOW

FORWARD, COMPENSATION, FINALLY = Direction.FORWARD, Direction.COMPENSATION, Direction.FINALLY
_TERMINAL = ("Succeeded", "Failed", "Cancelled", "RolledBack", "PartiallyRolledBack", "RollbackFailed")


@dataclass(slots=True)
class Birth:
    """A Job that an operator created."""

    commit: Commit
    work: Work
    tombstone: bool


@dataclass
class History:
    """One run, from its first commit to its rest."""

    scenario: Scenario
    commits: list[Commit]
    containers: list[Container]
    disturbed: bool
    """Whether others deleted Jobs, Pods or the Workflow, or asked for verbs."""
    uid: str
    rest: int = 0
    """How many commits there were when the run had come to rest."""
    calls: int = 0
    seconds: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)
    story: list[tuple[float, str]] = field(default_factory=list)
    left: bool = False
    """Whether the Workflow is not there any more."""
    complaints: list[str] = field(default_factory=list)
    """What went wrong in a way that no commit tells: an operator that ended, a pass that failed."""

    @cached_property
    def by_operators(self) -> list[Commit]:
        """The commits of operators."""
        return [one for one in self.commits if one.actor.startswith("operator")]

    @cached_property
    def births(self) -> list[Birth]:
        """Every Job of the Workflow that an operator created, in order."""
        made = [one for one in self.by_operators if (one.verb, one.resource) == ("create", "jobs")]
        births = [Birth(one, Work.of(one.raw), LABEL_TOMBSTONE in one.raw["metadata"]["labels"]) for one in made]
        return [one for one in births if one.work.workflow_uid == self.uid and one.commit.time < self.gone_at]

    @cached_property
    def gone_at(self) -> float:
        """When the Workflow was taken out, with all that guards its names; infinity if it never was."""
        return self.last.time if self.left else float("inf")

    @cached_property
    def statuses(self) -> list[Commit]:
        """Every commit of the Workflow's own status."""
        mine = [one for one in self.commits if one.resource == "workflows" and one.uid == self.uid]
        return [one for one in mine if one.verb == "status" and one.changed]

    @cached_property
    def sharing(self) -> list[Commit]:
        """Every commit of a Workflow that has a concurrency key, its own and others'."""
        return [one for one in self.commits if one.resource == "workflows" and "concurrency" in one.raw["spec"]]

    @cached_property
    def last(self) -> Commit:
        """The last commit of the Workflow."""
        return next(one for one in reversed(self.commits) if one.resource == "workflows" and one.uid == self.uid)

    @property
    def status(self) -> Raw:
        """The last status of the Workflow."""
        found: Raw = self.last.raw.get("status") or {}
        return found

    @property
    def ended(self) -> bool:
        """Whether the run is in a phase that it leaves on request only."""
        return self.status.get("phase") in _TERMINAL

    @cached_property
    def records(self) -> dict[str, Raw]:
        """The last record of each step."""
        return {one["name"]: one for one in self.status.get("steps", ())}

    @cached_property
    def last_records(self) -> dict[str, Raw]:
        """The last record of each finally step."""
        return {one["name"]: one for one in self.status.get("finally", {}).get("steps", ())}

    @cached_property
    def epochs(self) -> int:
        """The last epoch."""
        epoch: int = self.status.get("epoch", 1)
        return epoch

    @cached_property
    def descendants(self) -> dict[str, set[str]]:
        """By step, all steps that come after it."""
        dependents: dict[str, list[str]] = {name: [] for name in self.scenario.steps}
        for name, step in self.scenario.steps.items():
            for one in step.get("dependsOn", ()):
                dependents[one].append(name)
        found: dict[str, set[str]] = {}

        def after(name: str) -> set[str]:
            stack, seen = list(dependents[name]), set()
            while stack:
                one = stack.pop()
                if one not in seen:
                    seen.add(one)
                    stack.extend(dependents[one])
            return seen

        for name in self.scenario.steps:
            found[name] = after(name)
        return found

    def digest(self) -> str:
        """A digest of everything that happened, in its order: equal for two runs of one seed, and for them only."""
        told = hashlib.sha256()
        for one in self.commits:
            told.update(json.dumps([one.time, one.actor, one.verb, one.resource, one.changed, one.raw]).encode())
        told.update(json.dumps([self.story, self.seconds, self.complaints]).encode())
        return told.hexdigest()

    def end_state(self) -> dict[str, Any]:
        """What became of the Workflow, times and words aside."""
        status, failure = self.status, self.status.get("failure") or {}
        fields = ("phase", "reason", "epoch", "progress", "rollbackProgress", "incarnations")
        requests = sorted((one["verb"], one["token"], one["accepted"]) for one in status.get("handledRequests", ()))
        return {
            **{one: status.get(one) for one in fields},
            "gone": self.left,
            "failure": (failure.get("reason"), failure.get("step")),
            "requests": requests,
            "steps": {name: _record(one) for name, one in sorted(self.records.items())},
            "finally": {name: _record(one) for name, one in sorted(self.last_records.items())},
        }

    def jobs(self) -> Counter[str]:
        """What operators did with Jobs, as often as they did."""
        done = Counter(f"{'tombstone' if b.tombstone else 'create'} {_work(b.work)}" for b in self.births)
        for one in self.by_operators:
            if one.resource == "jobs" and one.verb in ("delete", "patch") and one.changed:
                work = Work.of(one.raw)
                if work.step in self.scenario.rivals:
                    continue
                done[f"{one.verb} {_work(work)}"] += 1
        return done


def _work(work: Work) -> str:
    return f"{work.direction} {work.step} {work.attempt}/{work.epoch}"


def _record(record: Raw) -> dict[str, Any]:
    fields = ("state", "way", "attempt", "epoch", "reason", "attempted", "outputs", "retriesFrom")
    undo = {"undo": _record(record["compensation"])} if "compensation" in record else {}
    return {one: record[one] for one in fields if one in record} | undo


__all__ = ["COMPENSATION", "FINALLY", "FORWARD", "WORKFLOW", "Birth", "History"]
