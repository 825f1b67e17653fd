"""A run on a terminal: all steps with their state, drawn anew as they change; what steps write scrolls by above."""

from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, Phase, StepState, StepStatus
from kubesaga.api.workflow import Workflow
from kubesaga.cli.run_view import RunView
from kubesaga.cli.terminal_text import duration, one_line, visible
from kubesaga.engine.decision import Decision

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

_CHROME_ROWS: Final = 4
"""Head line, the line of what is left out, and room for the cursor."""

_FINAL_ROWS_MAX: Final = 60
"""A longer tree is not left on the screen whole."""


class LiveTree:
    """Draws the steps of a run."""

    def __init__(self, view: RunView, console: Console, *, logs: bool) -> None:
        self._view = view
        self._console = console
        self._logs = logs
        self._ended = False
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._draw, vertical_overflow="crop")

    def __enter__(self) -> "LiveTree":
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last picture on the screen."""
        self._ended = True
        self._live.vertical_overflow = "visible"
        self._live.stop()

    def decided(self, workflow: Workflow, decision: Decision) -> None:  # noqa: ARG002
        """Take a decision in; the next refresh draws it."""
        self._view.decided(decision)

    def said(self, step: str, direction: Direction, line: str) -> None:
        """Let what a process wrote scroll by."""
        if self._logs:
            who = f"undo of {step}" if direction is Direction.COMPENSATION else step
            self._console.print(Text.assemble((f"{who} | ", "dim"), visible(line)), soft_wrap=True)

    def note(self, text: str) -> None:
        """Let a line scroll by."""
        self._console.print(Text(text, style="bold"), soft_wrap=True)

    def finish(self) -> None:
        """Say how the run ended."""
        for title, text in self._view.summary():
            self.tell(title, text)

    def tell(self, title: str, text: str) -> None:
        """Show one more line of how it ended."""
        self._console.print(Text.assemble((f"  {title:<8} ", "bold"), text), soft_wrap=True)

    def _draw(self) -> Group:
        records = self._view.records()
        shown = self._shown(records)
        table = Table.grid(padding=(0, 2), expand=False)
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for step in shown:
            table.add_row(*self._row(step, records.get(step)))
        parts: list[Text | Table] = [self._head(), table]
        hidden = len(self._view.plan.order) - len(shown)
        if hidden:
            parts.append(Text(f"  and {hidden} more steps", style="dim"))
        return Group(*parts)

    def _head(self) -> Text:
        phase = self._view.status.phase
        style = _PHASES.get(phase, "bold cyan") if phase else "bold cyan"
        head = Text.assemble((self._view.name, "bold"), "  ", (str(phase or "Starting"), style))
        return head.append(f"  {self._view.headline()}  {duration(self._view.elapsed())}")

    def _shown(self, records: dict[str, StepStatus]) -> list[str]:
        """The steps that there is room for: those where something happens or went wrong, then the first others."""
        order = self._view.plan.order
        room = _FINAL_ROWS_MAX if self._ended else max(1, self._console.height - _CHROME_ROWS)
        if len(order) <= room:
            return list(order)
        ranked = sorted(order, key=lambda name: _interest(records.get(name)))[:room]
        return [name for name in order if name in set(ranked)]

    def _row(self, step: str, record: StepStatus | None) -> tuple[Text, Text, Text, Text]:
        if record is None:
            return Text(f"  {self._sign()} {step}", "dim"), Text(self._view.waits_for(step), "dim"), Text(), Text()
        undo, undo_text = record.compensation, Text()
        if undo is not None:
            _, _, colour = _STYLES[undo.state]
            undo_text.append(
                f"{'↩' if self._unicode else '<-'} {self._view.word(undo)}{self._took(step, undo)}  ", colour
            )
        message = (undo.message if undo and undo.message else None) or record.message
        undo_text.append(one_line(message or ""), "dim")
        colour = _STYLES[record.state][2]
        return (
            Text.assemble("  ", (self._sign(record), colour), f" {step}"),
            Text(self._view.word(record), colour),
            Text(self._took(step, record).strip(), "dim"),
            undo_text,
        )

    def _sign(self, record: Execution | None = None) -> str:
        unicode, plain, _ = _STYLES[record.state] if record else ("·", ".", "")
        return unicode if self._unicode else plain

    def _took(self, step: str, execution: Execution) -> str:
        seconds = self._view.seconds(step, execution)
        return "" if seconds is None else f" {duration(seconds)}"

    @property
    def _unicode(self) -> bool:
        return self._console.encoding.lower().startswith("utf")


def _interest(record: StepStatus | None) -> int:
    """Lower is more interesting."""
    if record is None:
        return 2
    undo = record.compensation
    if (
        not record.state.terminal
        or record.state is StepState.FAILED
        or (undo and undo.state is not StepState.SUCCEEDED)
    ):
        return 0
    return 1 if undo else 3
