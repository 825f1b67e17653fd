"""The estimate of how large a Workflow object can become in its life.

It is held against OBJECT_BYTES_MAX, which leaves a third of what etcd accepts to what is not counted here: the copy of
the manifest that `kubectl apply` keeps in an annotation of at most 256 KiB, managedFields, and others' annotations.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json

from kubesaga.api.limits import (
    COMPENSATION_STATUS_BYTES,
    FALLBACK_STATUS_BYTES,
    FALLBACK_UNDO_STATUS_BYTES,
    MESSAGE_BYTES_MAX,
    OUTPUT_BYTES_DEFAULT,
    STEP_STATUS_BYTES,
    WORKFLOW_OWN_OUTPUT_BYTES_MAX,
)
from kubesaga.api.spec import Output, WorkflowOutput
from kubesaga.engine.plan import PlannedFinally, PlannedStep

_FIXED_BYTES: Final = 16_384
"""Metadata beside the names, conditions, the failure, and the answers to a dozen requests."""

_OUTPUT_OVERHEAD_BYTES: Final = 6
"""Quotes, colon and comma round an output."""

_INCARNATION_BYTES: Final = 7
"""Quotes, colon, comma and a number of up to three digits beside the step's name, once it was undone and begun anew."""

_ESCAPED: Final = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))
"""The API server writes these characters so, wherever they stand."""


def stored_form(spec: Mapping[str, Any]) -> bytes | None:
    """A spec as the API server stores it, JSON without white space; None where a string in it is no Unicode."""
    try:
        raw = to_json(spec, fallback=dict)
    except PydanticSerializationError:
        return None
    for character, written in _ESCAPED:
        raw = raw.replace(character, written)
    return raw


def object_bytes(
    spec_size: int,
    name: str,
    namespace: str,
    steps: Iterable[PlannedStep],
    finally_steps: Mapping[str, PlannedFinally],
    outputs: Sequence[WorkflowOutput],
) -> int:
    """The largest size of the object: its names and spec, and the records of every step, output, undo, finally step."""
    ending = MESSAGE_BYTES_MAX + STEP_STATUS_BYTES if finally_steps else 0
    ending += sum(STEP_STATUS_BYTES + len(step) for step in finally_steps)
    records = sum(_record_bytes(step) for step in steps)
    own = WORKFLOW_OWN_OUTPUT_BYTES_MAX + sum(len(output.name) + _OUTPUT_OVERHEAD_BYTES for output in outputs)
    return _FIXED_BYTES + len(name) + len(namespace) + spec_size + records + ending + (own if outputs else 0)


def output_bytes(outputs: Sequence[Output] | None) -> int:
    """Room for the values of the outputs of a step."""
    return sum(output.max_bytes or OUTPUT_BYTES_DEFAULT for output in outputs or () if output is not None)


def _fallback_bytes(step: PlannedStep) -> int:
    """Room for what a record says of the fallback, and of its undo."""
    if step.fallback is None:
        return 0
    if step.fallback.compensation is None:
        return FALLBACK_STATUS_BYTES
    undo = 0 if step.compensation else COMPENSATION_STATUS_BYTES
    return FALLBACK_STATUS_BYTES + FALLBACK_UNDO_STATUS_BYTES + len(step.name) + undo


def _record_bytes(step: PlannedStep) -> int:
    undo = COMPENSATION_STATUS_BYTES + len(step.name) + _INCARNATION_BYTES if step.compensation else 0
    undo += _fallback_bytes(step)
    names = sum(len(output.name) + _OUTPUT_OVERHEAD_BYTES for output in step.outputs)
    return STEP_STATUS_BYTES + len(step.name) + undo + names + output_bytes(step.outputs)
