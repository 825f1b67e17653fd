"""What is written on a Workflow that cannot be passed over: a Stalled condition, and nothing else of it is touched."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from kubesaga.api.limits import MESSAGE_BYTES_MAX
from kubesaga.api.status import Condition
from kubesaga.controller.status_patch import Operation
from kubesaga.engine.conditions import stalled
from kubesaga.engine.text import clip


def stall_patch(raw: Mapping[str, Any], error: Exception, now: datetime) -> list[Operation]:
    """The patch that records `error`; empty where it is recorded already."""
    reason, message = _reason(error)
    status = raw.get("status")
    before = _conditions(status)
    generation = raw["metadata"].get("generation", 1)
    after = stalled(before, reason, message, generation, now.replace(microsecond=0))
    if tuple(after) == tuple(before):
        return []
    conditions = [condition.wire() for condition in after]
    version: Operation = {
        "op": "replace",
        "path": "/metadata/resourceVersion",
        "value": raw["metadata"]["resourceVersion"],
    }
    if not isinstance(status, Mapping):
        return [version, {"op": "add", "path": "/status", "value": {"conditions": conditions}}]
    return [version, {"op": "add", "path": "/status/conditions", "value": conditions}]


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = f"status.{place}: {first['msg']}; kubesaga did not write this, and does not go on until it is mended"
        return "InvalidStatus", clip(message, MESSAGE_BYTES_MAX)
    return "ReconcileFailed", clip(f"{type(error).__name__}: {error}", MESSAGE_BYTES_MAX)


def _conditions(status: Any) -> Sequence[Condition]:
    """The conditions as far as they can be read."""
    found = status.get("conditions") if isinstance(status, Mapping) else None
    conditions = []
    for one in found if isinstance(found, list) else []:
        try:
            conditions.append(Condition.model_validate(one))
        except ValidationError:
            continue
    return conditions
