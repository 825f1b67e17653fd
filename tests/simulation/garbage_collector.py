"""The garbage collector: what an owner leaves behind goes; one deleted in the foreground waits for what holds it."""

from random import Random
from typing import Final

from kubesaga.controller.errors import NotFound
from simulation.server import FOREGROUND, ORPHAN, Change, Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop

ACTOR: Final = "garbage-collector"
_SECONDS: Final = (0.05, 1.0)


class GarbageCollector:
    """Looks at an object some time after it, its owner, or what it owns has changed."""

    def __init__(self, server: SimulatedServer, loop: VirtualLoop, chance: Random) -> None:
        self._server, self._loop, self._chance = server, loop, chance
        self._planned: set[str] = set()
        server.listeners.append(self._heard)

    def _heard(self, resource: str, change: Change) -> None:
        metadata = change.raw["metadata"]
        owners = [owner["uid"] for owner in metadata.get("ownerReferences") or ()]
        if change.gone:
            self._later(*self._server.owned.get(metadata["uid"], ()), *owners)
        else:
            marked = {FOREGROUND, ORPHAN}.intersection(metadata.get("finalizers") or ())
            if marked or (owners and not any(uid in self._server.uids for uid in owners)):
                self._later(metadata["uid"])

    def _later(self, *uids: str) -> None:
        for uid in uids:
            if uid not in self._planned:
                self._planned.add(uid)
                self._loop.call_later(self._chance.uniform(*_SECONDS), self._look, uid)

    def _look(self, uid: str) -> None:
        self._planned.discard(uid)
        raw = self._server.by_uid(uid)
        if raw is None:
            return
        finalizers = raw["metadata"].get("finalizers") or ()
        if FOREGROUND in finalizers:
            self._clear(uid)
            if not self._blockers(uid):
                self._release(raw, FOREGROUND)
        elif ORPHAN in finalizers:
            self._orphan(uid)
            self._release(raw, ORPHAN)
        else:
            self._collect(raw)

    def _collect(self, raw: Raw) -> None:
        """Delete what has owners and whose owners are all gone."""
        owners = raw["metadata"].get("ownerReferences") or ()
        gone = owners and not any(owner["uid"] in self._server.uids for owner in owners)
        if gone and "deletionTimestamp" not in raw["metadata"]:
            self._delete(raw)

    def _clear(self, uid: str) -> None:
        for dependent in self._dependents(uid):
            if "deletionTimestamp" not in dependent["metadata"]:
                owns = bool(self._dependents(dependent["metadata"]["uid"]))
                self._delete(dependent, "Foreground" if owns else "Background")

    def _blockers(self, uid: str) -> list[Raw]:
        """What holds up an owner: only what says so in its reference."""
        return [
            raw
            for raw in self._dependents(uid)
            if any(o["uid"] == uid and o.get("blockOwnerDeletion") for o in raw["metadata"]["ownerReferences"])
        ]

    def _dependents(self, uid: str) -> list[Raw]:
        return [raw for one in list(self._server.owned.get(uid, ())) if (raw := self._server.by_uid(one)) is not None]

    def _orphan(self, uid: str) -> None:
        for raw in self._dependents(uid):
            left = [owner for owner in raw["metadata"]["ownerReferences"] if owner["uid"] != uid]
            metadata = {k: v for k, v in raw["metadata"].items() if k != "ownerReferences"}
            metadata |= {"ownerReferences": left} if left else {}
            self._server.update(ACTOR, self._server.uids[raw["metadata"]["uid"]][0], raw, metadata=metadata)

    def _release(self, raw: Raw, finalizer: str) -> None:
        resource, (namespace, name) = self._server.uids[raw["metadata"]["uid"]]
        left = [one for one in raw["metadata"]["finalizers"] if one != finalizer]
        self._server.patch(ACTOR, resource, namespace, name, {"metadata": {"finalizers": left}})

    def _delete(self, raw: Raw, policy: str = "Background") -> None:
        resource, (namespace, name) = self._server.uids[raw["metadata"]["uid"]]
        try:
            self._server.delete(ACTOR, resource, namespace, name, policy, uid=raw["metadata"]["uid"])
        except NotFound:
            return
