"""The simulated API server: objects, versions, preconditions, validation, deletion, and the history of every commit.

Objects are replaced and never changed in place, so whoever was given one may keep it. What the garbage collector, the
Job controller, the scheduler and the kubelets do with the objects stands in modules of their own.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from kubesaga.api.spec import WorkflowSpec
from kubesaga.controller.errors import ClusterError, Conflict, Exists, NotFound, Refused
from simulation.json_patch import apply_patch, merged

Raw = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name."""

BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""The wall clock of the API server when virtual time begins."""

NAMESPACE: Final = "default"
RESOURCES: Final = ("workflows", "jobs", "pods", "leases")
REQUEST_BYTES_MAX: Final = 3 * 1024 * 1024
"""A body above this is answered 413."""

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_POLICY_FINALIZER: Final = {"Foreground": FOREGROUND, "Orphan": ORPHAN}
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FROZEN: Final = (
    "parameters",
    "defaults",
    "steps",
    "timeoutSeconds",
    "onFailure",
    "inFlight",
    "rollback",
    "concurrency",
    "deletionPolicy",
)
"""Fields of a spec that the CRD's rules keep as they are once the Workflow has started."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One request that changed something, or that was accepted and changed nothing."""

    time: float
    actor: str
    verb: str
    resource: str
    name: str
    uid: str
    raw: Raw
    """The object after it; as it was last where it is gone."""
    before: Raw | None = None
    changed: bool = True
    detail: Any = None
    """What was sent, where it matters who may send it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a watch tells."""

    gone: bool
    raw: Raw


Listener = Callable[[str, Change], None]


