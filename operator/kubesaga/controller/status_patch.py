"""The JSON Patch from one status to the next: only what changed, bound to the version that it was computed from."""

from collections.abc import Sequence
from typing import Any

from kubesaga.api.limits import STATUS_OPERATIONS_MAX
from kubesaga.api.status import StepStatus, WorkflowStatus

Operation = dict[str, Any]


def status_patch(resource_version: str, stored: Any, before: WorkflowStatus, after: WorkflowStatus) -> list[Operation]:
    """Operations that turn the stored status into `after`.

    `stored` is the status as the API server has it (None where there is none), `before` what it means. The first
    operation makes a stale patch fail with 409.
    """
    version: Operation = {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version}
    if not stored:
        return [version, {"op": "add", "path": "/status", "value": after.wire()}]
    operations = [version, *_fields(stored, _head(after)), *_steps("steps" in stored, before.steps, after.steps)]
    if len(operations) > STATUS_OPERATIONS_MAX:
        return [version, {"op": "add", "path": "/status", "value": after.wire()}]
    return operations


def _head(status: WorkflowStatus) -> dict[str, Any]:
    """The status without its steps."""
    return status.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"steps"})


def _fields(stored: dict[str, Any], after: dict[str, Any]) -> list[Operation]:
    """Top-level fields that came, changed or went."""
    changed = [
        {"op": "add", "path": f"/status/{name}", "value": value}
        for name, value in after.items()
        if name not in stored or stored[name] != value
    ]
    gone = [{"op": "remove", "path": f"/status/{name}"} for name in stored if name not in after and name != "steps"]
    return changed + gone


def _steps(stored: bool, before: Sequence[StepStatus], after: Sequence[StepStatus]) -> list[Operation]:
    """Records by their place, unless some went. New ones come last; unchanged records are the same objects."""
    if not after:
        return [{"op": "remove", "path": "/status/steps"}] if stored else []
    pairs = zip(before, after, strict=False)
    moved = len(after) < len(before) or any(old is not new and old.name != new.name for old, new in pairs)
    if moved or not stored:
        return [{"op": "add", "path": "/status/steps", "value": [step.wire() for step in after]}]
    replaced = [
        {"op": "replace", "path": f"/status/steps/{index}", "value": new.wire()}
        for index, (old, new) in enumerate(zip(before, after, strict=False))
        if old is not new and old != new
    ]
    added = [{"op": "add", "path": "/status/steps/-", "value": step.wire()} for step in after[len(before) :]]
    return replaced + added
