"""A cluster that has one Workflow, behind the calls that reading commands make; what becomes of it, a test says.

The story of the Workflow is a sequence: objects are told by the watch, and the words below are what may happen else.
After its end the watch stays silent for ever, as that of a Workflow at rest does.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kubesaga.api.status import WorkflowStatus
from kubesaga.controller.errors import NotFound, Refused, Unavailable

Raw = dict[str, Any]

WATCH_ENDS, AWAY, EXPIRED, DELETED, CTRL_C = "watch ends", "away", "expired", "deleted", "Ctrl-C"
MISSED = "missed"
"""The watch ends, and the object after this word is there without being told."""
UID = "11111111-2222-3333-4444-555555555555"  # That of the scenarios' world.
NOW = datetime.now(UTC).replace(microsecond=0)


def ago(seconds: float) -> str:
    """A moment as Kubernetes writes it."""
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


class FakeCluster:
    """Implements what `kubesaga get`, `logs` and `wait` use of `ClusterClient`."""

    def __init__(self, *story: Raw | str) -> None:
        self._story = deque(story)
        self._now: Raw | None = None
        self.reads = 0
        self.pods: Mapping[str, Sequence[Raw]] = {}
        """By the name of their Job."""
        self.logs: Mapping[str, Sequence[bytes]] = {}
        """By the name of the Pod."""
        self.followed: bool | None = None
        self.namespace = ""
        self._happens()

    async def read_workflow(self, namespace: str, name: str) -> Raw:
        self.namespace, self.reads = namespace, self.reads + 1
        if self._now is None or self._now["metadata"]["name"] != name:
            raise NotFound(404, "NotFound", f'workflows.kubesaga.dev "{name}" not found')
        return self._now

    async def watch_workflow(self, workflow: Raw) -> AsyncGenerator[Raw, None]:
        assert workflow["metadata"]["namespace"] == "shop"
        while self._story:
            if self._happens():
                return
            assert self._now is not None
            yield self._now
        await asyncio.Event().wait()

    def _happens(self) -> bool:
        """Let the next thing happen; whether the watch ends with it."""
        next_ = self._story.popleft() if self._story else DELETED
        if next_ == AWAY:
            raise Unavailable(0, "ClientConnectorError", "connection refused")
        if next_ == EXPIRED:
            raise Refused(410, "Expired", "too old resource version")
        if next_ == CTRL_C:
            os.kill(os.getpid(), signal.SIGINT)
        if next_ == DELETED:
            self._now = None
        if isinstance(seen := self._story.popleft() if next_ == MISSED else next_, dict):
            self._now = seen
        return isinstance(next_, str)

    async def pods_of_job(self, namespace: str, job_name: str) -> Sequence[Raw]:
        assert namespace == "shop"
        return self.pods.get(job_name, ())

    async def pod_log(
        self, namespace: str, name: str, container: str, *, follow: bool = False
    ) -> AsyncGenerator[bytes, None]:
        assert (namespace, container) == ("shop", "step")
        self.followed = follow
        for chunk in self.logs[name]:
            yield chunk

    async def close(self) -> None:
        pass


def workflow(status: WorkflowStatus | Raw | None, spec: Raw, version: int = 1, **metadata: Any) -> Raw:
    """The object, as the API server has it."""
    made: Raw = {
        "apiVersion": "kubesaga.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": "order",
            "namespace": "shop",
            "uid": UID,
            "generation": 1,
            "resourceVersion": str(version),
            "creationTimestamp": ago(90),
            "managedFields": [{"manager": "kubectl"}],
            **metadata,
        },
        "spec": spec,
    }
    if status is not None:
        made["status"] = status.wire() if isinstance(status, WorkflowStatus) else status
    return made
