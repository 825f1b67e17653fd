"""A run as people see it: its status, and how long everything took. Knows nothing of how it is shown."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubesaga.api.names import Direction
from kubesaga.api.status import CompensationStatus, Execution, Phase, StepState, StepStatus, WorkflowStatus
from kubesaga.cli.terminal_text import one_line
from kubesaga.engine.decision import Decision, StepTransition
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


@dataclass(slots=True)
class RunView:
    """What is known of a run so far."""

    name: str
    plan: Plan
    resume_command: str
    """What a person types to go on."""
    status: WorkflowStatus = field(default_factory=WorkflowStatus)
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _spans: dict[tuple[str, Direction], tuple[float, float | None]] = field(default_factory=dict)

    def started(self, raw: Mapping[str, Any]) -> None:
        """Take in what an earlier runner left."""
        self.status = status = WorkflowStatus.model_validate(raw.get("status") or {})
        if status.ended and status.start_time and status.completion_time:
            self.ended = self.begun + (status.completion_time - status.start_time).total_seconds()

    def decided(self, decision: Decision) -> None:
        """Take a decision in."""
        self.status, now = decision.status, time.monotonic()
        for transition in decision.transitions:
            if isinstance(transition, StepTransition):
                key = (transition.step, transition.direction)
                if transition.after is StepState.STARTING:
                    self._spans[key] = (now, None)
                elif transition.after is not StepState.RUNNING and key in self._spans:
                    self._spans[key] = (self._spans[key][0], now)

    def records(self) -> dict[str, StepStatus]:
        """The records of the steps that were started."""
        return {record.name: record for record in self.status.steps}

    def seconds(self, step: str, execution: Execution) -> float | None:
        """How long the last attempt took, or takes."""
        direction = Direction.COMPENSATION if isinstance(execution, CompensationStatus) else Direction.FORWARD
        if span := self._spans.get((step, direction)):
            return (span[1] or time.monotonic()) - span[0]
        if execution.start_time is None or execution.state is StepState.RETRYING:
            return None
        return max(0.0, ((execution.completion_time or datetime.now(UTC)) - execution.start_time).total_seconds())

    def word(self, execution: Execution) -> str:
        """The state as a word, with the attempt where it is not the first."""
        undo = isinstance(execution, CompensationStatus)
        word = (_UNDO_WORDS if undo else _WORDS).get(execution.state) or execution.state.lower()
        if execution.state is StepState.RETRYING and execution.next_attempt_time is not None:
            left = (execution.next_attempt_time - datetime.now(UTC)).total_seconds()
            word += f" in {max(0, round(left))}s" if left > 0 else ""
        attempt = execution.attempt + (execution.state is StepState.RETRYING)
        return f"{word} (attempt {attempt})" if attempt > 1 else word

    def waits_for(self, step: str) -> str:
        """What a step that was not started waits for; empty once none is started any more."""
        if self.status.failure is not None or (self.status.phase and self.status.phase.terminal):
            return "not started"
        records = self.records()
        missing = [
            name
            for name in self.plan.by_name[step].dependencies
            if name not in records or records[name].state is not StepState.SUCCEEDED
        ]
        return f"waits for {listing(missing, most=3)}" if missing else "waits"

    def elapsed(self) -> float:
        """Seconds since the run began, or went on, in this process; stands still once it has ended."""
        if self.ended is None and self.status.ended:
            self.ended = time.monotonic()
        return (self.ended or time.monotonic()) - self.begun

    def headline(self) -> str:
        """Phase and progress."""
        parts = [f"{self.status.progress or f'0/{len(self.plan.steps)}'} steps"]
        if self.status.rollback_progress:
            parts.append(f"{self.status.rollback_progress} undone")
        return ", ".join(parts)

    def summary(self) -> Iterator[tuple[str, str]]:
        """How the run ended: titles and texts."""
        if self.status.failure is not None:
            yield "cause", one_line(self.status.failure.message)
        order = {name: place for place, name in enumerate(self.plan.order)}
        undos = [(record.name, record.compensation) for record in self.status.steps if record.compensation]
        in_order = sorted(undos, key=lambda undo: order[undo[0]], reverse=True)  # Of one second, as undos follow.
        undone = [name for name, undo in sorted(in_order, key=self._ended) if undo.state is StepState.SUCCEEDED]
        if undone:
            yield "undone", f"{listing(undone, most=20)} (in this order)" if len(undone) > 1 else undone[0]
        left = [record.name for record in self.status.steps if record.attempted and not record.compensation]
        if undone and left:
            yield "no undo", f"{listing(left, most=20)}: as they are"
        if self.status.phase in (Phase.ROLLBACK_BLOCKED, Phase.SUSPENDED):
            yield from self._waits(undos)

    def _waits(self, undos: list[tuple[str, CompensationStatus]]) -> Iterator[tuple[str, str]]:
        for name, undo in undos:
            if undo.state is StepState.FAILED:
                yield "blocked", f"the undo of {name} failed: {one_line(undo.message or str(undo.reason or ''))}"
        for record in self.status.steps if self.status.phase is Phase.SUSPENDED else ():
            if record.state in (StepState.FAILED, StepState.CANCELLED):
                yield "failed", f"{record.name}: {one_line(record.message or str(record.reason or ''))}"
        yield "go on", f"mend what stops it, then: {self.resume_command}"

    def _ended(self, undo: tuple[str, CompensationStatus]) -> tuple[float, datetime]:
        """When it ended: as seen here, else to the second."""
        name, record = undo
        span = self._spans.get((name, Direction.COMPENSATION))
        never = datetime.max.replace(tzinfo=UTC)
        return (span[1] if span and span[1] else 0.0), record.completion_time or never
