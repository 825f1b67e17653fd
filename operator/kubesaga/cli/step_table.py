"""The steps of a Workflow as rows of a terminal: `run` draws them, and so does `get`."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

from kubesaga.api.status import CompensationStatus, Execution, Phase, StepState, StepStatus
from kubesaga.cli.terminal_text import one_line
from kubesaga.cli.workflow_view import WorkflowView

_STYLES: Final = {
    StepState.STARTING: ("●", "*", "cyan"),
    StepState.RUNNING: ("●", "*", "cyan"),
    StepState.RETRYING: ("↻", "~", "yellow"),
    StepState.SUCCEEDED: ("✔", "+", "green"),
    StepState.FAILED: ("✖", "x", "red"),
    StepState.CANCELLED: ("■", "#", "yellow"),
    StepState.SKIPPED: ("⊘", "/", "yellow"),
}
"""Sign, the same in ASCII, colour."""

_PHASES: Final = {
    Phase.SUCCEEDED: "bold green",
    Phase.FAILED: "bold red",
    Phase.CANCELLED: "bold yellow",
    Phase.ROLLED_BACK: "bold yellow",
    Phase.ROLLING_BACK: "bold yellow",
    Phase.PARTIALLY_ROLLED_BACK: "bold red",
    Phase.ROLLBACK_FAILED: "bold red",
    Phase.ROLLBACK_BLOCKED: "bold red",
}

FINAL_ROWS_MAX: Final = 60
"""A longer table is not left on the screen whole."""

_COLUMNS_MIN: Final = 40
"""A narrower screen has no room for names, states and undos side by side: lines are told instead."""

Row = tuple[Text, Text, Text, Text]
"""What it is, its state, how long it took, and what there is to say."""


class Undos(Enum):
    """Where the undo of a step is drawn."""

    BESIDE = 1
    """In the row of the step, whose own message gives way to that of the undo."""
    BELOW = 2
    """In a row of its own."""


class StepTable:
    """Draws the steps of one view."""

    def __init__(self, view: WorkflowView, console: Console, undos: Undos) -> None:
        self._view = view
        self._records: dict[str, Execution] = {**view.records(), **view.finally_records()}
        self._order = (*view.plan.order, *view.plan.finally_steps)
        self._undos = undos
        self._unicode = console.encoding.lower().startswith("utf")

    def draw(self, rows_max: int | None = None, overflow: OverflowMethod = "ellipsis") -> tuple[Table, int]:
        """The steps that there is room for, and how many there are beside them."""
        ends, headed = self._view.plan.finally_steps, False
        shown = self._shown(rows_max if rows_max is None or not ends else max(1, rows_max - 1))
        table = Table.grid(padding=(0, 2), expand=False)
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=overflow == "ellipsis", overflow=overflow)
        for step in shown:
            if step in ends and not headed:
                table.add_row(Text("  finally", "bold"))
                headed = True
            for row in self._rows(step):
                table.add_row(*row)
        return table, len(self._order) - len(shown)

    def _shown(self, rows_max: int | None) -> Sequence[str]:
        """The steps that there is room for: those where something happens or went wrong, then the first others."""
        order = self._order
        if rows_max is None or sum(map(self._height, order)) <= rows_max:
            return order
        shown: set[str] = set()
        for name in sorted(order, key=lambda name: _interest(self._records.get(name))):
            rows_max -= self._height(name)
            if rows_max < 0 and shown:
                break
            shown.add(name)
        return [name for name in order if name in shown]

    def _height(self, step: str) -> int:
        return 2 if self._undos is Undos.BELOW and _undo(self._records.get(step)) else 1

    def _rows(self, step: str) -> Iterator[Row]:
        record = self._records.get(step)
        if record is None:
            yield Text(f"  {self._sign()} {step}", "dim"), Text(self._view.waits_for(step), "dim"), Text(), Text()
        elif self._undos is Undos.BESIDE:
            yield self._row(step, record, self._undo_beside(step, record))
        else:
            yield self._row(step, record, Text(self._view.why(record), "dim"))
            if undo := _undo(record):
                yield self._row(step, undo, Text(self._view.why(undo), "dim"))

    def _row(self, step: str, execution: Execution, said: Text) -> Row:
        colour = _STYLES[execution.state][2]
        own = not isinstance(execution, CompensationStatus)
        sign, what = (self._sign(execution), step) if own else (f"  {self._undo_sign}", "undo")
        return (
            Text.assemble("  ", (sign, colour), f" {what}"),
            Text(self._view.word(execution), colour),
            Text(self._view.took(step, execution), "dim"),
            said,
        )

    def _undo_beside(self, step: str, record: Execution) -> Text:
        undo, text = _undo(record), Text()
        if undo is not None:
            took = self._view.took(step, undo)
            said = f"{self._undo_sign} {self._view.word(undo)}{f' {took}' if took else ''}  "
            text.append(said, _STYLES[undo.state][2])
        message = (undo.message if undo and undo.message else None) or record.message
        return text.append(one_line(message or ""), "dim")

    def _sign(self, record: Execution | None = None) -> str:
        unicode, plain, _ = _STYLES[record.state] if record else ("·", ".", "")
        return unicode if self._unicode else plain

    @property
    def _undo_sign(self) -> str:
        return "↩" if self._unicode else "<-"


def phase_style(phase: Phase | None) -> str:
    """How a phase is written."""
    return _PHASES.get(phase, "bold cyan") if phase else "bold cyan"


def can_draw(console: Console) -> bool:
    """Whether rows can be drawn there, again and again."""
    return console.is_terminal and not console.is_dumb_terminal and console.width >= _COLUMNS_MIN


def _undo(record: Execution | None) -> CompensationStatus | None:
    return record.compensation if isinstance(record, StepStatus) else None


def _interest(record: Execution | None) -> int:
    """Lower is more interesting."""
    if record is None:
        return 2
    undo = _undo(record)
    if (
        not record.state.terminal
        or record.state is StepState.FAILED
        or (undo and undo.state is not StepState.SUCCEEDED)
    ):
        return 0
    return 1 if undo else 3
