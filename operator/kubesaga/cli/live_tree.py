"""A run on a terminal: all steps with their state, drawn anew as they change; what steps write scrolls by above."""

from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from kubesaga.api.names import Direction
from kubesaga.api.workflow import Workflow
from kubesaga.cli.run_view import RunView
from kubesaga.cli.step_table import FINAL_ROWS_MAX, StepTable, Undos, phase_style
from kubesaga.cli.terminal_text import duration, visible
from kubesaga.cli.workflow_view import subject_of
from kubesaga.engine.decision import Decision
from kubesaga.engine.text import counted

_CHROME_ROWS: Final = 4
"""Head line, the line of what is left out, and room for the cursor."""


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
            self._console.print(
                Text.assemble((f"{subject_of(step, direction)} | ", "dim"), visible(line)), soft_wrap=True
            )

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
        room = FINAL_ROWS_MAX if self._ended else max(1, self._console.height - _CHROME_ROWS)
        table, hidden = StepTable(self._view, self._console, Undos.BESIDE).draw(room)
        more = [Text(f"  and {counted(hidden, 'more step')}", style="dim")] if hidden else []
        return Group(self._head(), table, *more)

    def _head(self) -> Text:
        phase = self._view.status.phase
        head = Text.assemble((self._view.name, "bold"), "  ", (str(phase or "Starting"), phase_style(phase)))
        return head.append(f"  {self._view.headline()}  {duration(self._view.elapsed())}")
