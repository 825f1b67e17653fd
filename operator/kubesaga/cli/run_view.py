"""A run on this machine as people see it: as its Workflow, with times that are more exact than those of a status."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from kubesaga.api.names import Direction
from kubesaga.api.spec import Approval
from kubesaga.api.status import CompensationStatus, Execution, Phase, StepState, StepStatus, WorkflowStatus
from kubesaga.cli.terminal_text import duration, one_line
from kubesaga.cli.workflow_view import WorkflowView, direction_of
from kubesaga.engine.decision import Decision, StepTransition
from kubesaga.engine.reason import Reason
from kubesaga.engine.text import listing
from kubesaga.engine.way import undone_so_far

_PARTLY: Final = (Reason.PARTIALLY_SUCCEEDED, Reason.PARTIALLY_COMPLETED, Reason.SUCCEEDED_WITH_FALLBACK)
"""Not all went by the plan: the message says what did not."""


@dataclass
class RunView(WorkflowView):
    """What is known of a run so far."""

    resume_command: str
    """What a person types to go on."""
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
                if transition.after is StepState.STARTING or transition.before is None:
                    self._spans[key] = (now, None)
                elif transition.after is not StepState.RUNNING and key in self._spans:
                    self._spans[key] = (self._spans[key][0], now)

    def took(self, step: str, execution: Execution) -> str:
        """How long the last attempt took, or takes: as seen here, else by its record."""
        span = self._spans.get((step, direction_of(execution)))
        if span is None:
            return super().took(step, execution)
        return duration((span[1] or time.monotonic()) - span[0])

    def elapsed(self) -> float:
        """Seconds since the run began, or went on, in this process; stands still once it has ended."""
        if self.ended is None and self.status.ended:
            self.ended = time.monotonic()
        return (self.ended or time.monotonic()) - self.begun

    def summary(self) -> Iterator[tuple[str, str]]:
        """How the run ended: titles and texts."""
        if self.status.failure is not None:
            yield "cause", one_line(self.status.failure.message)
        order = {name: place for place, name in enumerate(self.plan.order)}
        by_name, records = self.plan.by_name, {record.name: record for record in self.status.steps}
        undos = [(name, record.compensation) for name, record in records.items() if record.compensation]
        in_order = sorted(undos, key=lambda undo: order[undo[0]], reverse=True)  # Of one second, as undos follow.
        ended = [name for name, _ in sorted(in_order, key=self._ended)]
        undone = [name for name in ended if undone_so_far(by_name[name], records[name]) is StepState.SUCCEEDED]
        if undone:
            yield "undone", f"{listing(undone, most=20)} (in this order)" if len(undone) > 1 else undone[0]
        without = [r.name for r in self.status.steps if r.ever_attempted and not by_name[r.name].undoable]
        if undone and without:
            yield "no undo", f"{listing(without, most=20)}: as they are"
        for name, record in self.finally_records().items():
            if record.state in (StepState.FAILED, StepState.CANCELLED):
                yield "finally", f"{name} {record.state.lower()}: {self.why(record)}"
        partly = self.status.reason in _PARTLY
        if partly or self.status.phase in (Phase.PARTIALLY_ROLLED_BACK, Phase.ROLLBACK_FAILED):
            yield "why", one_line(f"{self.status.reason}: {self.status.conditions[0].message}")
        for name, value in (self.status.outputs or {}).items():
            yield "output", one_line(f"{name}: {value}")
        if self.status.phase in (Phase.ROLLBACK_BLOCKED, Phase.SUSPENDED):
            yield from self._waits(undos)

    def _waits(self, undos: list[tuple[str, CompensationStatus]]) -> Iterator[tuple[str, str]]:
        for name, undo in undos:
            if undo.state is StepState.FAILED:
                yield "blocked", f"the undo of {name} failed: {one_line(undo.message or str(undo.reason or ''))}"
        for record in self.status.steps if self.status.phase is Phase.SUSPENDED else ():
            if record.state in (StepState.FAILED, StepState.CANCELLED):
                yield "failed", f"{record.name}: {one_line(record.message or str(record.reason or ''))}"
        if asked := [record.name for record in self.status.steps if self._asks(record)]:
            for name in asked:
                yield "approve", f"{self.resume_command} --request approve={name}   (or reject={name})"
            return
        yield "go on", f"mend what stops it, then: {self.resume_command}"

    def _asks(self, record: StepStatus) -> bool:
        """Whether it is an approval that waits, and nothing else is to be mended."""
        waits = self.status.reason == Reason.WAITING_FOR_APPROVAL and record.state.in_flight
        return waits and isinstance(self.plan.by_name[record.name].work, Approval)

    def _ended(self, undo: tuple[str, CompensationStatus]) -> tuple[float, datetime]:
        """When it ended: as seen here, else to the second."""
        name, record = undo
        span = self._spans.get((name, Direction.COMPENSATION))
        never = datetime.max.replace(tzinfo=UTC)
        return (span[1] if span and span[1] else 0.0), record.completion_time or never
