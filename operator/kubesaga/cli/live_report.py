"""A Workflow of a cluster on a terminal, drawn anew as it changes and as time goes by."""

from rich.console import Console, RenderableType
from rich.live import Live

from kubesaga.cli.reading import Reading
from kubesaga.cli.workflow_report import print_report, report


class LiveReport:
    """Draws the last reading."""

    def __init__(self, reading: Reading, console: Console) -> None:
        self._reading = reading
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._draw, transient=True)

    def __enter__(self) -> "LiveReport":
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last picture on the screen, without what was cut off for its size."""
        self._live.stop()
        print_report(self._reading, self._console, whole=False)

    def show(self, reading: Reading) -> None:
        """Draw another reading from now on."""
        self._reading = reading
        self._live.refresh()

    def _draw(self) -> RenderableType:
        return report(self._reading, self._console, self._console.height - 1, "ellipsis")
