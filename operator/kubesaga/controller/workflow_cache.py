"""The Workflows that are known, each with its status as a typed value that our own writes carry over."""

from dataclasses import dataclass
from typing import Any

from kubesaga.api.status import WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.controller.cluster import Raw
from kubesaga.controller.queue import Key


@dataclass(slots=True)
class CachedWorkflow:
    """One Workflow as last seen. `typed` is made when it is first asked for."""

    raw: Raw
    uid: str
    version: int
    typed: Workflow | None = None

    def workflow(self) -> Workflow:
        """The typed Workflow. Raises pydantic.ValidationError where its status is not one that kubesaga wrote."""
        if self.typed is None:
            self.typed = Workflow.parse(self.raw)
        return self.typed


class WorkflowCache:
    """Workflows by key; finds the key of a uid."""

    def __init__(self) -> None:
        self._workflows: dict[Key, CachedWorkflow] = {}
        self._keys: dict[str, Key] = {}

    def __len__(self) -> int:
        return len(self._workflows)

    def keys(self) -> list[Key]:
        """Every key."""
        return list(self._workflows)

    def get(self, key: Key) -> CachedWorkflow | None:
        """The Workflow of that name, if it is known."""
        return self._workflows.get(key)

    def key_of(self, uid: str) -> Key | None:
        """The key of the Workflow with that uid, if it is known."""
        return self._keys.get(uid)

    def put(self, raw: Raw, status: WorkflowStatus | None = None) -> bool:
        """Take a Workflow in; False where what is known is as new. `status`: the one that we just wrote."""
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        known = self._workflows.get(key)
        if known is not None and known.uid == uid and known.version >= version:
            return False
        if known is not None:
            self._keys.pop(known.uid, None)
        slim = _slim(raw)
        typed = Workflow.parse(slim, status) if status is not None else None
        self._workflows[key] = CachedWorkflow(slim, uid, version, typed)
        self._keys[uid] = key
        return True

    def remove(self, key: Key, uid: str) -> bool:
        """Forget a Workflow, unless another one has taken its name."""
        known = self._workflows.get(key)
        if known is None or known.uid != uid:
            return False
        del self._workflows[key]
        self._keys.pop(uid, None)
        return True


def _slim(raw: Raw) -> dict[str, Any]:
    """The object without what is large and never read."""
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k.startswith("kubesaga.dev/")}
    return {"metadata": metadata, "spec": raw.get("spec"), "status": raw.get("status")}
