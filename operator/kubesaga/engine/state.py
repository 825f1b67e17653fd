"""StateManager: the state of one Workflow through one pass.

It begins with the status as stored, folds in what was observed, lets the policies move steps along the transition
table, and gives the next status with everything that changed on the way. Records are frozen: the manager replaces
them, and remembers whether a change has to be written before any effect.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kubesaga.api.names import Direction
from kubesaga.api.spec import Approval
from kubesaga.api.status import (
    CompensationStatus,
    Execution,
    FinallyStepStatus,
    StepReason,
    StepState,
    StepStatus,
    WorkflowStatus,
)
from kubesaga.api.workflow import Workflow
from kubesaga.engine.attempt import Judgement, Verdict, judge
from kubesaga.engine.decision import Event, EventType, StepTransition, Write
from kubesaga.engine.executor import StepExecutor
from kubesaga.engine.observation import Observed
from kubesaga.engine.plan import Plan, RetryPolicy
from kubesaga.engine.retry import is_ruled_out, may_retry, next_attempt_time
from kubesaga.engine.standing import satisfies
from kubesaga.engine.text import clip
from kubesaga.engine.transition import advance
from kubesaga.engine.waiting import why_waiting
from kubesaga.engine.way import falls_back, planned_for, ways_to_undo


class StateManager:
    """The working state of one pass; made anew for each."""

    def __init__(self, workflow: Workflow, plan: Plan, observed: Observed, status: WorkflowStatus, now: datetime):
        self.workflow = workflow
        self.plan = plan
        self.executor = StepExecutor(workflow, plan)
        self.observed = observed
        self.status = status
        """The fields beside the steps."""
        self.steps: dict[str, StepStatus] = {record.name: record for record in status.steps}
        """Records by step, in start order."""
        self.finally_steps: dict[str, FinallyStepStatus] = {r.name: r for r in _finally_records(status)}
        """Records by finally step, in start order."""
        self.now = now
        self.second = now.replace(microsecond=0)
        self.transitions: list[StepTransition] = []
        self.events: list[Event] = []
        self.wakes: list[datetime] = []
        undos = ((record.name, record.compensation) for record in status.steps)
        forward = [record.name for record in status.steps if record.state.in_flight]
        self._waits = {name: None for name in forward if not plan.by_name[name].has_job}
        """Steps without a Job that wait: for a person, or for their time."""
        self._in_flight: dict[Direction, dict[str, None]] = {
            Direction.FORWARD: {name: None for name in forward if name not in self._waits},
            Direction.COMPENSATION: {name: None for name, undo in undos if undo and undo.state.in_flight},
            Direction.FINALLY: {name: None for name, r in self.finally_steps.items() if r.state.in_flight},
        }
        """The few that a pass looks at again and again."""
        self._message_bytes = plan.step_message_bytes
        self.unconfirmed: set[str] = set()
        """Jobs whose absence from the cache a live read has to confirm."""
        self._before = status
        self._urgent = False
        self._steps_changed = False

    # What is there

    @property
    def deleting(self) -> bool:
        """Whether somebody deleted the Workflow, which stays until what was done is undone."""
        return self.workflow.deleting

    @property
    def all_done(self) -> bool:
        """Whether every step of the plan is done or need not be: the run has succeeded."""
        return len(self.steps) == len(self.plan.steps) and all(
            satisfies(self.plan.by_name[name], record) for name, record in self.steps.items()
        )

    @property
    def lacks_place(self) -> bool:
        """Whether the run needs a place under its concurrency key, and has none: nothing of it may start."""
        return self.plan.concurrency is not None and self.status.place_time is None

    def execution(self, step: str, direction: Direction) -> Execution | None:
        """The record of a step, of its undo or of a finally step; None while it is pending."""
        if direction is Direction.FINALLY:
            return self.finally_steps.get(step)
        record = self.steps.get(step)
        return record if direction is Direction.FORWARD or record is None else record.compensation

    def waits(self) -> tuple[StepStatus, ...]:
        """The records of the steps without a Job that wait, in start order."""
        return tuple(self.steps[name] for name in self._waits)

    def has_job(self, step: str) -> bool:
        """Whether the step is the work of a Job."""
        return self.plan.by_name[step].has_job

    def in_flight(self, direction: Direction) -> Iterator[tuple[str, Execution]]:
        """Step and record of every attempt of that direction whose Job is decided or running."""
        for name in list(self._in_flight[direction]):
            yield name, self._existing(name, direction)

    def count_in_flight(self, direction: Direction) -> int:
        """How many those are."""
        return len(self._in_flight[direction])

    @property
    def all_in_flight(self) -> int:
        """How many those are in every direction."""
        return sum(map(len, self._in_flight.values()))

    def retry_policy(self, step: str, direction: Direction) -> RetryPolicy:
        """The retries of a step, of its undo or of a finally step: of the way that its record speaks of."""
        return planned_for(self.plan, step, self._existing(step, direction)).retry

    def deletes_job(self, step: str, direction: Direction) -> bool:
        """Whether that direction of the step is an undo by deletion, which has no Job of its own."""
        if direction is not Direction.COMPENSATION:
            return False
        compensation = self.plan.by_name[step].compensation
        return compensation is not None and compensation.deletes_job

    # What changes

    def set(self, **changes: Any) -> None:
        """Change fields of the status beside its steps."""
        self.status = self.status.model_copy(update=changes)

    def wake(self, moment: datetime) -> None:
        """Ask for a pass at that moment, even if nothing is observed until then."""
        self.wakes.append(moment)

    def has_come(self, moment: datetime) -> bool:
        """Whether the moment is there; where it is still to come, the pass wakes at it."""
        if self.now < moment:
            self.wake(moment)
        return self.now >= moment

    def tell(self, type_: EventType, reason: str, message: str) -> None:
        """Let people know, once the status is written."""
        self.events.append(Event(type_, reason, message))

    def start(self, step: str, direction: Direction) -> None:
        """Decide the next attempt: the first one, or the one after a failure."""
        before = self.execution(step, direction)
        if direction is Direction.FORWARD and not self.has_job(step):
            self._begin_wait(step)
            return
        fresh: dict[str, Any] = {"state": StepState.STARTING, "start_time": self.second}
        if before is None and direction is Direction.FORWARD:
            self._put(step, direction, None, StepStatus(name=step, epoch=self.status.epoch, **fresh))
        elif before is None and direction is Direction.FINALLY:
            self._put(step, direction, None, FinallyStepStatus(name=step, epoch=self.status.epoch, **fresh))
        elif before is None:
            way = ways_to_undo(self.plan.by_name[step], self.steps[step])[0]
            self._put(step, direction, None, CompensationStatus(epoch=self.status.epoch, way=way, **fresh))
        else:
            cleared = dict.fromkeys(
                ("completion_time", "next_attempt_time", "job_uid", "exit_code", "reason", "message")
            )
            cleared["assumed_stopped"] = False
            begun = _begun(before) if isinstance(before, StepStatus) else {}
            changes = {"attempt": before.attempt + 1, "start_time": self.second, **begun, **cleared}
            self._put(step, direction, before, advance(direction, before, StepState.STARTING, **changes))

    def _begin_wait(self, step: str) -> None:
        """Begin a step without a Job: it has no effect, so nothing has to be decided before one."""
        planned, before = self.plan.by_name[step], self.steps.get(step)
        seconds = planned.due_seconds
        due = self.second + timedelta(seconds=seconds) if seconds is not None else None
        if due is not None:
            self.wake(due)
        message = planned.work.message if isinstance(planned.work, Approval) else None
        changes = self._fitted({"start_time": self.second, "due_time": due, "message": message})
        if before is None:
            first = StepStatus(name=step, epoch=self.status.epoch, state=StepState.RUNNING, attempted=False, **changes)
            self._put(step, Direction.FORWARD, None, first)
            return
        changes |= {"attempt": before.attempt + 1, "completion_time": None, "reason": None}
        again = advance(Direction.FORWARD, before, StepState.RUNNING, **changes)
        self._put(step, Direction.FORWARD, before, again)

    def move(self, step: str, direction: Direction, after: StepState, **changes: Any) -> None:
        """Move a record along the transition table."""
        before = self._existing(step, direction)
        self._put(step, direction, before, advance(direction, before, after, **self._fitted(changes)))

    def renew(self, step: str, direction: Direction) -> None:
        """Let a record that has ended be tried again at once, its retries counted anew."""
        retries_from = self._existing(step, direction).attempt + 1
        own_way = {"way": Direction.FORWARD} if direction is Direction.FORWARD else {}
        self.move(step, direction, StepState.RETRYING, next_attempt_time=None, retries_from=retries_from, **own_way)

    def skip(self, step: str, message: str, outputs: dict[str, str] | None) -> None:
        """Take a step for done, started or not."""
        changes = self._fitted({"completion_time": self.second, "message": message or None, "outputs": outputs})
        before = self.steps.get(step)
        if before is not None:
            cleared = dict.fromkeys(("next_attempt_time", "reason", "exit_code"))
            self.move(step, Direction.FORWARD, StepState.SKIPPED, **cleared, **changes)
            return
        record = StepStatus(name=step, epoch=self.status.epoch, state=StepState.SKIPPED, attempted=False, **changes)
        self._put(step, Direction.FORWARD, None, record)

    def settle(self, step: str, after: StepState, reason: StepReason, message: str = "") -> None:
        """Record a step that ends without a Job: one that the graph skips, or whose condition cannot be evaluated."""
        changes = self._fitted({"completion_time": self.second, "reason": reason, "message": message or None})
        record = StepStatus(name=step, epoch=self.status.epoch, state=after, attempted=False, **changes)
        self._put(step, Direction.FORWARD, None, record)

    def forget(self, steps: Collection[str]) -> None:
        """Take steps for pending: they may start anew, under names of this epoch."""
        for step in steps:
            del self.steps[step]
            self._steps_changed = self._urgent = True

    def forget_finally(self) -> None:
        """Take the finally steps for pending: the next epoch runs them anew."""
        self.finally_steps.clear()
        self.set(finally_=None)

    def note(self, step: str, direction: Direction, **changes: Any) -> None:
        """Record what explains without moving: it may be written later."""
        before, changes = self._existing(step, direction), self._fitted(changes)
        if any(getattr(before, field) != value for field, value in changes.items()):
            self._put(step, direction, before, before.model_copy(update=changes), urgent=False)

    def _fitted(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The changes with a message that is no longer than there is room for."""
        message = changes.get("message")
        return changes | {"message": clip(message, self._message_bytes)} if message else changes

    def _existing(self, step: str, direction: Direction) -> Execution:
        execution = self.execution(step, direction)
        if execution is None:
            raise LookupError(f"{direction} of {step} has no record")
        return execution

    def _put(
        self, step: str, direction: Direction, before: Execution | None, after: Execution, *, urgent: bool = True
    ) -> None:
        """Replace a record and remember what that means for the write, the metrics and the logs."""
        if isinstance(after, StepStatus):
            self.steps[step] = after
        elif isinstance(after, FinallyStepStatus):
            self.finally_steps[step] = after
        else:
            self.steps[step] = self.steps[step].model_copy(update={"compensation": after})
        jobless = direction is Direction.FORWARD and not self.has_job(step)
        in_flight = self._waits if jobless else self._in_flight[direction]
        if after.state.in_flight:
            in_flight[step] = None
        else:
            in_flight.pop(step, None)
        self._steps_changed = True
        self._urgent |= urgent
        if before is None or (before.state, before.attempt) != (after.state, after.attempt):
            state = before.state if before else None
            self.transitions.append(StepTransition(step, direction, after.attempt, state, after.state, after.reason))

    # What was observed

    def observe(self, *, retrying: bool) -> None:
        """Fold in what was seen of every attempt in flight. Without `retrying` a failed step has no next attempt."""
        for direction in self._in_flight:
            for step, record in self.in_flight(direction):
                if not self.deletes_job(step, direction):
                    name = self.executor.name(step, direction, record)
                    judgement = self._judge(step, direction, name, record)
                    self._fold(step, direction, name, record, judgement, retrying)

    def _judge(self, step: str, direction: Direction, name: str, record: Execution) -> Judgement:
        outputs = self.plan.by_name[step].outputs if direction is Direction.FORWARD else ()
        planned = planned_for(self.plan, step, record)
        return judge(
            name,
            record,
            self.workflow.uid,
            self.observed,
            outputs=outputs,
            timeout_seconds=planned.timeout_seconds,
            by_exit_code=planned.retry.on_exit_codes is not None,
        )

    def _fold(
        self, step: str, direction: Direction, name: str, record: Execution, judgement: Judgement, retrying: bool
    ) -> None:
        """Draw the consequence of one judgement."""
        match judgement.verdict:
            case Verdict.INTENDED:
                self.note(step, direction, message=judgement.message)
            case Verdict.UNCONFIRMED:
                self.unconfirmed.add(name)
            case Verdict.RUNNING:
                self._running(step, direction, name, record)
            case Verdict.SUCCEEDED:
                self._succeeded(step, direction, record, judgement)
            case Verdict.STOPPED | Verdict.NEVER if self._stopping(direction, retrying=retrying):
                self._ended(step, direction, StepState.CANCELLED, record, judgement)
            case _:  # Failed; or stopped, and not by us.
                self._failed(step, direction, record, judgement, retrying)

    def _stopping(self, direction: Direction, *, retrying: bool) -> bool:
        """Whether we stop what runs in that direction: undos and finally steps on request only."""
        return not retrying if direction is Direction.FORWARD else self.status.terminate_time is not None

    def _running(self, step: str, direction: Direction, name: str, record: Execution) -> None:
        """The Job is there: note its uid, and what it waits for."""
        job = self.observed.jobs[name]
        waiting = why_waiting(job, self.observed.pods.get(job.uid, ()), record.message, self.now)
        if waiting.look_again:
            self.wake(waiting.look_again)
        changes = self._fitted({"job_uid": job.uid, "message": waiting.message})
        if record.state is StepState.STARTING:
            running = advance(direction, record, StepState.RUNNING, **changes)
            self._put(step, direction, record, running, urgent=False)
        else:
            self.note(step, direction, **changes)

    def _succeeded(self, step: str, direction: Direction, record: Execution, judgement: Judgement) -> None:
        changes: dict[str, Any] = {"completion_time": self.second, "job_uid": None, "message": None}
        if judgement.outputs is not None:
            changes["outputs"] = judgement.outputs
        # Of itself a success asks for nothing, and its Job goes on saying so; its outputs may go with the Pod.
        succeeded = advance(direction, record, StepState.SUCCEEDED, **changes)
        self._put(step, direction, record, succeeded, urgent=bool(judgement.outputs))

    def _failed(self, step: str, direction: Direction, record: Execution, judgement: Judgement, retrying: bool) -> None:
        """The attempt failed: plan the next one if there is one left, else the step failed for good."""
        policy = self.retry_policy(step, direction)
        assert judgement.reason is not None, step  # noqa: S101 - every failed judgement names its reason
        again = retrying or direction is not Direction.FORWARD
        why = f"{judgement.reason}: {judgement.message}" if judgement.message else judgement.reason
        if again and may_retry(policy, record.attempt, record.retries_from, judgement.reason, judgement.exit_code):
            due = next_attempt_time(policy, record.attempt, record.retries_from, self.now)
            what = f"the undo of step {step}" if direction is Direction.COMPENSATION else f"step {step}"
            next_ = f"attempt {record.attempt + 1} in {round((due - self.now).total_seconds())} s"
            self.tell(EventType.WARNING, "Retrying", f"{what}, attempt {record.attempt}: {why}; {next_}")
            self._ended(step, direction, StepState.RETRYING, record, judgement, next_attempt_time=due)
        elif again and isinstance(record, StepStatus) and falls_back(self.plan.by_name[step], record):
            next_ = f"attempt {record.attempt + 1} is by its fallback"
            self.tell(EventType.WARNING, "FallingBack", f"step {step}, attempt {record.attempt}: {why}; {next_}")
            other = {"way": Direction.FALLBACK, "retries_from": record.attempt + 1}
            self._ended(step, direction, StepState.RETRYING, record, judgement, **other)
        else:
            if again and is_ruled_out(policy, judgement.reason, judgement.exit_code):
                judgement = replace(judgement, message=f"final by retry.onExitCodes: {judgement.message}")
            self._ended(step, direction, StepState.FAILED, record, judgement)

    def _ended(
        self,
        step: str,
        direction: Direction,
        after: StepState,
        record: Execution,
        judgement: Judgement,
        **changes: Any,
    ) -> None:
        """The attempt ended without success."""
        changes |= {"completion_time": self.second, "reason": judgement.reason, "message": judgement.message}
        changes["exit_code"] = judgement.exit_code
        job = self.observed.jobs.get(self.executor.name(step, direction, record))
        if job is not None and record.job_uid is None:
            changes["job_uid"] = job.uid
        if isinstance(record, StepStatus) and not judgement.attempted:
            changes |= _never_begun(record)
        self.move(step, direction, after, **changes)

    # What comes out

    def next_status(self) -> WorkflowStatus:
        """The status as it stands; unchanged records keep their identity."""
        if not self._steps_changed:
            return self.status
        changes: dict[str, Any] = {"steps": tuple(self.steps.values())}
        if self.status.finally_ is not None:
            records = {"steps": tuple(self.finally_steps.values())}
            changes["finally_"] = self.status.finally_.model_copy(update=records)
        return self.status.model_copy(update=changes)

    def write(self) -> Write:
        """How soon the status has to be written."""
        if self._urgent or self.status.model_copy(update=_counts(self._before)) != self._before:
            return Write.NOW
        return Write.LAZY if self._steps_changed else Write.NONE


def _begun(record: StepStatus) -> dict[str, Any]:
    """What an attempt that is decided may do, as far as that has to be known later."""
    if record.way is Direction.FORWARD:
        return {"attempted": True}
    return {"fallback_from": record.fallback_from or record.attempt + 1}


def _never_begun(record: StepStatus) -> dict[str, Any]:
    """What is certain where no Job of the attempt created a Pod: nothing of its way ran, if it was the first."""
    if record.attempt == 1:
        return {"attempted": False}
    return {"fallback_from": None} if record.attempt == record.fallback_from else {}


def _finally_records(status: WorkflowStatus) -> tuple[FinallyStepStatus, ...]:
    return status.finally_.steps if status.finally_ is not None else ()


def _counts(status: WorkflowStatus) -> dict[str, str | None]:
    """The fields that follow from the steps alone."""
    return {"progress": status.progress, "rollback_progress": status.rollback_progress}