@dataclass(slots=True)
class SimulatedServer:
    """Workflows, Jobs, Pods and Namespaces. Every method takes effect at once: calls travel elsewhere."""

    seed: str
    clock: Callable[[], float]
    commits: list[Commit] = field(default_factory=list)
    events: list[Raw] = field(default_factory=list)
    log: dict[str, list[Change]] = field(default_factory=lambda: {one: [] for one in RESOURCES})
    """By resource, every change in order: a position in it is where a watch stands."""
    objects: dict[str, dict[Key, Raw]] = field(default_factory=lambda: {one: {} for one in RESOURCES})
    uids: dict[str, tuple[str, Key]] = field(default_factory=dict)
    """Where each object is that there is."""
    owned: dict[str, dict[str, None]] = field(default_factory=dict)
    """By uid of the owner, the uids of what it owns, in order."""
    listeners: list[Listener] = field(default_factory=list)
    namespaces_terminating: set[str] = field(default_factory=set)
    version: int = 100
    serial: int = 0

    # Reading

    def time(self) -> datetime:
        """The wall clock of the cluster, which never jumps."""
        return BEGINNING + timedelta(seconds=self.clock())

    def second(self) -> str:
        """The same as objects state it."""
        return self.time().strftime("%Y-%m-%dT%H:%M:%SZ")

    def get(self, resource: str, name: str, namespace: str = NAMESPACE) -> Raw | None:
        """An object, if it is there."""
        return self.objects[resource].get((namespace, name))

    def read(self, resource: str, namespace: str, name: str) -> Raw:
        """An object. Raises NotFound."""
        raw = self.objects[resource].get((namespace, name))
        if raw is None:
            raise NotFound(404, "NotFound", f'{resource} "{name}" not found')
        return raw

    def read_namespace(self, name: str) -> Raw:
        """A Namespace; only the one of the run is there."""
        if name != NAMESPACE:
            raise NotFound(404, "NotFound", f'namespaces "{name}" not found')
        deleting = {"deletionTimestamp": self.second()} if name in self.namespaces_terminating else {}
        return {"metadata": {"name": name, **deleting}}

    def by_uid(self, uid: str) -> Raw | None:
        """An object by its uid, if it is there."""
        place = self.uids.get(uid)
        return self.objects[place[0]][place[1]] if place else None

    def owned_by(self, uid: str, resource: str) -> list[Raw]:
        """What there is of a resource that an object owns, in the order in which it was made."""
        places = (self.uids[one] for one in self.owned.get(uid, ()))
        return [self.objects[kind][key] for kind, key in places if kind == resource]

    # Writing

    def create(self, actor: str, resource: str, manifest: Mapping[str, Any], namespace: str = NAMESPACE) -> Raw:
        """Add an object; what only the server may say is not taken from the manifest. Raises Exists, Refused."""
        given = manifest["metadata"]
        name = given["name"]
        _check_size(manifest)
        self.read_namespace(namespace)
        if namespace in self.namespaces_terminating:
            message = f'{resource} "{name}" is forbidden: the namespace is being terminated'
            raise Refused(403, "Forbidden", message)
        _VALIDATE.get(resource, _valid)(manifest)
        key = (namespace, name)
        if key in self.objects[resource]:
            raise Exists(409, "AlreadyExists", f'{resource} "{name}" already exists')
        self.serial += 1
        metadata = {
            k: v for k, v in given.items() if k not in ("deletionTimestamp", "managedFields", "resourceVersion")
        }
        metadata |= {"namespace": namespace, "uid": self._uid(resource, name), "generation": 1}
        metadata["creationTimestamp"] = self.second()
        raw: Raw = {**manifest, "metadata": metadata}
        raw.pop("status", None)
        if resource == "workflows":
            raw["status"] = {"observedGeneration": -1}
        elif resource == "jobs":
            raw = _labelled(raw)
        return self._store(actor, "create", resource, key, raw, None)

    def patch(
        self, actor: str, resource: str, namespace: str, name: str, patch: Mapping[str, Any], detail: Any = None
    ) -> Raw:
        """JSON Merge Patch all but the status; a resourceVersion is a precondition, a uid never changes."""
        _check_size(patch)
        stored = self.read(resource, namespace, name)
        given = patch.get("metadata") or {}
        if given.get("uid") not in (None, stored["metadata"]["uid"]):
            raise Refused(422, "Invalid", f'"{name}" is invalid: metadata.uid: field is immutable')
        _check(stored, given)
        raw = merged(stored, {k: v for k, v in patch.items() if k != "status"})
        if raw["spec"] != stored["spec"]:
            _check_spec_change(resource, stored, raw)
            raw["metadata"] = {**raw["metadata"], "generation": stored["metadata"]["generation"] + 1}
        if not raw["metadata"].get("finalizers"):
            raw["metadata"] = {k: v for k, v in raw["metadata"].items() if k != "finalizers"}
            if "deletionTimestamp" in raw["metadata"] and stored["metadata"].get("finalizers"):
                return self._take_out(actor, "patch", resource, (namespace, name), raw, detail or patch)
        return self._store(actor, "patch", resource, (namespace, name), raw, stored, detail or patch)

    def patch_status(self, actor: str, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> Raw:
        """JSON Patch the status of a Workflow; a changed /metadata/resourceVersion is a precondition."""
        stored = self.read("workflows", namespace, name)
        patched = apply_patch(stored, operations)
        _check(stored, {"resourceVersion": patched["metadata"].get("resourceVersion")})
        raw = {**stored, "status": patched.get("status")}
        return self._store(actor, "status", "workflows", (namespace, name), raw, stored)

    def set_status(self, actor: str, resource: str, raw: Raw, status: Mapping[str, Any]) -> Raw:
        """Replace the status of an object that is there."""
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        stored = self.objects[resource][key]
        return self._store(actor, "status", resource, key, {**stored, "status": dict(status)}, stored)

    def update(self, actor: str, resource: str, raw: Raw, **fields: Any) -> Raw:
        """Replace whole fields of an object that is there, as other controllers do."""
        key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
        stored = self.objects[resource][key]
        return self._store(actor, "update", resource, key, {**stored, **fields}, stored)

    def delete(
        self,
        actor: str,
        resource: str,
        namespace: str,
        name: str,
        policy: str = "Background",
        grace_seconds: float | None = None,
        **preconditions: str,
    ) -> None:
        """Delete an object. Raises NotFound, and Conflict if a precondition (uid, resourceVersion) fails."""
        key = (namespace, name)
        stored = self.read(resource, namespace, name)
        _check(stored, preconditions)
        finalizers = list(stored["metadata"].get("finalizers") or ())
        mark = _POLICY_FINALIZER.get(policy)
        if mark and mark not in finalizers:
            finalizers.append(mark)
        grace = _grace(stored, grace_seconds) if resource == "pods" else 0.0
        if not finalizers and not grace:
            self._take_out(actor, "delete", resource, key, stored, policy)
            return
        metadata = {**stored["metadata"]}
        if finalizers:
            metadata["finalizers"] = finalizers
        until = (self.time() + timedelta(seconds=grace)).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata.setdefault("deletionTimestamp", until)
        metadata.setdefault("deletionGracePeriodSeconds", int(grace))
        self._store(actor, "delete", resource, key, {**stored, "metadata": metadata}, stored, policy)

    def take_out(self, actor: str, resource: str, raw: Raw) -> None:
        """Remove an object, as the kubelet does with a Pod that has ended."""
        key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
        self._take_out(actor, "remove", resource, key, self.objects[resource][key], None)

    # How it is done

    def _store(
        self, actor: str, verb: str, resource: str, key: Key, raw: Raw, stored: Raw | None, detail: Any = None
    ) -> Raw:
        changed = raw != stored
        if changed:
            self.version += 1
            raw["metadata"] = {**raw["metadata"], "resourceVersion": str(self.version)}
            self.objects[resource][key] = raw
            if stored is None or _owners(raw) != _owners(stored):
                self._own(resource, key, raw, stored)
        else:
            raw = self.objects[resource][key]
        uid = raw["metadata"]["uid"]
        self.commits.append(Commit(self.clock(), actor, verb, resource, key[1], uid, raw, stored, changed, detail))
        if changed:
            self._tell(resource, Change(False, raw))
        return raw

    def _take_out(self, actor: str, verb: str, resource: str, key: Key, raw: Raw, detail: Any) -> Raw:
        stored = self.objects[resource].pop(key)
        self.version += 1
        raw = {**raw, "metadata": {**raw["metadata"], "resourceVersion": str(self.version)}}
        uid = raw["metadata"]["uid"]
        del self.uids[uid]
        for owner in _owners(stored):
            self.owned[owner].pop(uid, None)
        self.commits.append(Commit(self.clock(), actor, verb, resource, key[1], uid, raw, stored, True, detail))
        self._tell(resource, Change(True, raw))
        return raw

    def _own(self, resource: str, key: Key, raw: Raw, stored: Raw | None) -> None:
        uid = raw["metadata"]["uid"]
        self.uids[uid] = (resource, key)
        for owner in _owners(stored) if stored else ():
            self.owned[owner].pop(uid, None)
        for owner in _owners(raw):
            self.owned.setdefault(owner, {})[uid] = None

    def _tell(self, resource: str, change: Change) -> None:
        self.log[resource].append(change)
        for listener in self.listeners:
            listener(resource, change)

    def _uid(self, resource: str, name: str) -> str:
        """A uid that two runs of one seed give the same Workflow; those of Jobs and Pods follow from their order."""
        what = f"{self.seed}/{resource}/{name}" + ("" if resource == "workflows" else f"/{self.serial}")
        digest = hashlib.sha256(what.encode()).hexdigest()
        return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def _owners(raw: Raw) -> tuple[str, ...]:
    return tuple(owner["uid"] for owner in raw["metadata"].get("ownerReferences") or ())


def _grace(pod: Raw, seconds: float | None) -> float:
    """How long a kubelet has to end a Pod: no time where it never had it in hand, or where the Pod has ended."""
    phase = (pod.get("status") or {}).get("phase")
    if not (pod.get("spec") or {}).get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0.0
    return float(pod["spec"].get("terminationGracePeriodSeconds", 30)) if seconds is None else seconds


def _check(stored: Raw, preconditions: Mapping[str, Any]) -> None:
    for one in ("uid", "resourceVersion"):
        if preconditions.get(one) not in (None, stored["metadata"][one]):
            name = stored["metadata"]["name"]
            raise Conflict(409, "Conflict", f'"{name}": the object has been modified ({one} is another one)')


def _check_size(body: Mapping[str, Any]) -> None:
    size = len(json.dumps(body)) if _may_be_large(body) else 0
    if size > REQUEST_BYTES_MAX:
        raise Refused(413, "RequestEntityTooLarge", f"Request entity too large: limit is {REQUEST_BYTES_MAX}")


def _may_be_large(body: Mapping[str, Any]) -> bool:
    """A glance that spares measuring what is certainly small."""
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    large = sum(len(value or "") for value in annotations.values()) > 100_000
    return large or len((body.get("spec") or {}).get("steps") or ()) > 500


def _check_spec_change(resource: str, stored: Raw, raw: Raw) -> None:
    if resource == "jobs":
        _valid_job(raw)
        template = stored["spec"]["template"] != raw["spec"]["template"]
        if template or stored["spec"].get("completions") != raw["spec"].get("completions"):
            raise Refused(
                422, "Invalid", f'Job "{raw["metadata"]["name"]}" is invalid: spec.template: field is immutable'
            )
    elif resource == "workflows":
        _valid_workflow(raw)
        for one in _FROZEN if (stored.get("status") or {}).get("startTime") else ():
            if stored["spec"].get(one) != raw["spec"].get(one):
                raise Refused(422, "Invalid", f"spec.{one} cannot change once the Workflow has started")


def _valid(manifest: Mapping[str, Any]) -> None:
    """Nothing is known of that resource."""


def _valid_workflow(manifest: Mapping[str, Any]) -> None:
    try:
        WorkflowSpec.model_validate(manifest.get("spec"))
    except ValidationError as error:
        raise Refused(422, "Invalid", f'Workflow "{manifest["metadata"]["name"]}" is invalid: {error}') from None


def _valid_job(manifest: Mapping[str, Any]) -> None:
    name, spec = manifest["metadata"]["name"], manifest.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    deadline = spec.get("activeDeadlineSeconds")
    wrong = [
        *([] if _LABEL.fullmatch(name) else [f'metadata.name: Invalid value: "{name}"']),
        *([] if pod.get("containers") else ["spec.template.spec.containers: Required value"]),
        *(
            []
            if pod.get("restartPolicy") in ("Never", "OnFailure")
            else ["spec.template.spec.restartPolicy: Unsupported value"]
        ),
        *([] if all(one.get("image") for one in pod.get("containers") or ()) else ["image: Required value"]),
        *([] if deadline is None or deadline >= 0 else ["spec.activeDeadlineSeconds: must be non-negative"]),
    ]
    if wrong:
        raise Refused(422, "Invalid", f'Job.batch "{name}" is invalid: {"; ".join(wrong)}')


_VALIDATE: Final = {"workflows": _valid_workflow, "jobs": _valid_job}


def _labelled(raw: Raw) -> Raw:
    """A Job with what the server adds to its Pods' template."""
    metadata, template = raw["metadata"], raw["spec"]["template"]
    own = {"batch.kubernetes.io/controller-uid": metadata["uid"], "batch.kubernetes.io/job-name": metadata["name"]}
    labels = {**((template.get("metadata") or {}).get("labels") or {}), **own}
    template = {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}}
    return {**raw, "spec": {**raw["spec"], "template": template}, "status": {}}


__all__ = ["BEGINNING", "NAMESPACE", "Change", "ClusterError", "Commit", "Key", "Raw", "SimulatedServer"]
