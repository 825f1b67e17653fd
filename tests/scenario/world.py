"""A Workflow, its Jobs and Pods as a test lays them out; a pass is one call of `reconcile`.

The world does what a cluster would do with a decision: it keeps the status and makes the Jobs. What becomes of them,
and what is seen of it, the test says.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kubesaga.api.names import Direction, job_name
from kubesaga.api.status import CompensationStatus, Execution, FinallyStepStatus, StepStatus, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import (
    ClaimPlace,
    ConfirmJob,
    CreateJob,
    CreateWorkflow,
    DeleteJob,
    DeleteWorkflow,
    ReadNamespace,
    ReleasePlace,
    SetFinalizers,
    StopJob,
)
from kubesaga.engine.decision import Decision
from kubesaga.engine.line import Line, Place
from kubesaga.engine.observation import (
    JobObservation,
    Observed,
    PlaceObservation,
    PodObservation,
    Refusal,
    ResubmissionObservation,
)
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.reconcile import reconcile
from kubesaga.engine.spec_error import InvalidSpec

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
UID = "11111111-2222-3333-4444-555555555555"
FORWARD, COMPENSATION, FINALLY = Direction.FORWARD, Direction.COMPENSATION, Direction.FINALLY


def step(name: str, *dependencies: str, undo: bool | Mapping[str, Any] = False, **fields: Any) -> dict[str, Any]:
    """A step of a spec; `undo` gives it a compensating container, or the `compensate` that is given."""
    made: dict[str, Any] = {"name": name, "dependsOn": list(dependencies), "container": {"image": "i"}, **fields}
    if undo:
        made["compensate"] = undo if isinstance(undo, Mapping) else {"container": {"image": "i"}}
    return made


def request(world: "World", verb: str, token: str = "1", **said: str) -> tuple[bool, str]:
    """Ask for a verb, with a note or outputs; gives whether it was accepted, and the answer."""
    world.annotations[f"kubesaga.dev/{verb}"] = token
    world.annotations |= {f"kubesaga.dev/{verb}-{what}": text for what, text in said.items()}
    world.passes()
    handled = [one for one in world.status.handled_requests if one.verb == verb][-1]
    return handled.accepted, handled.message


class World:
    """One Workflow and all there is of it."""

    def __init__(self, *steps: Mapping[str, Any], **spec: Any) -> None:
        self.spec: dict[str, Any] = {"steps": list(steps), **spec}
        self.now = BEGINNING
        self.annotations: dict[str, str] = {}
        self.jobs: dict[str, JobObservation] = {}
        self.pods: dict[str, tuple[PodObservation, ...]] = {}
        self.refusals: dict[str, Refusal] = {}
        self.deleting = False
        self.finalizers: tuple[str, ...] = ()
        self.namespace_terminating = False
        self.resubmission: ResubmissionObservation | None = None
        self.line = Line()
        """The line of the concurrency key, if there is one."""
        self.line_read = False
        """Whether the next pass is told that the line was read live."""
        self.ended: frozenset[str] = frozenset()
        """Uids of holders of a place that have ended."""
        self.generation = 1
        self.status = WorkflowStatus()
        self.decision: Decision | None = None
        self.manifests: list[dict[str, Any]] = []
        """Of every Job that a pass created, in order."""
        self.told: list[tuple[str, str]] = []
        """Reason and message of every Event."""

    # Passes

    def passes(self, *confirmed: str, namespace_read: bool = False) -> Decision:
        """One pass: its status is kept, its creates are done."""
        observed = self.observed(*confirmed)
        if namespace_read:
            observed = replace(observed, namespace_terminating=self.namespace_terminating)
        decision = reconcile(self.workflow(), self.plan(), observed, self.now)
        self.status, self.decision, self.line_read = decision.status, decision, False
        self.told += [(event.reason, event.message) for event in decision.events]
        for action in decision.actions:
            if isinstance(action, CreateJob) and action.name not in self.refusals:
                self.jobs.setdefault(action.name, self._job(action))
                self.manifests.append(dict(action.manifest))
            elif isinstance(action, SetFinalizers):
                self.finalizers = action.finalizers
            elif isinstance(action, ClaimPlace):
                joined = self.line.join(action.place, first=action.first)
                self.line = self.line.join_if_free(action.place) if action.only_if_free else joined
                self.line_read = True
            elif isinstance(action, ReleasePlace):
                self.line = self.line.leave(UID, action.epoch)
            elif isinstance(action, StopJob):
                job = next(one for one in self.jobs.values() if one.uid == action.uid)
                self.jobs[job.name] = replace(job, active_deadline_seconds=1, suspended=False)
        return decision

    def settles(self) -> Decision:
        """Passes until none asks for anything; live reads confirm what the world lacks, each for the next pass."""
        asked: list[str] = []
        for _ in range(50):
            asked = [a.name for a in self.passes(*asked).actions if isinstance(a, ConfirmJob)]
            if not self.last.actions:
                return self.last
        raise AssertionError("passes without end")

    @property
    def last(self) -> Decision:
        """The last decision."""
        assert self.decision is not None
        return self.decision

    def workflow(self) -> Workflow:
        """The Workflow as a pass reads it."""
        return Workflow(
            "default",
            "order",
            UID,
            self.generation,
            "7",
            BEGINNING,
            self.deleting,
            self.finalizers,
            self.annotations,
            self.spec,
            self.status,
        )

    def plan(self) -> Plan | InvalidSpec:
        """The plan of the spec, or its errors."""
        try:
            return WorkflowPlanner().plan(self.spec)
        except InvalidSpec as invalid:
            return invalid

    def observed(self, *confirmed: str) -> Observed:
        """What a pass sees."""
        return Observed(
            dict(self.jobs),
            dict(self.pods),
            dict(self.refusals),
            frozenset(confirmed),
            resubmission=self.resubmission,
            place=self._place(),
        )

    def _place(self) -> PlaceObservation | None:
        key = self.spec.get("concurrency", {}).get("key")
        return PlaceObservation(key, self.line, self.line_read, self.ended) if key else None

    def stand(self, name: str, *, limit: int = 1, epoch: int = 1) -> "World":
        """Let another Workflow stand in line."""
        self.line = self.line.join(Place(name, f"uid-{name}", epoch, limit))
        return self

    def after(self, seconds: float) -> "World":
        """Let time go by."""
        self.now += timedelta(seconds=seconds)
        return self

    # What became of Jobs

    def name(self, step_: str, direction: Direction = FORWARD, attempt: int | None = None) -> str:
        """The name of a Job; of the current attempt by default."""
        record = self.record(step_, direction)
        epoch = record.epoch if record else self.status.epoch
        return job_name(UID, step_, direction, attempt or (record.attempt if record else 1), epoch)

    def job(self, step_: str, direction: Direction = FORWARD, **fields: Any) -> JobObservation:
        """Change what is seen of a Job."""
        name = self.name(step_, direction)
        self.jobs[name] = replace(self.jobs[name], **fields)
        return self.jobs[name]

    def pod(self, step_: str, direction: Direction = FORWARD, **fields: Any) -> None:
        """Show one Pod of a Job."""
        uid = self.jobs[self.name(step_, direction)].uid
        pod = PodObservation(f"{step_}-pod", f"{uid}-pod", "1", uid, "Running", "node-1", None, None, "", "", "", None)
        self.pods[uid] = (replace(pod, **fields),)

    def succeed(self, *steps: str, direction: Direction = FORWARD, message: str = "") -> "World":
        """Jobs that did their work, down to the last condition."""
        for one in steps:
            self.pod(one, direction, phase="Succeeded", exit_code=0, termination_message=message)
            self.job(one, direction, succeeded=1, complete=True, active=0)
        return self

    def fail(self, *steps: str, direction: Direction = FORWARD, reason: str = "BackoffLimitExceeded") -> "World":
        """Jobs that failed, down to the last condition."""
        for one in steps:
            self.pod(one, direction, phase="Failed", exit_code=1, termination_message="no luck")
            self.job(one, direction, failed=True, failed_reason=reason, active=0)
        return self

    def vanish(self, step_: str, direction: Direction = FORWARD) -> str:
        """A Job that somebody deleted, with its Pods."""
        name = self.name(step_, direction)
        self.pods.pop(self.jobs.pop(name).uid, None)
        return name

    # What is recorded

    @property
    def steps(self) -> dict[str, StepStatus]:
        """Records by step."""
        return {record.name: record for record in self.status.steps}

    @property
    def last_steps(self) -> dict[str, FinallyStepStatus]:
        """Records by finally step."""
        return {record.name: record for record in self.status.finally_.steps} if self.status.finally_ else {}

    def record(self, step_: str, direction: Direction) -> Execution | None:
        """The record of a step, of its undo or of a finally step."""
        if direction is FINALLY:
            return self.last_steps.get(step_)
        return self.undo(step_) if direction is COMPENSATION else self.steps.get(step_)

    def states(self) -> dict[str, str]:
        """State of every step that has a record, as `state` or `state/undo state`."""
        return {
            name: record.state + (f"/{record.compensation.state}" if record.compensation else "")
            for name, record in self.steps.items()
        }

    def undo(self, step_: str) -> CompensationStatus | None:
        """The record of a step's undo."""
        record = self.steps.get(step_)
        return record.compensation if record else None

    def condition(self, type_: str) -> tuple[str, str] | None:
        """Status and reason of a condition."""
        found = next((c for c in self.status.conditions if c.type == type_), None)
        return (found.status, found.reason) if found else None

    def actions(self) -> list[str]:
        """The actions of the last pass, in short: `create a`, `tombstone a`, `stop a`, `undo a`, `confirm a`."""
        return sorted(_short(action) for action in self.last.actions)

    def _job(self, action: CreateJob) -> JobObservation:
        deadline = action.manifest["spec"].get("activeDeadlineSeconds")
        return JobObservation(
            name=action.name,
            uid=f"uid-{action.name}",
            resource_version="1",
            owner_uid=UID,
            created=self.now,
            deleting=False,
            tombstone=action.tombstone,
            suspended=action.tombstone,
            active_deadline_seconds=deadline,
            start_time=None if action.tombstone else self.now,
            active=0 if action.tombstone else 1,
            terminating=0,
            succeeded=0,
            complete=False,
            failed=False,
            failed_reason="",
            failed_message="",
        )


def _short(action: object) -> str:
    match action:
        case CreateJob(tombstone=True, step=name):
            return f"tombstone {name}"
        case CreateJob(direction=Direction.COMPENSATION, step=name):
            return f"undo {name}"
        case CreateJob(direction=Direction.FINALLY, step=name):
            return f"finally {name}"
        case CreateJob(step=name):
            return f"create {name}"
        case StopJob(name=name):
            return f"stop {name.rsplit('-', 2)[0]}"
        case DeleteJob(name=name):
            return f"delete {name.rsplit('-', 2)[0]}"
        case ConfirmJob(name=name):
            return f"confirm {name.rsplit('-', 2)[0]}"
        case DeleteWorkflow():
            return "delete workflow"
        case SetFinalizers(finalizers=finalizers):
            return f"finalizers {' '.join(finalizers)}".strip()
        case ReadNamespace():
            return "read namespace"
        case CreateWorkflow(name=name):
            return f"create workflow {name}"
    return _short_of_place(action)


def _short_of_place(action: object) -> str:
    assert isinstance(action, ClaimPlace | ReleasePlace)
    return f"{'claim' if isinstance(action, ClaimPlace) else 'release'} {action.key}"
