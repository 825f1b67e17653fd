"""Changes the lines of concurrency keys: each by one write that is bound to the version it was computed from."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from kubesaga.api.names import lease_name
from kubesaga.api.workflow import Workflow
from kubesaga.controller.cluster import Cluster, Raw
from kubesaga.controller.errors import Conflict, Exists, NotFound, Unavailable
from kubesaga.controller.lease_cache import LeaseCache, LeaseObservation, LineKey, lease_manifest, line_patch
from kubesaga.controller.workflow_cache import WorkflowCache, line_key
from kubesaga.engine.action import ClaimPlace, ReleasePlace
from kubesaga.engine.line import Line, Place
from kubesaga.engine.observation import PlaceObservation

_log = logging.getLogger(__name__)

TRIES: Final = 10
"""Writes of one line go one after the other here, so that only another operator can be met so often."""


class Places:
    """Claims and releases places, and clears away those of Workflows that are gone."""

    def __init__(
        self, cluster: Cluster, workflows: WorkflowCache, leases: LeaseCache, found: Callable[[Raw], None]
    ) -> None:
        """`found`: told of each Workflow that was read live."""
        self._cluster, self._workflows, self._leases, self._found = cluster, workflows, leases, found
        self._locks: WeakValueDictionary[LineKey, asyncio.Lock] = WeakValueDictionary()

    def observed(self, key: LineKey | None, *, read: bool) -> PlaceObservation | None:
        """What a pass sees of the line."""
        lease = self._leases.get(key) if key is not None else None
        if key is None or (lease is None and not read):
            return None
        line = lease.line if lease is not None else Line()
        ended = frozenset(place.uid for place in line.holders() if read and self._has_ended(place.uid))
        return PlaceObservation(key[1], line, read, ended)

    async def claim(self, workflow: Workflow, action: ClaimPlace) -> None:
        """Stand in line; where that may only be at a free place and there is none, read who holds one."""
        key, place = (workflow.namespace, action.key), action.place
        if action.only_if_free:
            line = await self._change(key, lambda line: line.join_if_free(place))
            if place.holder not in line.standing:
                for holder in line.holders():
                    await self._is_gone(key, holder)
        else:
            await self._change(key, lambda line: line.join(place, first=action.first))

    async def release(self, workflow: Workflow, action: ReleasePlace) -> None:
        """Leave the line."""
        await self._change((workflow.namespace, action.key), lambda line: line.leave(workflow.uid, action.epoch))
        _log.info("Place released", extra={"workflow": workflow.name, "key": action.key})

    async def clear(self, key: LineKey) -> None:
        """Take those out of a line who are gone, or are not of this key any more, as a live read shows."""
        lease = self._leases.get(key)
        doubtful = [place for place in lease.line.places if not self._is_known(key, place)] if lease else []
        gone = {place.uid for place in doubtful if await self._is_gone(key, place)}
        if gone:
            await self._change(key, lambda line: line.without(gone))
            _log.info("Places cleared", extra={"key": key[1], "places": len(gone)})

    def _is_known(self, key: LineKey, place: Place) -> bool:
        """Whether a watch has shown the Workflow, and that it is of this key."""
        where = self._workflows.key_of(place.uid)
        cached = self._workflows.get(where) if where is not None else None
        return cached is not None and where == (key[0], place.name) and cached.line == key

    async def _is_gone(self, key: LineKey, place: Place) -> bool:
        try:
            raw = await self._cluster.read_workflow(key[0], place.name)
        except NotFound:
            return True
        self._found(raw)
        return bool(raw["metadata"]["uid"] != place.uid) or line_key(raw) != key

    def _has_ended(self, uid: str) -> bool:
        """Whether a Workflow is in a terminal phase, or is not there."""
        where = self._workflows.key_of(uid)
        cached = self._workflows.get(where) if where is not None else None
        return cached is None or cached.has_ended

    async def _change(self, key: LineKey, change: Callable[[Line], Line]) -> Line:
        """Change a line; returns it as it is then. That nothing is to be changed is believed of a live read only."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            lease, read = self._leases.get(key), False
            for _ in range(TRIES):
                before = lease.line if lease is not None else Line()
                after = change(before)
                if after != before or (lease is not None and lease.key != key[1]):  # Else no watch would show it.
                    try:
                        await self._write(key, lease, after)
                    except (Conflict, Exists, NotFound):
                        pass
                    else:
                        return after
                elif read:
                    return before
                lease, read = await self._read(key, lease), True
        raise Unavailable(409, "Conflict", f"the Lease of the concurrency key {key[1]} changes all the time")

    async def _write(self, key: LineKey, lease: LeaseObservation | None, line: Line) -> None:
        if lease is None:
            self._leases.put(await self._cluster.create_lease(key[0], lease_manifest(key, line)))
        elif not line.places:
            await self._cluster.delete_lease(key[0], lease.name, lease.uid, lease.resource_version)
            self._leases.remove(lease.uid)
        else:
            patch = line_patch(key, line)
            patch["metadata"]["resourceVersion"] = lease.resource_version
            self._leases.put(await self._cluster.patch_lease(key[0], lease.name, patch))

    async def _read(self, key: LineKey, known: LeaseObservation | None) -> LeaseObservation | None:
        try:
            return self._leases.put(await self._cluster.read_lease(key[0], lease_name(key[1])))
        except NotFound:
            if known is not None:
                self._leases.remove(known.uid)
            return None
