"""What the finally steps must keep beyond their structure."""

from collections.abc import Iterator, Sequence

from kubesaga.api.limits import STEPS_MAX
from kubesaga.api.names import Direction
from kubesaga.engine.draft import FinallyDraft, StepDraft
from kubesaga.engine.outline import Outline
from kubesaga.engine.reference_rules import Known
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.step_rules import StepRules
from kubesaga.engine.structure import shorten


class FinallyRules:
    """The rules of the finally steps in the light of the whole spec."""

    def __init__(self, outlined: Outline, known: Known) -> None:
        self._rules = StepRules(outlined, known)

    def errors(self, steps: Sequence[StepDraft], endings: Sequence[FinallyDraft]) -> Iterator[SpecError]:
        """Errors of all of them."""
        yield from _name_errors(steps, endings)
        for ending in endings:
            if ending.draft is not None:
                yield from self._rules.container_errors(ending.draft, ending.step.name, Direction.FINALLY)
            yield from self._rules.retry_errors(ending.path, ending.step.retry)
        if endings and (count := len(steps) + len(endings)) > STEPS_MAX >= len(steps):
            found = f"found {count:,} steps, those of spec.steps included"
            yield SpecError("spec.finally", found, f"must be at most {STEPS_MAX:,}")


def _name_errors(steps: Sequence[StepDraft], endings: Sequence[FinallyDraft]) -> Iterator[SpecError]:
    """A Job is found by the name of its step, so no two steps share one."""
    first: dict[str, str] = {}
    for step in steps:
        first.setdefault(step.step.name, step.path)
    for ending in endings:
        name = ending.step.name
        if name is not None and first.setdefault(name, ending.path) != ending.path:
            yield SpecError(f"{ending.path}.name", f"found {shorten(name)}", f"is the name of {first[name]} already")
