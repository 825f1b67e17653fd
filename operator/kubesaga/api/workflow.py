"""The Workflow custom resource, as a pass of the operator reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubesaga.api.status import WorkflowStatus


@dataclass(frozen=True, slots=True)
class Workflow:
    """One Workflow as read from the API server: identity, requests and status; the spec lives in its Plan."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: datetime
    deleting: bool
    finalizers: tuple[str, ...]
    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    """The spec as written, not yet validated: the planner does that."""
    status: WorkflowStatus

    @classmethod
    def parse(cls, raw: Mapping[str, Any], status: WorkflowStatus | None = None) -> "Workflow":
        """Read the object as the API server stores it.

        `status` spares validating a status that the caller wrote itself. Raises pydantic.ValidationError where the
        status is not one that kubesaga wrote.
        """
        metadata = raw["metadata"]
        if status is None:
            status = WorkflowStatus.model_validate(raw.get("status") or {})
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 1),
            resource_version=metadata["resourceVersion"],
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            deleting="deletionTimestamp" in metadata,
            finalizers=tuple(metadata.get("finalizers") or ()),
            annotations=metadata.get("annotations") or {},
            spec=raw.get("spec") or {},
            status=status,
        )
