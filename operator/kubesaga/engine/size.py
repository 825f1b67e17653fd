"""The estimate of how large a Workflow object can become in its life."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kubesaga.api.limits import (
    APPLY_ANNOTATION_BYTES_MAX,
    COMPENSATION_STATUS_BYTES,
    OUTPUT_BYTES_DEFAULT,
    STEP_STATUS_BYTES,
)
from kubesaga.engine.plan import PlannedStep

_FIXED_BYTES: Final = 16_384
"""Metadata, managedFields (lists of steps are atomic, so it does not grow with them), conditions and requests."""

_OUTPUT_OVERHEAD_BYTES: Final = 6
"""Quotes, colon and comma round an output."""


def spec_bytes(spec: Mapping[str, Any]) -> int:
    """The size of a spec as JSON."""
    return len(json.dumps(spec, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass"))


def object_bytes(spec_size: int, steps: Iterable[PlannedStep]) -> int:
    """The largest size of the object: its spec, the records of every step, output and undo.

    The spec counts twice where `kubectl apply` can keep a copy of it in an annotation.
    """
    copies = 2 if spec_size <= APPLY_ANNOTATION_BYTES_MAX else 1
    return _FIXED_BYTES + copies * spec_size + sum(_record_bytes(step) for step in steps)


def output_bytes(step: PlannedStep) -> int:
    """Room for the outputs of a step."""
    return sum(output.max_bytes or OUTPUT_BYTES_DEFAULT for output in step.outputs)


def _record_bytes(step: PlannedStep) -> int:
    names = sum(len(output.name) + _OUTPUT_OVERHEAD_BYTES for output in step.outputs)
    undo = COMPENSATION_STATUS_BYTES if step.compensation else 0
    return STEP_STATUS_BYTES + undo + names + output_bytes(step)
