"""A Workflow as people see it: its steps in words and times, from its status. Knows nothing of how it is shown."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from kubesaga.api.names import Direction
from kubesaga.api.status import (
    CompensationStatus,
    Execution,
    FinallyStepStatus,
    Phase,
    StepState,
    StepStatus,
    WorkflowStatus,
)
from kubesaga.cli.terminal_text import duration, one_line
from kubesaga.engine.plan import Plan
from kubesaga.engine.text import listing

_WORDS = {StepState.STARTING: "running", StepState.RUNNING: "running"}
_UNDO_WORDS = {
    StepState.STARTING: "undoing",
    StepState.RUNNING: "undoing",
    StepState.SUCCEEDED: "undone",
    StepState.FAILED: "undo failed",
    StepState.RETRYING: "undo retrying",
    StepState.SKIPPED: "undo skipped",
}


@dataclass
class WorkflowView:
    """A Plan, and how far it came."""

    name: str
    plan: Plan
    status: WorkflowStatus = field(default_factory=WorkflowStatus, kw_only=True)

    def records(self) -> dict[str, StepStatus]:
        """The records of the steps that were started."""
        return {record.name: record for record in self.status.steps}

    def finally_records(self) -> dict[str, FinallyStepStatus]:
        """The records of the finally steps that were started; no step has the name of one."""
        return {record.name: record for record in self.status.finally_.steps} if self.status.finally_ else {}

    def took(self, step: str, execution: Execution) -> str:  # noqa: ARG002 - a run knows its steps' times better
        """How long the last attempt took, or takes, by its record; empty where that is not known."""
        if execution.start_time is None or execution.state is StepState.RETRYING:
            return ""
        seconds = ((execution.completion_time or datetime.now(UTC)) - execution.start_time).total_seconds()
        return duration(int(max(0.0, seconds)))

    def word(self, execution: Execution) -> str:
        """The state as a word, with the attempt where it is not the first."""
        undo = isinstance(execution, CompensationStatus)
        if isinstance(execution, StepStatus) and execution.state.in_flight and self._is_jobless(execution):
            return "waiting"
        word = (_UNDO_WORDS if undo else _WORDS).get(execution.state) or execution.state.lower()
        if execution.state is StepState.RETRYING and execution.next_attempt_time is not None:
            left = (execution.next_attempt_time - datetime.now(UTC)).total_seconds()
            word += f" in {max(0, round(left))}s" if left > 0 else ""
        attempt = execution.attempt + (execution.state is StepState.RETRYING)
        return word + _beside(attempt, by_fallback=_by_fallback(execution))

    def _is_jobless(self, record: StepStatus) -> bool:
        return not self.plan.by_name[record.name].has_job

    def why(self, execution: Execution) -> str:
        """What an attempt waits for or why it did not succeed, with its exit code; empty if all is well."""
        said = one_line(execution.message or execution.reason or "")
        code = f"exit code {execution.exit_code}" if execution.exit_code else ""
        return said if code in said else ", ".join(filter(None, (said, code)))

    def line(self, step: str, execution: Execution, state: StepState, attempt: int) -> str:
        """That an attempt came into a state, as one line of plain text; the record may have gone on since."""
        subject = subject_of(step, direction_of(execution))
        by_fallback = attempt == execution.attempt and state is not StepState.RETRYING and _by_fallback(execution)
        counted = _beside(attempt, by_fallback=by_fallback)
        passed_over = state is StepState.SKIPPED and execution.passed_over
        took = "" if state.in_flight or passed_over else self.took(step, execution)
        said = execution.message or (execution.reason if passed_over else None)
        why = f": {one_line(said)}" if said else ""
        return f"{state:<10} {subject}{counted}{f' after {took}' if took else ''}{why}"

    def waits_for(self, step: str) -> str:
        """What a step that was not started waits for; that it was not started, where none is any more."""
        ended = self.status.phase is not None and self.status.phase.terminal
        if step in self.plan.finally_steps:
            return "not started" if ended else "waits for the end" if not self.status.in_finally else "waits"
        if self.status.failure is not None or ended:
            return "not started"
        records = self.records()
        missing = [
            name
            for name in self.plan.by_name[step].dependencies
            if name not in records or not records[name].state.terminal
        ]
        return f"waits for {listing(missing, most=3)}" if missing else self._waits_for_room()

    def _waits_for_room(self) -> str:
        """What a step waits for that depends on nothing more."""
        if self.status.phase is Phase.SUSPENDED:
            return "waits: suspended"
        if self.status.phase is Phase.QUEUED:
            return "waits: queued"
        most = self.plan.parallelism
        running = [record for record in self.status.steps if record.state.in_flight and not self._is_jobless(record)]
        full = most is not None and len(running) >= most
        return f"waits: at most {most} at once" if full else "waits"

    def headline(self) -> str:
        """Progress of the steps and of the rollback."""
        parts = [f"{self.status.progress or f'0/{len(self.plan.steps)}'} steps"]
        if self.status.rollback_progress:
            parts.append(f"{self.status.rollback_progress} undone")
        if self.status.finally_ is not None:
            ended = sum(record.done for record in self.status.finally_.steps)
            parts.append(f"{ended}/{len(self.plan.finally_steps)} finally steps")
        return ", ".join(parts)


def subject_of(step: str, direction: Direction) -> str:
    """A step, its undo or a finally step, as people call it."""
    return {Direction.COMPENSATION: "undo of ", Direction.FINALLY: "finally "}.get(direction, "") + step


def direction_of(execution: Execution) -> Direction:
    """Whether it is the record of a step, of an undo or of a finally step."""
    if isinstance(execution, FinallyStepStatus):
        return Direction.FINALLY
    return Direction.COMPENSATION if isinstance(execution, CompensationStatus) else Direction.FORWARD


def _by_fallback(execution: Execution) -> bool:
    """Whether a step is done by its fallback, or an undo is that of the fallback."""
    return isinstance(execution, StepStatus | CompensationStatus) and execution.way is Direction.FALLBACK


def _beside(attempt: int, *, by_fallback: bool) -> str:
    """What stands behind a state: the way and the attempt, where they are not the first."""
    said = (*(("fallback",) if by_fallback else ()), *((f"attempt {attempt}",) if attempt > 1 else ()))
    return f" ({', '.join(said)})" if said else ""
