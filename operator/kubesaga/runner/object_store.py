"""The objects of a run without a cluster, with the API server's semantics and on disk.

Every accepted write is durable before it is answered, so a run that was killed goes on where it stood.
"""

import copy
import json
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import jsonpatch

from kubesaga.api.model import rfc3339
from kubesaga.controller.cluster import Operation, Raw, Resource
from kubesaga.controller.errors import Conflict, Exists, NotFound

Change = Literal["changed", "gone"]
Listener = Callable[[Resource, Change, Raw], None]


class ObjectStore:
    """Workflows, Jobs and Pods by resource and name. Implements `kubesaga.controller.cluster.Cluster`."""

    def __init__(self, path: Path | str = ":memory:", now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._listeners: list[Listener] = []
        self._database = sqlite3.connect(path, isolation_level=None)
        # FULL: an accepted write must survive a crash of the machine, since an effect follows it.
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS objects (resource TEXT, name TEXT, raw TEXT, PRIMARY KEY (resource, name))"
        )
        self._objects: dict[tuple[Resource, str], Raw] = {
            (resource, name): json.loads(raw)
            for resource, name, raw in self._database.execute("SELECT resource, name, raw FROM objects")
        }
        versions = (int(raw["metadata"]["resourceVersion"]) for raw in self._objects.values())
        self._version = max(versions, default=0)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def get(self, resource: Resource, name: str) -> Raw | None:
        """A copy of an object, if it is there."""
        raw = self._objects.get((resource, name))
        return copy.deepcopy(raw) if raw is not None else None

    def all(self, resource: Resource) -> list[Raw]:
        """Copies of all objects of a resource."""
        return [copy.deepcopy(raw) for (which, _), raw in self._objects.items() if which == resource]

    def create(self, resource: Resource, manifest: Mapping[str, Any]) -> Raw:
        """Add an object. Raises Exists."""
        raw: Raw = copy.deepcopy(dict(manifest))
        name = raw["metadata"]["name"]
        if (resource, name) in self._objects:
            raise Exists(409, "AlreadyExists", f'{resource} "{name}" already exists')
        metadata = {"uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": rfc3339(self._second())}
        raw["metadata"] = {"namespace": "default", **raw["metadata"], **metadata}
        return self._store(resource, raw)

    def update(self, resource: Resource, raw: Raw) -> Raw:
        """Replace an object as it stands, without a precondition: for whoever plays the cluster's own controllers."""
        return self._store(resource, raw)

    def remove(self, resource: Resource, name: str) -> Raw | None:
        """Take an object out; what it owns goes with it."""
        raw = self._objects.pop((resource, name), None)
        if raw is None:
            return None
        self._database.execute("DELETE FROM objects WHERE resource = ? AND name = ?", (resource, name))
        self._tell(resource, "gone", raw)
        for owned_resource, owned in self._owned(raw["metadata"]["uid"]):
            self.remove(owned_resource, owned)
        return raw

    # Cluster

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Operation]) -> Raw:  # noqa: ARG002
        """See Cluster."""
        stored = self._existing("workflows", name)
        patched = jsonpatch.apply_patch(copy.deepcopy(stored), list(operations))
        if patched["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "the object has been modified")
        return self._store("workflows", {**copy.deepcopy(stored), "status": patched["status"]})

    async def read_workflow(self, namespace: str, name: str) -> Raw:  # noqa: ARG002
        """See Cluster."""
        return copy.deepcopy(self._existing("workflows", name))

    async def delete_workflow(self, namespace: str, name: str, uid: str, resource_version: str) -> None:  # noqa: ARG002
        """See Cluster."""
        metadata = self._existing("workflows", name)["metadata"]
        if (metadata["uid"], metadata["resourceVersion"]) != (uid, resource_version):
            raise Conflict(409, "Conflict", "a precondition failed")
        self.remove("workflows", name)

    async def create_job(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:  # noqa: ARG002
        """See Cluster."""
        return self.create("jobs", manifest)

    async def read_job(self, namespace: str, name: str) -> Raw:  # noqa: ARG002
        """See Cluster."""
        return copy.deepcopy(self._existing("jobs", name))

    async def patch_job(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:  # noqa: ARG002
        """See Cluster."""
        stored = copy.deepcopy(self._existing("jobs", name))
        uid = patch.get("metadata", {}).get("uid", stored["metadata"]["uid"])
        if uid != stored["metadata"]["uid"]:
            raise Conflict(409, "Conflict", "a precondition failed")
        return self._store("jobs", _merged(stored, patch))

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:  # noqa: ARG002
        """See Cluster."""
        if self._existing("jobs", name)["metadata"]["uid"] != uid:
            raise Conflict(409, "Conflict", "a precondition failed")
        self.remove("jobs", name)

    async def pods_of_job(self, namespace: str, job_name: str) -> Sequence[Raw]:  # noqa: ARG002
        """See Cluster."""
        label = "batch.kubernetes.io/job-name"
        return [raw for raw in self.all("pods") if raw["metadata"]["labels"].get(label) == job_name]

    async def create_event(self, namespace: str, manifest: Mapping[str, Any]) -> None:
        """Events are for `kubectl describe`; here the terminal shows what happens."""

    async def list(self, resource: Resource) -> AsyncIterator[Raw]:
        """See Cluster."""
        for raw in self.all(resource):
            yield raw

    def _existing(self, resource: Resource, name: str) -> Raw:
        raw = self._objects.get((resource, name))
        if raw is None:
            raise NotFound(404, "NotFound", f'{resource} "{name}" not found')
        return raw

    def _owned(self, uid: str) -> Sequence[tuple[Resource, str]]:
        return [
            key
            for key, raw in self._objects.items()
            if any(owner["uid"] == uid for owner in raw["metadata"].get("ownerReferences") or ())
        ]

    def _store(self, resource: Resource, raw: Raw) -> Raw:
        self._version += 1
        raw["metadata"]["resourceVersion"] = str(self._version)
        name = raw["metadata"]["name"]
        self._database.execute("REPLACE INTO objects VALUES (?, ?, ?)", (resource, name, json.dumps(raw)))
        self._objects[resource, name] = raw
        self._tell(resource, "changed", raw)
        return copy.deepcopy(raw)

    def _tell(self, resource: Resource, change: Change, raw: Raw) -> None:
        for listener in self._listeners:
            listener(resource, change, copy.deepcopy(raw))

    def _second(self) -> datetime:
        return self._now().replace(microsecond=0)


def _merged(target: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result
