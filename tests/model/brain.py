"""What the engine decides: the real `reconcile`, asked once for each thing that an operator can see.

Time: the engine is told a moment. All that is past is one moment, `BEGINNING` (or `LATE`, once the deadline passed),
and a back-off that is not over is one other. So the states stay finite, and a timer may fire at any time, or not yet.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from kubesaga.api.names import ENV_IDEMPOTENCY_KEY
from kubesaga.api.status import WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine import reconcile as engine
from kubesaga.engine.action import (
    Action,
    ConfirmJob,
    CreateJob,
    CreateWorkflow,
    DeleteJob,
    ReadNamespace,
    SetFinalizers,
    StopJob,
)
from kubesaga.engine.attempt import STOP_DEADLINE_SECONDS
from kubesaga.engine.decision import Write
from kubesaga.engine.observation import JobObservation, Observed, PodObservation, Refusal, ResubmissionObservation
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from model.configuration import BACKOFF_SECONDS, DEADLINE_SECONDS, Configuration
from model.state import (
    BROKE,
    COMPLETE,
    CONFIRM,
    CREATE,
    DEADLINE,
    DEADLINE_BUT_DONE,
    DELETE,
    DELETING,
    DONE,
    FAILED,
    FINALIZE,
    LETTER,
    OUR_UID,
    READ_NAMESPACE,
    RESUBMIT,
    STOP,
    TOMB,
    TOMBSTONE,
    Act,
    JobView,
    Numbered,
    Operator,
    PodView,
    Stored,
)

BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
LATE: Final = BEGINNING + timedelta(seconds=DEADLINE_SECONDS)
BACKOFF: Final = timedelta(seconds=BACKOFF_SECONDS)
FAR: Final = BEGINNING + timedelta(days=365)
"""Jobs were made then: so none of them is ever overdue, which would change messages only."""


class Verdict(NamedTuple):
    """A decision, as far as the model cares."""

    status: int
    write: Write
    actions: tuple[Act, ...]
    at_once: bool
    """Whether it asks to pass again at once."""
    later: bool
    """Whether it asks to pass again when a timer is over."""


class Brain:
    """Asks the engine, and remembers its answers."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._plans = {
            suspend: WorkflowPlanner().plan({**configuration.spec, "suspend": suspend}) for suspend in (False, True)
        }
        self._verdicts: dict[tuple[Any, ...], Verdict] = {}
        self._statuses: Numbered[str] = Numbered()
        self._typed: list[WorkflowStatus] = []
        self.names: dict[str, Act] = {}
        """The attempt that each Job name stands for."""
        self.beginning = self._number(WorkflowStatus())

    @property
    def asked(self) -> int:
        """How many different questions the engine was asked."""
        return len(self._verdicts)

    def plan(self, suspend: bool = False) -> Plan:
        """The plan of the spec."""
        return self._plans[suspend]

    def status(self, number: int) -> WorkflowStatus:
        """A status by its number."""
        return self._typed[number]

    def decide(self, seen: Stored, operator: Operator, *, late: bool, timer_over: bool) -> Verdict:
        """What the engine decides of what the operator sees."""
        key = (seen, operator.jobs, operator.pods, operator.confirmed, operator.refused, late, timer_over)
        key += (operator.namespace_read, operator.resubmitted)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self._decide(seen, operator, late, timer_over)
        return verdict

    def label(self, name: str) -> str:
        """A Job in short: step, direction and attempt, and the epoch if it is not the first."""
        return self.names[name].key if name in self.names else name

    def _decide(self, seen: Stored, operator: Operator, late: bool, timer_over: bool) -> Verdict:
        now = (LATE if late else BEGINNING) + (BACKOFF if timer_over else timedelta())
        workflow = self._workflow(seen)
        decision = engine.reconcile(workflow, self._plans[seen.suspend], self._observed(operator, now), now)
        acts = tuple(sorted(self._act(action) for action in decision.actions))
        wake = decision.wake_at
        return Verdict(
            self._number(timeless(decision.status, now, late)),
            decision.write,
            acts,
            wake is not None and wake <= now,
            wake is not None and now < wake <= now + BACKOFF,
        )

    def _workflow(self, seen: Stored) -> Workflow:
        return Workflow(
            "default",
            "order",
            OUR_UID,
            1,
            "1",
            BEGINNING,
            seen.deleting,
            seen.finalizers,
            {f"kubesaga.dev/{verb}": value for verb, value in seen.annotations},
            self._configuration.spec,
            self._typed[seen.status],
        )

    def _observed(self, operator: Operator, now: datetime) -> Observed:
        pods: dict[str, tuple[PodObservation, ...]] = {}
        for pod in operator.pods:
            pods[f"{pod.name}.{pod.count}"] = (_pod(pod),)
        return Observed(
            {job.name: _job(job) for job in operator.jobs},
            pods,
            {name: Refusal(409, "AlreadyExists", "it exists", now) for name in operator.refused},
            frozenset(operator.confirmed),
            False if operator.namespace_read else None,
            ResubmissionObservation("other-uid") if operator.resubmitted else None,
        )

    def _number(self, status: WorkflowStatus) -> int:
        number = self._statuses.of(status.model_dump_json(by_alias=True))
        if number == len(self._typed):
            self._typed.append(status)
        return number

    def _act(self, action: Action) -> Act:
        match action:
            case CreateJob():
                return self._create(action)
            case StopJob(name=name, uid=uid):
                return Act(STOP, name, int(uid.rpartition(".")[2]))
            case DeleteJob(name=name, uid=uid):
                return Act(DELETE, name, int(uid.rpartition(".")[2]))
            case ConfirmJob(name=name):
                return Act(CONFIRM, name)
            case SetFinalizers(finalizers=finalizers):
                return Act(FINALIZE, ",".join(finalizers))
            case ReadNamespace():
                return Act(READ_NAMESPACE, "")
            case CreateWorkflow(name=name):
                return Act(RESUBMIT, name)
        raise AssertionError(f"the model does not know {action}")

    def _create(self, action: CreateJob) -> Act:
        labels = action.manifest["metadata"]["labels"]
        environment = action.manifest["spec"]["template"]["spec"]["containers"][0]["env"]
        key = next(one["value"] for one in environment if one["name"] == ENV_IDEMPOTENCY_KEY)
        epoch = labels["kubesaga.dev/epoch"]
        short = f"{action.step}-{LETTER[action.direction.value]}{action.attempt}"
        label = f"{short}e{epoch}" if epoch != "1" else short
        meaning = Act(CREATE, action.name, 0, action.step, action.direction.value, action.attempt, label)
        self.names.setdefault(action.name, meaning)
        kind = TOMB if action.tombstone else CREATE
        return Act(kind, action.name, int(epoch), action.step, action.direction.value, action.attempt, key)


