"""The controller: caches, queue and passes round the engine. It holds no rule of its own.

watches ──> caches ──> queue ──> pass: reconcile ──> write status ──> carry out actions ──> Events, metrics, logs
               ^                                          │                    │
               └──────────────────────────────────────────┴────────────────────┘  what each call returned
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from kubesaga.api.names import LABEL_WORKFLOW_UID
from kubesaga.controller.cluster import WATCHED, Cluster, Raw, Watched
from kubesaga.controller.errors import Unavailable
from kubesaga.controller.lease_cache import LeaseCache, LineKey
from kubesaga.controller.object_cache import ObjectCache
from kubesaga.controller.pass_ import Pass, Watcher
from kubesaga.controller.places import Places
from kubesaga.controller.queue import Key, KeyedQueue
from kubesaga.controller.settings import (
    HEAL_AFTER_LIST_SECONDS,
    HEAL_ALL_EVERY,
    HEAL_SECONDS,
    PRIME_BACKOFF_SECONDS_MAX,
)
from kubesaga.controller.telemetry import Telemetry
from kubesaga.controller.watch import Feed, Reflector, Source, retell
from kubesaga.controller.workflow_cache import CachedWorkflow, WorkflowCache
from kubesaga.engine.line import Line
from kubesaga.engine.observation import JobObservation, PodObservation

_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The time that the engine is told."""
    return datetime.now(UTC)


