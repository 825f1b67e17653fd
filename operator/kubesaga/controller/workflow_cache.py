"""The Workflows that are known, each with its status as a typed value that our own writes carry over.

The answer to a write may come later than the news that its Workflow was deleted: what was seen deleted does not come
back, nor does it take the place of another one of its name.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from kubesaga.api.status import TERMINAL_PHASES, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.controller.cluster import Raw
from kubesaga.controller.object_cache import GONE_MAX
from kubesaga.controller.queue import Key


@dataclass(slots=True)
class CachedWorkflow:
    """One Workflow as last seen. `typed` is made when it is first asked for."""

    raw: Raw
    uid: str
    version: int
    typed: Workflow | None = None
    line: tuple[str, str] | None = None
    """Namespace and concurrency key, if it has one."""

    @property
    def has_ended(self) -> bool:
        """Whether its status names a terminal phase."""
        status = self.raw.get("status")
        return isinstance(status, dict) and status.get("phase") in TERMINAL_PHASES

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
        self._lines: dict[tuple[str, str], dict[Key, None]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

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

    def in_line(self, line: tuple[str, str]) -> list[tuple[Key, CachedWorkflow]]:
        """The Workflows of that namespace and concurrency key."""
        return [(key, self._workflows[key]) for key in self._lines.get(line, ())]

    def put(self, raw: Raw, status: WorkflowStatus | None = None) -> bool:
        """Take a Workflow in; False where what is known is as new, or it is gone. `status`: the one we just wrote."""
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        known = self._workflows.get(key)
        if uid in self._gone or (known is not None and known.version >= version):
            return False
        if known is not None:
            self._forget(key, known)
            if known.uid != uid:
                self._bury(known.uid)
        slim = _slim(raw)
        typed = Workflow.parse(slim, status) if status is not None else None
        line = line_key(slim)
        self._workflows[key] = CachedWorkflow(slim, uid, version, typed, line)
        self._keys[uid] = key
        if line is not None:
            self._lines.setdefault(line, {})[key] = None
        return True

    def remove(self, key: Key, uid: str) -> bool:
        """Forget a Workflow for good; False where it was not known, or another one has taken its name."""
        self._bury(uid)
        known = self._workflows.get(key)
        if known is None or known.uid != uid:
            return False
        del self._workflows[key]
        self._forget(key, known)
        return True

    def _bury(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > GONE_MAX:
            self._gone.popitem(last=False)

    def _forget(self, key: Key, known: CachedWorkflow) -> None:
        self._keys.pop(known.uid, None)
        if known.line is not None:
            members = self._lines[known.line]
            del members[key]
            if not members:
                del self._lines[known.line]


def line_key(raw: Raw) -> tuple[str, str] | None:
    """Namespace and concurrency key of a Workflow, if its spec names one; anything may stand there."""
    spec = raw.get("spec")
    asked = spec.get("concurrency") if isinstance(spec, dict) else None
    key = asked.get("key") if isinstance(asked, dict) else None
    return (raw["metadata"]["namespace"], key) if isinstance(key, str) and key else None


def _slim(raw: Raw) -> dict[str, Any]:
    """The object without what is large and never read."""
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k.startswith("kubesaga.dev/")}
    return {"metadata": metadata, "spec": raw.get("spec"), "status": raw.get("status")}