def timeless(status: WorkflowStatus, now: datetime, late: bool) -> WorkflowStatus:
    """The status with every moment of the past as one, and every moment to come as one other."""
    base = LATE if late else BEGINNING

    def moved(value: Any) -> Any:
        if isinstance(value, datetime):
            if value > now:
                return base + BACKOFF
            return LATE if value >= LATE else BEGINNING
        if isinstance(value, dict):
            return {k: 0 if k in ("suspended_seconds", "writes") else moved(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return tuple(moved(one) for one in value)
        return value

    return WorkflowStatus.model_validate(moved(status.model_dump()), by_name=True)


def _job(view: JobView) -> JobObservation:
    says = view.says
    failed = says in (FAILED, DEADLINE, DEADLINE_BUT_DONE)
    tombstone = says == TOMBSTONE
    return JobObservation(
        name=view.name,
        uid=f"{view.name}.{view.count}",
        resource_version="1",
        owner_uid=OUR_UID,
        created=FAR,
        deleting=says == DELETING,
        tombstone=tombstone,
        suspended=tombstone,
        active_deadline_seconds=STOP_DEADLINE_SECONDS if view.stopped else None,
        start_time=None if tombstone else FAR,
        active=int(says == ""),
        terminating=0,
        succeeded=int(says in (COMPLETE, DEADLINE_BUT_DONE)),
        complete=says == COMPLETE,
        failed=failed,
        failed_reason={FAILED: "BackoffLimitExceeded"}.get(says, "DeadlineExceeded" if failed else ""),
        failed_message="",
    )


def _pod(view: PodView) -> PodObservation:
    phase = {DONE: "Succeeded", BROKE: "Failed"}.get(view.pod, "Running")
    code = {DONE: 0, BROKE: 1}.get(view.pod)
    uid = f"{view.name}.{view.count}"
    return PodObservation(f"{uid}-pod", f"{uid}-pod", "1", uid, phase, "node-1", None, code, "", "", "", None)


def pretty(status: WorkflowStatus) -> str:
    """A status in one line."""
    steps = []
    for record in status.steps:
        undo = record.compensation
        said = f"{record.name}{record.attempt} {record.state}{f' ({record.reason})' if record.reason else ''}"
        steps.append(said + (f", its undo{undo.attempt} {undo.state}" if undo else ""))
    epoch = f", epoch {status.epoch}" if status.epoch > 1 else ""
    quiet = ", quiesced" if status.rollback and status.rollback.quiesced_time else ""
    return f"{status.phase}/{status.reason}{epoch}{quiet}; {'; '.join(steps) or 'no step'}"


def dumped(status: WorkflowStatus) -> str:
    """A status in full."""
    return json.dumps(status.wire(), indent=1)
