"""The interface between the controller and whatever holds the objects: a Kubernetes API server, or this machine.

Objects are raw dicts as the API server stores them. Every method raises errors of `kubesaga.controller.errors` only.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

Raw = dict[str, Any]
Operation = Mapping[str, Any]
Resource = Literal["workflows", "jobs", "pods", "leases"]
Watched = Literal["jobs", "pods", "leases"]
WATCHED: Final[tuple[Watched, ...]] = ("jobs", "pods", "leases")
"""What a Workflow is made of, and what there is much of; and the Leases in which Workflows stand in line."""


class Cluster(Protocol):
    """The calls that the controller makes; all that an implementation has to offer."""

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Operation]) -> Raw:
        """JSON Patch (RFC 6902) the status of a Workflow; returns the Workflow. Raises Conflict when it is stale."""

    async def read_workflow(self, namespace: str, name: str) -> Raw:
        """Read a Workflow live. Raises NotFound."""

    async def create_workflow(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """Create a Workflow; returns it. Raises Exists."""

    async def patch_workflow(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """JSON Merge Patch (RFC 7396) a Workflow but for its status; a metadata.resourceVersion is a precondition."""

    async def delete_workflow(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Delete a Workflow in the background. Raises Conflict if a precondition fails, NotFound."""

    async def read_namespace(self, name: str) -> Raw:
        """Read a Namespace live. Raises NotFound."""

    async def create_job(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """Create a Job; returns it. Raises Exists."""

    async def read_job(self, namespace: str, name: str) -> Raw:
        """Read a Job live. Raises NotFound."""

    async def patch_job(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """JSON Merge Patch (RFC 7396) a Job; returns it. A metadata.uid in the patch is a precondition (Conflict)."""

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete a Job and all it owns, in the foreground, with its uid as precondition. Raises NotFound, Conflict."""

    async def pods_of_job(self, namespace: str, job_name: str) -> Sequence[Raw]:
        """Read live the Pods that carry the label `batch.kubernetes.io/job-name: job_name`."""

    async def create_lease(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """Create a Lease; returns it. Raises Exists."""

    async def read_lease(self, namespace: str, name: str) -> Raw:
        """Read a Lease live. Raises NotFound."""

    async def patch_lease(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """JSON Merge Patch (RFC 7396) a Lease; a metadata.resourceVersion is a precondition (Conflict)."""

    async def delete_lease(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Delete a Lease. Raises Conflict if a precondition fails, NotFound."""

    async def create_event(self, namespace: str, manifest: Mapping[str, Any]) -> None:
        """Create a core/v1 Event."""

    def list(self, resource: Resource) -> AsyncIterator[Raw]:
        """Every object of ours of that resource, page by page, for priming the caches and healing them."""
