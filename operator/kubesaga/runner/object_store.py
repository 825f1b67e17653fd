"""Objects with the API server's semantics: versions, preconditions, garbage collection, watchers.

It is what a run without a cluster talks to, and what tests of the controller talk to. What an API server decides by
chance or by its clock is given: the same calls lead to the same objects.
"""

import copy
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import jsonpatch

from kubesaga.api.model import rfc3339
from kubesaga.controller.cluster import Operation, Raw, Resource
from kubesaga.controller.errors import Conflict, Exists, NotFound, Refused
from kubesaga.runner.journal import Journal, Key

Change = Literal["changed", "gone"]
Listener = Callable[[Resource, Change, Raw], None]

FOREGROUND: Final = "foregroundDeletion"
"""The finalizer of an object that waits for all it owns to be gone."""

_INITIAL_STATUS: Final = {"workflows": {"observedGeneration": -1}}
"""What the CRD's default gives."""

_EVENTS_MAX: Final = 10_000


class ObjectStore:
    """Workflows, Jobs, Pods and Leases. Implements `kubesaga.controller.cluster.Cluster`."""

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_uid: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.events: deque[Raw] = deque(maxlen=_EVENTS_MAX)
        self._now = now
        self._new_uid = new_uid
        self._listeners: list[Listener] = []
        self._journal = journal or Journal()
        self._objects: dict[Key, Raw] = dict(self._journal.load())
        versions = (int(raw["metadata"]["resourceVersion"]) for raw in self._objects.values())
        self._version = max(versions, default=0)

    # For whoever plays the other controllers of a cluster

    def listen(self, listener: Listener) -> None:
        """Call `listener` with a copy of the object after every change, before the call that made it returns."""
        self._listeners.append(listener)

    def get(self, resource: Resource, name: str, namespace: str = "default") -> Raw | None:
        """A copy of an object, if it is there."""
        return copy.deepcopy(self._objects.get((resource, namespace, name)))

    def all(self, resource: Resource) -> list[Raw]:
        """Copies of all objects of a resource."""
        return [copy.deepcopy(raw) for key, raw in self._objects.items() if key[0] == resource]

    def create(self, resource: Resource, manifest: Mapping[str, Any], namespace: str = "default") -> Raw:
        """Add an object; what only the server may say is not taken from the manifest. Raises Exists."""
        metadata = {k: v for k, v in manifest["metadata"].items() if k not in ("deletionTimestamp", "managedFields")}
        key: Key = (resource, metadata.setdefault("namespace", namespace), metadata["name"])
        if key in self._objects:
            raise Exists(409, "AlreadyExists", f'{resource} "{key[2]}" already exists')
        metadata |= {"uid": self._new_uid(), "generation": 1, "creationTimestamp": self._second()}
        raw: Raw = copy.deepcopy({**manifest, "metadata": metadata, "status": _INITIAL_STATUS.get(resource)})
        if raw["status"] is None:
            del raw["status"]
        return self._store(key, raw)

    def patch(self, resource: Resource, name: str, patch: Mapping[str, Any], namespace: str = "default") -> Raw:
        """JSON Merge Patch (RFC 7396) all but the status; a resourceVersion is a precondition, a uid never changes."""
        stored = self._existing((resource, namespace, name))
        given = patch.get("metadata") or {}
        if given.get("uid") not in (None, stored["metadata"]["uid"]):
            raise Refused(422, "Invalid", f'"{name}" is invalid: metadata.uid: field is immutable')
        _check(stored, given)
        merged: Raw = copy.deepcopy(_merged(stored, {k: v for k, v in patch.items() if k != "status"}))
        if merged["spec"] != stored["spec"]:
            merged["metadata"]["generation"] += 1
        left = "deletionTimestamp" in merged["metadata"] and not merged["metadata"].get("finalizers")
        if left and stored["metadata"].get("finalizers"):
            self.remove(resource, name, namespace)
            return merged
        return self._store((resource, namespace, name), merged)

    def set_status(self, resource: Resource, name: str, status: Mapping[str, Any], namespace: str = "default") -> Raw:
        """Replace the status."""
        key: Key = (resource, namespace, name)
        return self._store(key, {**copy.deepcopy(self._existing(key)), "status": copy.deepcopy(dict(status))})

    def delete(
        self, resource: Resource, name: str, namespace: str = "default", *, foreground: bool = False, **uid: str
    ) -> None:
        """Delete an object. Raises NotFound, and Conflict if a precondition (uid, resourceVersion) fails.

        With finalizers it stays until the last one is taken away; in the foreground one stands for all that it owns.
        A Pod that was started stays until `remove` takes it out, as the kubelet does when its containers have ended.
        """
        key: Key = (resource, namespace, name)
        stored = self._existing(key)
        _check(stored, uid)
        finalizers = [*(stored["metadata"].get("finalizers") or ()), *([FOREGROUND] if foreground else [])]
        if not finalizers and not (resource == "pods" and _started(stored)):
            self.remove(resource, name, namespace)
        elif "deletionTimestamp" not in stored["metadata"]:
            metadata = {**stored["metadata"], "deletionTimestamp": self._second(), "finalizers": finalizers}
            self._store(key, {**copy.deepcopy(stored), "metadata": metadata})
            if foreground:
                self._delete_owned(stored["metadata"]["uid"])
                self._finish_deletion(key)

    def remove(self, resource: Resource, name: str, namespace: str = "default") -> None:
        """Take an object out at once; what it owns is deleted, and an owner that waited for it goes too."""
        key: Key = (resource, namespace, name)
        raw = self._objects.get(key)
        if raw is None:
            return
        self._journal.remove(key)
        del self._objects[key]
        self._version += 1
        gone = copy.deepcopy(raw)
        gone["metadata"]["resourceVersion"] = str(self._version)
        self._tell(resource, "gone", gone)
        self._delete_owned(raw["metadata"]["uid"])
        for owner in raw["metadata"].get("ownerReferences") or ():
            for other in [k for k, o in self._objects.items() if o["metadata"]["uid"] == owner["uid"]]:
                self._finish_deletion(other)

    def begin_anew(self) -> None:
        """Forget every object."""
        self._journal.begin_anew()
        self._objects.clear()

    def close(self) -> None:
        """Let go of the file."""
        self._journal.close()

    # Cluster: every method as it says there

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Operation]) -> Raw:
        """See Cluster."""
        key: Key = ("workflows", namespace, name)
        stored = self._existing(key)
        patched = copy.deepcopy(stored)
        try:
            patched = jsonpatch.apply_patch(patched, list(operations), in_place=True)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise Refused(422, "Invalid", str(error)) from error
        _check(stored, {"resourceVersion": patched["metadata"]["resourceVersion"]})
        return self._store(key, {**copy.deepcopy(stored), "status": patched.get("status")})

    async def read_workflow(self, namespace: str, name: str) -> Raw:
        """See Cluster."""
        return copy.deepcopy(self._existing(("workflows", namespace, name)))

    async def create_workflow(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return self.create("workflows", manifest, namespace)

    async def patch_workflow(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return self.patch("workflows", name, patch, namespace)

    async def read_namespace(self, name: str) -> Raw:
        """See Cluster. Every namespace is there, and is not deleted."""
        return {"metadata": {"name": name}}

    async def delete_workflow(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """See Cluster."""
        self.delete("workflows", name, namespace, uid=uid, resourceVersion=resource_version)

    async def create_job(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return self.create("jobs", manifest, namespace)

    async def read_job(self, namespace: str, name: str) -> Raw:
        """See Cluster."""
        return copy.deepcopy(self._existing(("jobs", namespace, name)))

    async def patch_job(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return self.patch("jobs", name, patch, namespace)

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """See Cluster."""
        self.delete("jobs", name, namespace, foreground=True, uid=uid)

    async def pods_of_job(self, namespace: str, job_name: str) -> Sequence[Raw]:
        """See Cluster."""
        return [
            raw
            for raw in self.all("pods")
            if raw["metadata"]["namespace"] == namespace
            and (raw["metadata"].get("labels") or {}).get("batch.kubernetes.io/job-name") == job_name
        ]

    async def create_lease(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return self.create("leases", manifest, namespace)

    async def read_lease(self, namespace: str, name: str) -> Raw:
        """See Cluster."""
        return copy.deepcopy(self._existing(("leases", namespace, name)))

    async def patch_lease(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return self.patch("leases", name, patch, namespace)

    async def delete_lease(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """See Cluster."""
        self.delete("leases", name, namespace, uid=uid, resourceVersion=resource_version)

    async def create_event(self, namespace: str, manifest: Mapping[str, Any]) -> None:  # noqa: ARG002
        """See Cluster. The last ones are kept in `events`, and not on disk."""
        self.events.append(copy.deepcopy(dict(manifest)))

    async def list(self, resource: Resource) -> AsyncIterator[Raw]:
        """See Cluster."""
        for raw in self.all(resource):
            yield raw

    # How it is done

    def _existing(self, key: Key) -> Raw:
        raw = self._objects.get(key)
        if raw is None:
            raise NotFound(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        return raw

    def _store(self, key: Key, raw: Raw) -> Raw:
        """Write an object, unless nothing changed, and tell. Returns a copy."""
        if raw != self._objects.get(key):
            raw["metadata"]["resourceVersion"] = str(self._version + 1)
            self._journal.write(key, raw)
            self._version += 1
            self._objects[key] = raw
            self._tell(key[0], "changed", raw)
        return copy.deepcopy(raw)

    def _tell(self, resource: Resource, change: Change, raw: Raw) -> None:
        for listener in self._listeners:
            listener(resource, change, copy.deepcopy(raw))

    def _owned(self, uid: str) -> Sequence[Key]:
        return [
            key
            for key, raw in self._objects.items()
            if any(owner["uid"] == uid for owner in raw["metadata"].get("ownerReferences") or ())
        ]

    def _delete_owned(self, uid: str) -> None:
        for resource, namespace, name in self._owned(uid):
            if (resource, namespace, name) in self._objects:
                self.delete(resource, name, namespace)

    def _finish_deletion(self, key: Key) -> None:
        """Take the finalizer away from an object that waited for all it owned."""
        raw = self._objects.get(key)
        finalizers = raw["metadata"].get("finalizers") or () if raw else ()
        if raw and FOREGROUND in finalizers and not self._owned(raw["metadata"]["uid"]):
            others = [name for name in finalizers if name != FOREGROUND]
            self.patch(key[0], key[2], {"metadata": {"finalizers": others}}, key[1])

    def _second(self) -> str:
        return rfc3339(self._now().replace(microsecond=0))


def _started(pod: Raw) -> bool:
    """Whether a kubelet has it in hand: only then is a Pod not deleted at once."""
    phase = (pod.get("status") or {}).get("phase")
    return bool((pod.get("spec") or {}).get("nodeName")) and phase not in ("Succeeded", "Failed")


def _check(stored: Raw, preconditions: Mapping[str, Any]) -> None:
    for field in ("uid", "resourceVersion"):
        if preconditions.get(field) not in (None, stored["metadata"][field]):
            name = stored["metadata"]["name"]
            raise Conflict(409, "Conflict", f'"{name}": the object has been modified ({field} is another one)')


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
