"""A Workflow of a cluster as plain lines, one for every change: for pipes, files and CI."""

from collections.abc import Iterator, Sequence
from typing import TextIO

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, HandledRequest, StepState
from kubesaga.cli.reading import Reading
from kubesaga.cli.terminal_text import one_line
from kubesaga.cli.workflow_head import facts, phase, times
from kubesaga.cli.workflow_view import WorkflowView, direction_of

Told = tuple[StepState, int, str | None]
"""What was told of an attempt: its state, which it is, and its message."""


class PlainChanges:
    """Prints what changed since the reading before; at first all that there is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._phase = ""
        self._told: dict[tuple[str, Direction], Told] = {}
        self._requests: set[HandledRequest] = set()

    def __enter__(self) -> "PlainChanges":
        """Nothing is to be done before."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to do."""

    def show(self, reading: Reading) -> None:
        """Print what changed."""
        first = not self._phase
        if first and not reading.ended:
            self._stands(reading)
        ended, begun = self._steps(reading.view) if reading.view is not None else ([], [])
        self._print_all(ended)  # What ended led to what began.
        if not first and not reading.ended:
            self._stands(reading)
        self._print_all(begun)
        self._answers(reading)
        if reading.ended:
            self._finish(reading)

    def _stands(self, reading: Reading) -> None:
        """The phase, and why, where it is another than before; that a step waits is told with the step."""
        stands = phase(reading)
        if stands != self._phase:
            self._phase = stands
            condition = reading.condition("Succeeded")
            message = f": {one_line(condition.message)}" if condition and condition.message else ""
            self._print(f"{reading.workflow.name}: {stands}{message}")

    def _print_all(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._print(line)

    def _steps(self, view: WorkflowView) -> tuple[list[str], list[str]]:
        """Lines of what changed: of what does not run any more, and of what does."""
        ended: list[str] = []
        begun: list[str] = []
        for step, execution in _executions(view):
            state = StepState.STARTING if execution.state.in_flight else execution.state
            told = (state, execution.attempt, execution.message)
            if self._told.get((step, direction_of(execution))) != told:
                self._told[step, direction_of(execution)] = told
                line = view.line(step, execution, execution.state, execution.attempt)
                (begun if execution.state.in_flight else ended).append(line)
        return ended, begun

    def _answers(self, reading: Reading) -> None:
        for request in reading.status.handled_requests:
            if request not in self._requests:
                self._requests.add(request)
                what = f"{request.verb} {request.target}" if request.target else request.verb
                answer = "accepted" if request.accepted else "refused"
                self._print(f"{reading.workflow.name}: {what} {answer}: {one_line(request.message)}")

    def _finish(self, reading: Reading) -> None:
        progress = f"{reading.view.headline()}, " if reading.view else ""
        self._print(f"{reading.workflow.name}: {phase(reading)}: {progress}{times(reading)}")
        for title, text in facts(reading):
            if title != "request":
                self._print(f"  {f'{title}:' if title else '':<9} {text}")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def _executions(view: WorkflowView) -> Iterator[tuple[str, Execution]]:
    """All attempts, the steps before the undos, the finally steps last."""
    for record in view.status.steps:
        yield record.name, record
    for record in view.status.steps:
        if record.compensation is not None:
            yield record.name, record.compensation
    yield from view.finally_records().items()
