"""What the outputs of a Workflow must keep beyond their structure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from kubesaga.api.limits import (
    NAME_LENGTH_MAX,
    OBJECT_NAME_LENGTH_MAX,
    OUTPUT_BYTES_DEFAULT,
    WORKFLOW_OWN_OUTPUT_BYTES_MAX,
)
from kubesaga.api.spec import WorkflowOutput
from kubesaga.api.status import StepState
from kubesaga.engine.container_rules import duplicates
from kubesaga.engine.draft import StepDraft
from kubesaga.engine.outline import Outline
from kubesaga.engine.reference_rules import Known, text_reference_errors
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.substitution import parse, text_references

_OUTPUTS: Final = "spec.outputs"
_OUTCOME_BYTES: Final = max(map(len, (*StepState, "NotStarted")))
_WORKFLOW_BYTES: Final = {
    "workflow.name": OBJECT_NAME_LENGTH_MAX,
    "workflow.namespace": NAME_LENGTH_MAX,
    "workflow.uid": 36,
}


def workflow_output_errors(outlined: Outline, drafts: Sequence[StepDraft], known: Known) -> Iterator[SpecError]:
    """Errors of the outputs that a spec declares."""
    outputs = [output for output in outlined.spec.outputs or () if output is not None]
    yield from duplicates(_OUTPUTS, [output.name for output in outputs], "name")
    found = [error for index, output in enumerate(outputs) for error in _value_errors(index, output, known)]
    yield from found
    if outputs and not found:
        size = sum(_bytes(output.value, _longest(outlined, drafts)) for output in outputs if output.value is not None)
        if size > WORKFLOW_OWN_OUTPUT_BYTES_MAX:
            said = f"found {size:,} bytes in all of them together, by maxBytes of what they refer to"
            yield SpecError(_OUTPUTS, said, f"must be at most {WORKFLOW_OWN_OUTPUT_BYTES_MAX:,}")


def _value_errors(index: int, output: WorkflowOutput, known: Known) -> Iterator[SpecError]:
    if output.value is not None:
        yield from text_reference_errors(f"{_OUTPUTS}[{index}].value", output.value, known)


def _longest(outlined: Outline, drafts: Sequence[StepDraft]) -> dict[str, int]:
    """Reference to the most bytes of its value; an outcome is not listed."""
    parameters = (p for p in outlined.spec.parameters or () if p is not None and p.value is not None)
    steps = {
        f"steps.{draft.step.name}.outputs.{output.name}": output.max_bytes or OUTPUT_BYTES_DEFAULT
        for draft in drafts
        for output in draft.step.outputs or ()
        if output is not None
    }
    return {**_WORKFLOW_BYTES, **{f"params.{p.name}": _size(p.value) for p in parameters}, **steps}


def _bytes(text: str, longest: Mapping[str, int]) -> int:
    """The most bytes that a text resolves to."""
    literals = sum(map(_size, parse(text)[::2]))
    return literals + sum(longest.get(reference.text, _OUTCOME_BYTES) for reference in text_references(text))


def _size(text: str) -> int:
    """Bytes in UTF-8; what is no Unicode is an error of its own."""
    return len(text.encode("utf-8", "surrogatepass"))
