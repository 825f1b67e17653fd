"""A Workflow of a cluster for people: a head, and its steps with their undos."""

from collections.abc import Iterator

from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.table import Table
from rich.text import Text

from kubesaga.cli.reading import Reading
from kubesaga.cli.step_table import FINAL_ROWS_MAX, StepTable, Undos, phase_style
from kubesaga.cli.workflow_head import facts, phase, times
from kubesaga.engine.text import counted


def report(
    reading: Reading, console: Console, rows_max: int | None = None, overflow: OverflowMethod = "fold"
) -> RenderableType:
    """All of it; with `rows_max` no more rows than that, those where nothing happens left out."""
    head = list(_head(reading, overflow))
    if reading.view is None:
        return Group(*head)
    room = None if rows_max is None else max(1, rows_max - len(head) - 2)
    table, hidden = StepTable(reading.view, console, Undos.BELOW).draw(room, overflow)
    more = [Text(f"  and {counted(hidden, 'more step')}", style="dim")] if hidden else []
    return Group(*head, "", table, *more)


def print_report(reading: Reading, console: Console, *, whole: bool = True) -> None:
    """Print it, to a terminal or as plain text; a long one only where it is asked for whole."""
    drawn = report(reading, console, None if whole else FINAL_ROWS_MAX)
    if console.is_terminal:
        console.print(drawn)
        return
    with console.capture() as captured:
        console.print(drawn)
    lines = captured.get().splitlines()
    print(*(line.rstrip() for line in lines), sep="\n", file=console.file, flush=True)


def _head(reading: Reading, overflow: OverflowMethod) -> Iterator[Table | Text]:
    view = reading.view
    parts = [f"{view.headline()}  " if view and reading.seen else "", times(reading)]
    title = Text.assemble(
        (reading.workflow.name, "bold"), "  ", (phase(reading), phase_style(reading.status.phase)), "  ", *parts
    )
    title.no_wrap, title.overflow = overflow == "ellipsis", overflow
    yield title
    for name, text in facts(reading):
        line = Table.grid(padding=(0, 2))
        line.add_column(no_wrap=True, width=10)
        line.add_column(no_wrap=overflow == "ellipsis", overflow=overflow)
        line.add_row(Text(f"  {name}", "bold"), text)
        yield line
