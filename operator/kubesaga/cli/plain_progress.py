"""A run as plain lines, one for every change: for pipes, files and CI."""

from typing import Final, TextIO

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, Phase, StepState
from kubesaga.api.workflow import Workflow
from kubesaga.cli.run_view import RunView
from kubesaga.cli.terminal_text import duration, one_line, visible
from kubesaga.cli.workflow_view import subject_of
from kubesaga.engine.decision import Decision, PhaseTransition, StepTransition
from kubesaga.engine.text import counted

_TOLD: Final = {Phase.ROLLING_BACK, Phase.SUSPENDED}
"""Phases that begin with a line; the last one is told in the end."""


class PlainProgress:
    """Prints every change of a run."""

    def __init__(self, view: RunView, stream: TextIO, *, logs: bool) -> None:
        self._view = view
        self._stream = stream
        self._logs = logs

    def __enter__(self) -> "PlainProgress":
        """Say what begins."""
        plan = self._view.plan
        undos = sum(step.undoable for step in plan.steps)
        ends = f", {counted(len(plan.finally_steps), 'finally step')}" if plan.finally_steps else ""
        self.note(f"{self._view.name}: {counted(len(plan.steps), 'step')}, {undos} with an undo{ends}")
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to do."""

    def decided(self, workflow: Workflow, decision: Decision) -> None:  # noqa: ARG002
        """Print what changed."""
        self._view.decided(decision)
        for transition in decision.transitions:
            if isinstance(transition, PhaseTransition) and transition.after in _TOLD:
                self.note(f"{transition.after}: {one_line(decision.status.conditions[0].message)}".rstrip(": "))
        for transition in decision.transitions:
            if isinstance(transition, StepTransition) and self._is_told(transition):
                self._step(transition)

    def said(self, step: str, direction: Direction, line: str) -> None:
        """Print what a process wrote."""
        if self._logs:
            self.note(f"{subject_of(step, direction)} | {visible(line)}")

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=self._stream, flush=True)

    def finish(self) -> None:
        """Print how the run ended."""
        seconds = self._view.elapsed()
        self.note(f"{self._view.status.phase}: {self._view.headline()} in {duration(seconds)}")
        for title, text in self._view.summary():
            self.tell(title, text)

    def tell(self, title: str, text: str) -> None:
        """Print one more line of how it ended."""
        self.note(f"  {title + ':':<9} {text}")

    def _is_told(self, transition: StepTransition) -> bool:
        """Whether it says something new: that a Job exists, which was decided before, does not."""
        planned = self._view.plan.by_name.get(transition.step)
        return transition.after is not StepState.RUNNING or not (planned is None or planned.has_job)

    def _step(self, transition: StepTransition) -> None:
        execution: Execution
        if transition.direction is Direction.FINALLY:
            execution = self._view.finally_records()[transition.step]
        else:
            record = self._view.records()[transition.step]
            undo = transition.direction is Direction.COMPENSATION
            execution = record.compensation if undo and record.compensation else record
        self.note(self._view.line(transition.step, execution, transition.after, transition.attempt))
