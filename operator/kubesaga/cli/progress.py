"""What `kubesaga run` shows while it runs: a live tree in a terminal, one line a change elsewhere."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, StepState, StepStatus, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.decision import Decision, StepTransition
from kubesaga.engine.plan import Plan

_SIGNS = {
    StepState.STARTING: ("◦", "cyan"),
    StepState.RUNNING: ("●", "cyan"),
    StepState.RETRYING: ("↻", "yellow"),
    StepState.SUCCEEDED: ("✔", "green"),
    StepState.FAILED: ("✖", "red"),
    StepState.CANCELLED: ("■", "yellow"),
}


class Progress(Protocol):
    """Shows a run."""

    def __enter__(self) -> "Progress":
        """Begin to show."""

    def __exit__(self, *_: object) -> None:
        """Show no more."""

    def decided(self, workflow: Workflow, decision: Decision) -> None:
        """The status changed."""

    def said(self, step: str, text: str) -> None:
        """A process ended; what it wrote."""


class PlainProgress:
    """One line for every change, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def decided(self, workflow: Workflow, decision: Decision) -> None:  # noqa: ARG002
        """Print each step that moved to where something happens for people."""
        records = {record.name: record for record in decision.status.steps}
        for transition in decision.transitions:
            if isinstance(transition, StepTransition) and transition.after is not StepState.RUNNING:
                undo = transition.direction is Direction.COMPENSATION
                record = records[transition.step]
                self._print(_line(transition, _execution(record, undo=undo), undo=undo))

    def said(self, step: str, text: str) -> None:
        """Print what a process wrote, each line with its step."""
        for line in text.splitlines():
            self._print(f"{step} | {line}")

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class LiveProgress:
    """A tree that is drawn anew with every change; what processes write scrolls by above it."""

    def __init__(self, console: Console, name: str, plan: Plan) -> None:
        self._console = console
        self._name = name
        self._plan = plan
        self._status = WorkflowStatus()
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._draw)

    def __enter__(self) -> "LiveProgress":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.refresh()
        self._live.stop()

    def decided(self, workflow: Workflow, decision: Decision) -> None:  # noqa: ARG002
        """Take the new status in; the next refresh draws it."""
        self._status = decision.status
        self._live.refresh()

    def said(self, step: str, text: str) -> None:
        """Let what a process wrote scroll by."""
        for line in text.splitlines():
            self._console.print(Text.assemble((f"{step} | ", "dim"), line), soft_wrap=True)

    def _draw(self) -> Group:
        records = {record.name: record for record in self._status.steps}
        table = Table.grid(padding=(0, 2))
        for step in _window(self._plan, records, self._console.height - 4):
            table.add_row(*_row(step, records.get(step), level=self._plan.by_name[step].level))
        head = Text.assemble((self._name, "bold"), "  ", (str(self._status.phase or "Starting"), "bold cyan"))
        head.append(f"  {self._status.progress or ''}")
        if self._status.rollback_progress:
            head.append(f"  undone {self._status.rollback_progress}")
        return Group(head, table)


def summary(status: WorkflowStatus) -> Text:
    """How the run ended, in a few lines."""
    colour = "green" if status.phase and status.phase == "Succeeded" else "red"
    text = Text.assemble((str(status.phase), f"bold {colour}"), f"  {status.progress} steps succeeded")
    if status.rollback_progress:
        text.append(f", {status.rollback_progress} undone")
    if status.failure is not None:
        text.append(f"\n  cause: {status.failure.message}")
    undone = sorted(
        (record for record in status.steps if record.compensation and record.compensation.completion_time),
        key=_undone_at,
    )
    if undone:
        text.append(f"\n  undone: {', '.join(record.name for record in undone)}")
    for record in status.steps:
        if record.compensation is not None and record.compensation.state is StepState.FAILED:
            text.append(f"\n  blocked: the undo of {record.name}: {record.compensation.message}")
            text.append("\n  mend it, then: kubesaga run --resume")
    return text


def _undone_at(record: StepStatus) -> datetime:
    undo = record.compensation
    return undo.completion_time if undo and undo.completion_time else datetime.min.replace(tzinfo=UTC)


def _execution(record: StepStatus, *, undo: bool) -> Execution:
    return record.compensation if undo and record.compensation is not None else record


def _line(transition: StepTransition, execution: Execution, *, undo: bool) -> str:
    """A change as one plain line."""
    subject = f"undo of {transition.step}" if undo else transition.step
    attempt = f" (attempt {transition.attempt})" if transition.attempt > 1 else ""
    why = f": {execution.message}" if execution.message else ""
    return f"{transition.after.value:<10} {subject}{attempt}{why}"


def _window(plan: Plan, records: dict[str, StepStatus], rows: int) -> Sequence[str]:
    """The steps that fit: all of them, or those where something happens."""
    if len(plan.order) <= rows:
        return plan.order
    busy = [name for name in plan.order if name in records and not records[name].state.terminal]
    return (busy or list(plan.order))[: max(1, rows)]


def _row(step: str, record: StepStatus | None, level: int) -> tuple[Text, Text, Text]:
    indent = "  " * min(level, 8)
    if record is None:
        return Text(f"{indent}· {step}", style="dim"), Text(""), Text("")
    sign, colour = _SIGNS[record.state]
    forward = Text.assemble(f"{indent}", (f"{sign} {step}", colour))
    undo = Text("")
    if record.compensation is not None:
        undo_sign, undo_colour = _SIGNS[record.compensation.state]
        undo = Text(f"{undo_sign} undo {_facts(record.compensation)}", style=undo_colour)
    return forward, Text(_facts(record), style="dim"), undo


def _facts(execution: Execution) -> str:
    """Attempt, duration and message of an execution."""
    facts = [f"attempt {execution.attempt}"] if execution.attempt > 1 else []
    if execution.start_time is not None:
        end = execution.completion_time or datetime.now(UTC)
        facts.append(f"{max(0, int((end - execution.start_time).total_seconds()))}s")
    if execution.message:
        facts.append(execution.message.splitlines()[0][:60])
    return "  ".join(facts)
