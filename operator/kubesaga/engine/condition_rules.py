"""What says whether a step runs must keep: known names, and a trigger rule that can be met."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from kubesaga.api.limits import WHEN_VALUE_LENGTH_MAX
from kubesaga.api.spec import Boundary, OnFailure, Step, TriggerRule
from kubesaga.engine.draft import StepDraft
from kubesaga.engine.reference_rules import Known, reference_problem
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import printable, shorten

_TOO_LONG: Final = f"a condition reads parameters of at most {WHEN_VALUE_LENGTH_MAX:,} characters"
_TOLERANCE: Final = "optional: true there, or spec.onFailure: Continue"


def condition_errors(
    draft: StepDraft,
    parameters: Mapping[str, str],
    steps: Mapping[str, Step],
    dependencies: Mapping[str, Sequence[str]],
    on_failure: OnFailure | None,
    known: Known,
) -> Iterator[SpecError]:
    """Errors of `when`, `triggerRule` and `optional` of one step."""
    step, path = draft.step, draft.path
    if draft.condition_problem:
        yield SpecError(f"{path}.when", f"found {shorten(step.when)}", draft.condition_problem)
    for reference in draft.condition_references:
        long = len(parameters.get(reference.text.removeprefix("params."), "")) > WHEN_VALUE_LENGTH_MAX
        if problem := reference_problem(reference, step.name, known) or (_TOO_LONG if long else ""):
            yield SpecError(f"{path}.when", f"found {printable(reference.text)}", problem)
    if step.optional and step.boundary is Boundary.PIVOT:
        yield SpecError(
            f"{path}.optional", "found true", "not with boundary: Pivot, which decides how the Workflow ends"
        )
    if step.trigger_rule is not None and step.name in dependencies:
        before = [steps[name] for name in dependencies[step.name]]
        if problem := _rule_problem(step.trigger_rule, before, on_failure):
            yield SpecError(f"{path}.triggerRule", f"found {shorten(step.trigger_rule.value)}", problem)


def _rule_problem(rule: TriggerRule, before: list[Step], on_failure: OnFailure | None) -> str:
    """Why the rule could never be met."""
    if rule in (TriggerRule.ANY_SUCCEEDED, TriggerRule.ANY_FAILED, TriggerRule.ALL_FAILED) and not before:
        return "needs a step that it depends on"
    strict = [str(step.name) for step in before if not step.optional]
    if on_failure is OnFailure.CONTINUE or not strict:
        return ""
    if rule is TriggerRule.ANY_FAILED and len(strict) == len(before):
        return f"no failure of what it depends on lets anything start: that needs {_TOLERANCE}"
    if rule is TriggerRule.ALL_FAILED:
        return f"after a failure of {printable(strict[0])} nothing starts: that needs {_TOLERANCE}"
    return ""
