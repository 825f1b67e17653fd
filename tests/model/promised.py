"""What is promised: the spec as the invariants read it, the truth, and the words for both.

Nothing here asks the engine what it thinks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kubesaga.api.names import Direction
from kubesaga.api.status import CompensationStatus, Execution, StepState, StepStatus, WorkflowStatus
from model.brain import Brain
from model.cluster import Jobs, runs
from model.configuration import Configuration
from model.state import LETTER, Act, Job, Stored

FORWARD, FALLBACK, COMPENSATION, FINALLY = (one.value for one in Direction)
STARTS: Final = StepState.STARTING
NEEDLESS: Final = ("ConditionFalse", "TriggerRuleNotMet")
"""Why the graph skips a step."""
WELL: Final = (StepState.SUCCEEDED, StepState.SKIPPED)


@dataclass(frozen=True)
class Written:
    """A status write that the API server accepted."""

    before: WorkflowStatus
    after: WorkflowStatus
    jobs: Jobs
    stored: Stored


@dataclass(frozen=True)
class Effect:
    """A call that an operator makes, and what there was just before it."""

    act: Act
    status: WorkflowStatus
    jobs: Jobs
    stored: Stored


class Promised:
    """The spec as the invariants read it, and what the Jobs' names mean."""

    def __init__(self, configuration: Configuration, brain: Brain) -> None:
        self.configuration = configuration
        self._brain = brain
        self.names: dict[str, tuple[str, str, int, int]] = {}
        """What each Job name stands for."""
        self.steps: dict[str, Mapping[str, Any]] = {step["name"]: step for step in configuration.spec["steps"]}
        self.last: dict[str, Mapping[str, Any]] = {one["name"]: one for one in configuration.spec.get("finally", ())}
        self.before = {name: frozenset(step["dependsOn"]) for name, step in self.steps.items()}
        self.fallbacks = {name: step["fallback"] for name, step in self.steps.items() if "fallback" in step}
        self.by_deletion = {n for n, step in self.steps.items() if "deleteJob" in step.get("compensate", ())}
        self.jobless = {name for name, step in self.steps.items() if "container" not in step}
        self.approvals = {name for name, step in self.steps.items() if "approval" in step}
        self.optional = {name for name, step in self.steps.items() if step.get("optional")}
        self.continues = configuration.spec.get("onFailure") == "Continue"
        self.pivots = {n for n, step in self.steps.items() if step.get("boundary") == "Pivot"}

    @property
    def alone(self) -> bool:
        """Whether nobody acts on a decision from the past: no second leader, none that begins with an old list."""
        return self.configuration.operators == 1 and not self.configuration.journeys

    def rule(self, step: str) -> str:
        """The trigger rule of a step."""
        return str(self.steps[step].get("triggerRule", "AllSucceeded"))

    def became(self, step: str, status: WorkflowStatus) -> str:
        """What became of a step: succeeded, needless, failed, or nothing yet. What never starts has failed."""
        record = next((r for r in status.steps if r.name == step), None)
        if record is None:
            never = self.continues and any(self.fails(name, status) for name in self.ancestors(step))
            return "failed" if never and self.rule(step) in ("AllSucceeded", "NoneFailed") else ""
        if record.state is StepState.SKIPPED and record.reason in NEEDLESS:
            return "needless"
        if record.state in WELL:
            return "succeeded"
        return "failed" if record.state in (StepState.FAILED, StepState.CANCELLED) else ""

    def fails(self, step: str, status: WorkflowStatus) -> bool:
        """Whether a step failed that may not, or was cancelled."""
        record = next((r for r in status.steps if r.name == step), None)
        if record is None or record.state not in (StepState.FAILED, StepState.CANCELLED):
            return False
        return record.state is StepState.CANCELLED or step not in self.optional

    def may_start(self, step: str, status: WorkflowStatus) -> bool:
        """Whether the trigger rule of a step is met, as the design has it."""
        became = [self.became(name, status) for name in self.before[step]]
        match self.rule(step):
            case "AllSucceeded":
                return all(self._lets_on(name, status) for name in self.before[step])
            case "AllFinished":
                return all(became)
            case "AnySucceeded":
                return "succeeded" in became
            case "AnyFailed":
                return "failed" in became
            case "AllFailed":
                return set(became) == {"failed"}
            case _:
                return all(became) and "failed" not in became

    def _lets_on(self, step: str, status: WorkflowStatus) -> bool:
        """Whether a step is over so that one after it may start by AllSucceeded."""
        became = self.became(step, status)
        tolerated = became == "failed" and step in self.optional and not self.fails(step, status)
        return became in ("succeeded", "needless") or tolerated

    def after(self, step: str) -> frozenset[str]:
        """Every step that depends on a step, directly or not."""
        found = {name for name, before in self.before.items() if step in before}
        return frozenset(found.union(*(self.after(name) for name in found)))

    def ancestors(self, step: str) -> frozenset[str]:
        return self.before[step].union(*(self.ancestors(name) for name in self.before[step]))

    def kept(self, status: WorkflowStatus) -> set[str]:
        """What a savepoint keeps."""
        saved = {r.name for r in status.steps if r.state in WELL and self.steps[r.name].get("boundary") == "Savepoint"}
        return saved.union(*(self.ancestors(name) for name in saved))

    def to_undo(self, status: WorkflowStatus) -> set[str]:
        """Every step that has to be undone."""
        return {r.name for r in status.steps if self.ways_to_undo(r)} - self.kept(status)

    def ways_to_undo(self, record: StepStatus) -> list[str]:
        """The ways of a step that have to be undone, in that order."""
        attempted = {FALLBACK: record.fallback_from is not None, FORWARD: record.attempted}
        return [way for way, ever in attempted.items() if ever and self._needs_undo(record, way)]

    def _needs_undo(self, record: StepStatus, way: str) -> bool:
        if not self.declares_undo(record.name, way):
            return False
        when = self._written(record.name, way)["compensate"].get("when", "Attempted")
        return when == "Attempted" or (record.state is StepState.SUCCEEDED and record.way == way)

    def declares_undo(self, step: str, way: str) -> bool:
        """Whether that way of the step has an undo."""
        return "compensate" in self._written(step, way)

    def _written(self, step: str, way: str) -> Mapping[str, Any]:
        """What the spec says of one way of a step."""
        return self.fallbacks.get(step, {}) if way == FALLBACK else self.steps[step]

    def limit(self, step: str, direction: str, record: Execution) -> int:
        """How many retries there are, of the way that the record is about."""
        way = record.way if isinstance(record, StepStatus | CompensationStatus) else FORWARD
        written = self.last[step] if direction == FINALLY else self._written(step, way)
        written = written["compensate"] if direction == COMPENSATION else written
        return int((written.get("retry") or {}).get("limit", 5 if direction == COMPENSATION else 0))

    def job_of(self, step: str, direction: str, record: Execution, jobs: Jobs) -> list[Job]:
        """Every Job that the attempt of a record ever had, the last one last."""
        found = []
        for job in jobs:
            meaning = self._brain.names.get(job.name)
            if meaning is None or meaning.key != _label(meaning, record.epoch):
                continue
            if (meaning.step, meaning.direction, meaning.attempt) == (step, direction, record.attempt):
                found.append(job)
        return found

    def jobs_of(self, step: str, direction: str | None, jobs: Jobs) -> list[Job]:
        """Every Job of a step."""
        meanings = ((self._brain.names.get(job.name), job) for job in jobs)
        return [j for m, j in meanings if m and m.step == step and direction in (None, m.direction)]

    def epoch(self, job: Job) -> int:
        """The epoch of a Job of ours."""
        return int(self.label(job.name).partition("e")[2] or 1)

    def is_residue(self, e: "Effect") -> bool:
        """Whether it is the residue of rules 1 and 3: the second Job of a name whose first somebody deleted.

        One leader creates it only while no uid of the first is recorded. One that was paused, or read an old list,
        may do so later; so, with two leaders, may it where an undo deletes the Job: the tombstone that is to take the
        name then finds it, and it is deleted again.
        """
        if not any(job.name == e.act.name and job.real for job in e.jobs):
            return False
        if not self.alone:
            return bool(self.configuration.deletions) or e.act.step in self.by_deletion
        record = executions(e.status).get((e.act.step, e.act.direction))
        unknown = record is not None and record.job_uid is None and record.state is STARTS
        return bool(self.configuration.deletions) and unknown

    def running(
        self, jobs: Jobs, status: WorkflowStatus, recorded: WorkflowStatus | None = None
    ) -> Iterator[tuple[Act, Job]]:
        """Every Pod of ours that runs, and for what; not those that a person takes for ended, and not the residue.

        The residue of rule 3: a Job that somebody deleted before its uid was recorded leaves a Pod that nobody knows;
        and the second Job of a name, which a paused leader has created. `recorded`: the status that knows the uids.
        """
        records = executions(recorded or status)
        for job in jobs:
            meaning = self.meaning(job)
            if meaning is None or not runs(job) or assumed(status, meaning.step):
                continue
            if job.count and not self.alone:
                continue
            record = records.get((meaning.step, meaning.direction))
            known = record is not None and record.job_uid == job.uid
            if job.exists or known or not self.configuration.deletions:
                yield meaning, job

    def meaning(self, job: Job) -> Act | None:
        """What a Job is for."""
        return self._brain.names.get(job.name)

    def label(self, name: str) -> str:
        return self._brain.label(name)


def _label(meaning: Act, epoch: int) -> str:
    short = f"{meaning.step}-{LETTER[meaning.direction]}{meaning.attempt}"
    return f"{short}e{epoch}" if epoch > 1 else short


Found = str | None
"""What breaks a rule, in words; None or nothing where it holds."""


def executions(status: WorkflowStatus) -> dict[tuple[str, str], Execution]:
    """Every record of a step, of an undo and of a finally step."""
    found: dict[tuple[str, str], Execution] = {}
    for record in status.steps:
        found[record.name, FORWARD] = record
        if record.compensation is not None:
            found[record.name, COMPENSATION] = record.compensation
    for last in status.finally_.steps if status.finally_ is not None else ():
        found[last.name, FINALLY] = last
    return found


def assumed(status: WorkflowStatus, step: str) -> bool:
    """Whether a person asserted that a Pod of the step has ended, at any time."""
    return any(one.verb == "assume-stopped" and one.accepted and one.target == step for one in status.handled_requests)


def told(p: Promised, job: Job) -> str:
    gone = ", which is gone" if not job.exists else ""
    return f"the Pod of {p.label(job.name)}{gone} runs"