class Controller:
    """Keeps every Workflow of a cluster going. Fed by watches; all feeding methods are cheap and never block."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
        telemetry: Telemetry | None = None,
        watcher: Watcher | None = None,
        source: Source | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`source`: where Jobs and Pods are listed and watched; without one, somebody else tells of them."""
        self.telemetry = telemetry or Telemetry()
        self.workflows = WorkflowCache()
        self.jobs: ObjectCache[JobObservation] = ObjectCache(clock)
        self.pods: ObjectCache[PodObservation] = ObjectCache(clock)
        self.primed = asyncio.Event()
        self._cluster = cluster
        self.leases = LeaseCache(clock, self._line_changed)
        self.places = Places(cluster, self.workflows, self.leases, self.workflow_changed)
        self._pass = Pass(cluster, self.workflows, self.jobs, self.pods, self.places, self.telemetry, now, watcher)
        self.queue = KeyedQueue(self._work)
        self._doubtful = KeyedQueue(self.places.clear)
        """Lines in which somebody may stand who is gone."""
        self._listed = asyncio.Event()
        self._reflectors = self._reflect(source, chance) if source is not None else []

    # What the watches say

    def listed(self) -> None:
        """A watch from outside begins, and shows a list first: what was deleted while nobody watched is not in it."""
        self._listed.set()

    def workflow_changed(self, raw: Raw) -> None:
        """A Workflow was added or modified."""
        key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
        before = self.workflows.get(key)
        if self.workflows.put(raw):
            self._enqueue(key)
            self._left(before)

    def workflow_gone(self, raw: Raw) -> None:
        """A Workflow was deleted."""
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        before = self.workflows.get(key)
        if self.workflows.remove(key, metadata["uid"]):
            self._left(before)
            self._pass.forget(key, metadata["uid"])
            self.queue.forget(key)

    def job_changed(self, raw: Raw) -> None:
        """A Job was added or modified."""
        self._changed(self.jobs, raw, JobObservation.parse)

    def job_gone(self, raw: Raw) -> None:
        """A Job was deleted."""
        self._gone(self.jobs, raw)

    def pod_changed(self, raw: Raw) -> None:
        """A Pod was added or modified."""
        self._changed(self.pods, raw, PodObservation.parse)

    def pod_gone(self, raw: Raw) -> None:
        """A Pod was deleted."""
        self._gone(self.pods, raw)

    def lease_changed(self, raw: Raw) -> None:
        """A Lease was added or modified."""
        self.leases.put(raw)

    def lease_gone(self, raw: Raw) -> None:
        """A Lease was deleted."""
        self.leases.remove(raw["metadata"]["uid"])

    def _left(self, before: CachedWorkflow | None) -> None:
        """A Workflow may not stand in the line any more that it stood in before."""
        if before is not None and before.line is not None and self.primed.is_set():
            after = self.workflows.key_of(before.uid)
            cached = self.workflows.get(after) if after is not None else None
            if cached is None or cached.line != before.line:
                self._doubtful.add(before.line)

    def _line_changed(self, line: LineKey, before: Line, after: Line) -> None:
        """Those pass who have moved in line as far as it matters, and those who are still to come into it."""
        for key, cached in self.workflows.in_line(line):
            was, stands = before.epochs(cached.uid), after.epochs(cached.uid)
            if was != stands or not (stands or cached.has_ended):
                self._enqueue(key)
        if self.primed.is_set():
            self._doubtful.add(line)

    def _reflect(self, source: Source, chance: Callable[[], float]) -> list[Reflector]:
        return [
            Reflector(source, resource, namespace, self._feed(resource), chance)
            for resource in WATCHED
            for namespace in source.namespaces
        ]

    def _feed(self, resource: Watched) -> Feed:
        """Whom a list and watch of Jobs, or of Pods, is to tell."""
        if resource == "leases":
            return Feed(self.lease_changed, self.lease_gone, self._known_leases)
        if resource == "jobs":
            return Feed(self.job_changed, self.job_gone, lambda namespace: self._known(self.jobs, namespace))
        return Feed(self.pod_changed, self.pod_gone, lambda namespace: self._known(self.pods, namespace))

    # Life

    async def run(self) -> None:
        """Prime the caches, then work until `stop`; the passes in progress are finished."""
        watching = [asyncio.create_task(reflector.run()) for reflector in self._reflectors]
        try:
            await self._prime()
            self.primed.set()
            for key in self.workflows.keys():  # noqa: SIM118 - not a mapping
                self.queue.add(key)
            _log.info("Caches primed", extra={"workflows": len(self.workflows), "jobs": len(self.jobs)})
            for lease in self.leases:
                self._doubtful.add((lease.namespace, lease.key))
            watching += [asyncio.create_task(self._heal()), asyncio.create_task(self._doubtful.run())]
            await self.queue.run()
        finally:
            for task in watching:
                task.cancel()
            await self._pass.drain()

    def stop(self) -> None:
        """Begin no further pass; `run` returns when those in progress have ended."""
        self.queue.stop()

    async def _work(self, key: Key) -> None:
        self.telemetry.queue_depth(self.queue.ready(asyncio.get_running_loop().time()))
        delay = await self._pass.run(key)
        if delay is not None:
            self.queue.add(key, delay)

    def _enqueue(self, key: Key | None) -> None:
        if key is not None and self.primed.is_set():
            self.queue.add(key)

    def _changed(self, cache: ObjectCache[Any], raw: Raw, parse: Callable[[Raw], Any]) -> None:
        owner = raw["metadata"].get("labels", {}).get(LABEL_WORKFLOW_UID)
        if owner and cache.put(owner, parse(raw)):
            self._enqueue(self.workflows.key_of(owner))

    def _gone(self, cache: ObjectCache[Any], raw: Raw) -> None:
        owner = cache.remove(raw["metadata"]["uid"])
        if owner is not None:
            self._enqueue(self.workflows.key_of(owner))

    def _known(self, cache: ObjectCache[Any], namespace: str | None) -> set[str]:
        """Uids of what is cached; of one namespace only those are sure to be there whose Workflow is known."""
        if namespace is None:
            return {value.uid for _, value in cache}
        keys = ((self.workflows.key_of(group), value.uid) for group, value in cache)
        return {uid for key, uid in keys if key is not None and key[0] == namespace}

    def _known_leases(self, namespace: str | None) -> set[str]:
        return {lease.uid for lease in self.leases if namespace in (None, lease.namespace)}

    async def _prime(self) -> None:
        """List everything, as often as it takes to get an answer; Jobs and Pods first."""
        for reflector in self._reflectors:
            await reflector.listed.wait()
        backoff = 0.5
        while True:
            try:
                return await self._list(everything=not self._reflectors)
            except Unavailable as error:
                _log.warning("API server unavailable", extra={"error": str(error), "again_in_seconds": backoff})
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, PRIME_BACKOFF_SECONDS_MAX)

    # What the watches may miss

    async def _heal(self) -> None:
        """List now and then: after a watch from outside was cut off, deletions may never be told.

        At the start, too: such watches begin a moment after the caches were primed. Reflectors heal themselves; that
        everything is listed now and then is a net below them.
        """
        self._listed.set()
        for number in count(1):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEAL_SECONDS):
                    await self._listed.wait()
            await asyncio.sleep(HEAL_AFTER_LIST_SECONDS)
            self._listed.clear()
            try:
                await self._list(everything=not self._reflectors or number % HEAL_ALL_EVERY == 0)
            except Exception:  # the next round tries again, soon; the watches go on meanwhile
                _log.exception("Healing list failed")
                self._listed.set()

    async def _list(self, *, everything: bool) -> None:
        """Take in all Workflows, and drop what is not there any more; of `everything` Jobs and Pods are first."""
        for resource in WATCHED if everything else ():
            await retell(self._feed(resource), self._cluster.list(resource), None)
        await self._list_workflows()

    async def _list_workflows(self) -> None:
        known = {key: cached.uid for key in self.workflows.keys() if (cached := self.workflows.get(key))}  # noqa: SIM118
        async for raw in self._cluster.list("workflows"):
            known.pop((raw["metadata"]["namespace"], raw["metadata"]["name"]), None)
            self.workflow_changed(raw)
        for (namespace, name), uid in known.items():
            self.workflow_gone({"metadata": {"namespace": namespace, "name": name, "uid": uid}})
