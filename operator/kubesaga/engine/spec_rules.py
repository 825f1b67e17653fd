"""What a spec must keep beyond its structure: names, edges, references, bounds.

Every rule is applied to whatever can be read: a model here may be salvaged, see `kubesaga.engine.salvage`.
"""

from collections.abc import Iterator, Sequence

from kubesaga.api import limits
from kubesaga.api.spec import WorkflowSpec
from kubesaga.engine.condition_rules import condition_errors
from kubesaga.engine.container_rules import duplicates
from kubesaga.engine.default_rules import default_errors
from kubesaga.engine.draft import FinallyDraft, StepDraft
from kubesaga.engine.edge_rules import edge_errors
from kubesaga.engine.finally_rules import FinallyRules
from kubesaga.engine.graph import Graph, Upstream
from kubesaga.engine.outline import Outline
from kubesaga.engine.reference_rules import Known
from kubesaga.engine.size import output_bytes
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.step_rules import StepRules
from kubesaga.engine.suggestion import Suggestions
from kubesaga.engine.workflow_output_rules import workflow_output_errors


def spec_errors(
    outlined: Outline,
    drafts: Sequence[StepDraft],
    endings: Sequence[FinallyDraft],
    graph: Graph,
    order: Sequence[str],
    suggestions: Suggestions,
) -> Iterator[SpecError]:
    """Every error beyond structure, except those that only follow from an error of the structure."""
    known = _known(outlined, drafts, Upstream(graph, order, _asked(drafts)), suggestions)
    found = (
        *_all_errors(outlined, drafts, graph, order, known),
        *FinallyRules(outlined, known).errors(drafts, endings),
    )
    for error in found:
        if not outlined.is_unsure(error.path):
            yield error


def _all_errors(
    outlined: Outline, drafts: Sequence[StepDraft], graph: Graph, order: Sequence[str], known: Known
) -> Iterator[SpecError]:
    spec = outlined.spec
    yield from duplicates("spec.parameters", _names(spec), "name")
    if spec.defaults is not None:
        yield from default_errors(outlined, spec.defaults, known)
    yield from edge_errors(drafts, graph, order, known.suggestions)
    rules = StepRules(outlined, known)
    by_name = {draft.step.name: draft.step for draft in reversed(drafts) if draft.step.name is not None}
    values = {p.name: p.value for p in spec.parameters or () if p is not None and p.name and p.value is not None}
    for draft in drafts:
        yield from rules.errors(draft)
        yield from condition_errors(draft, values, by_name, graph, spec.on_failure, known)
    yield from workflow_output_errors(outlined, drafts, known)
    total = sum(output_bytes(draft.step.outputs) for draft in drafts)
    if total > limits.WORKFLOW_OUTPUT_BYTES_MAX:
        found = f"found {total:,} bytes of maxBytes in all outputs together"
        yield SpecError("spec.steps", found, f"must be at most {limits.WORKFLOW_OUTPUT_BYTES_MAX:,}")


def _known(outlined: Outline, drafts: Sequence[StepDraft], upstream: Upstream, suggestions: Suggestions) -> Known:
    """What references may name."""
    unsure = outlined.is_unsure("spec.parameters")
    outputs: dict[str, list[str] | None] = {}
    for draft in drafts:
        names = [output.name for output in draft.step.outputs or () if output is not None]
        if draft.step.name is not None:
            outputs.setdefault(draft.step.name, None if outlined.is_unsure(f"{draft.path}.outputs") else names)
    parameters = None if unsure else [name for name in _names(outlined.spec) if name is not None]
    return Known(parameters, outputs, upstream, suggestions)


def _names(spec: WorkflowSpec) -> list[str | None]:
    """The names of the parameters."""
    return [None if parameter is None else parameter.name for parameter in spec.parameters or ()]


def _asked(drafts: Sequence[StepDraft]) -> dict[str, None]:
    """The steps that undos of other steps refer to."""
    return {
        reference.step: None
        for draft in drafts
        for undo in (draft.undo, draft.fallback_undo)
        if undo is not None
        for reference in undo.references
        if reference.step is not None and reference.step != draft.step.name
    }
