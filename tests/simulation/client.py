"""The Cluster of one operator: calls that travel to the simulated server and back, and may be lost on either way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any, Final, Protocol, TypeVar

from kubesaga.controller.errors import ClusterError
from simulation.server import Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop

T = TypeVar("T")

_TRAVEL_SECONDS: Final = (0.001, 0.02)
_PAGE: Final = 500


class Trouble(Protocol):
    """What may go wrong with a call. Each method returns the error to answer with, or None."""

    def before(self, client: "Client", verb: str, resource: str, name: str) -> ClusterError | None:
        """The call has arrived, and was not carried out yet."""

    def after(self, client: "Client", verb: str, resource: str, name: str) -> ClusterError | None:
        """It was carried out, and the answer is on its way."""


class Client:
    """Implements `kubesaga.controller.cluster.Cluster` for one operator."""

    def __init__(
        self, server: SimulatedServer, loop: VirtualLoop, chance: Random, actor: str, trouble: Trouble
    ) -> None:
        self.actor = actor
        self.alive = True
        self.writes = 0
        """Requests that ask for a change, Events aside."""
        self.calls = 0
        self.extra_seconds = 0.0
        """What the next call takes longer, either way."""
        self._server, self._loop, self._chance, self._trouble = server, loop, chance, trouble
        self._awake: asyncio.Future[None] | None = None

    @property
    def paused(self) -> bool:
        """Whether its process stands still."""
        return self._awake is not None

    def pause(self) -> None:
        """The process stands still: nothing goes out and nothing comes in."""
        self._awake = self._awake or self._loop.create_future()

    def wake(self) -> None:
        """The process goes on."""
        if self._awake is not None:
            awake, self._awake = self._awake, None
            awake.set_result(None)

    async def travel(self) -> None:
        """Let a message go one way."""
        extra, self.extra_seconds = self.extra_seconds, 0.0
        await asyncio.sleep(self._chance.uniform(*_TRAVEL_SECONDS) + extra)
        await self.awake()

    async def awake(self) -> None:
        """Wait until the process runs."""
        while self._awake is not None:
            await asyncio.shield(self._awake)
        if not self.alive:
            await self._loop.create_future()  # Nobody waits for it any more.

    async def _call(self, verb: str, resource: str, name: str, deed: Callable[[], T]) -> T:
        self.calls += 1
        await self.travel()
        if (error := self._trouble.before(self, verb, resource, name)) is not None:
            await self._fail(error)
        if not self.alive:
            await self._loop.create_future()
        self.writes += verb not in ("get", "list") and resource != "events"
        try:
            answer = deed()
        except ClusterError as refused:
            await self._fail(refused)
        error = self._trouble.after(self, verb, resource, name)
        if error is not None:
            await self._fail(error)
        await self.travel()
        return answer

    async def _fail(self, error: ClusterError) -> None:
        if error.code == 0:
            await asyncio.sleep(30.0)
        await self.travel()
        raise error

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> Raw:
        return await self._call(
            "patch",
            "workflows/status",
            name,
            lambda: self._server.patch_status(self.actor, namespace, name, operations),
        )

    async def read_workflow(self, namespace: str, name: str) -> Raw:
        return await self._call("get", "workflows", name, lambda: self._server.read("workflows", namespace, name))

    async def create_workflow(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        name = manifest["metadata"]["name"]
        return await self._call(
            "create", "workflows", name, lambda: self._server.create(self.actor, "workflows", manifest, namespace)
        )

    async def patch_workflow(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        return await self._call(
            "patch", "workflows", name, lambda: self._server.patch(self.actor, "workflows", namespace, name, patch)
        )

    async def delete_workflow(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        await self._call(
            "delete",
            "workflows",
            name,
            lambda: self._server.delete(
                self.actor, "workflows", namespace, name, uid=uid, resourceVersion=resource_version
            ),
        )

    async def read_namespace(self, name: str) -> Raw:
        return await self._call("get", "namespaces", name, lambda: self._server.read_namespace(name))

    async def create_job(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        name = manifest["metadata"]["name"]
        return await self._call(
            "create", "jobs", name, lambda: self._server.create(self.actor, "jobs", manifest, namespace)
        )

    async def read_job(self, namespace: str, name: str) -> Raw:
        return await self._call("get", "jobs", name, lambda: self._server.read("jobs", namespace, name))

    async def patch_job(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        return await self._call(
            "patch", "jobs", name, lambda: self._server.patch(self.actor, "jobs", namespace, name, patch)
        )

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        await self._call(
            "delete",
            "jobs",
            name,
            lambda: self._server.delete(self.actor, "jobs", namespace, name, "Foreground", uid=uid),
        )

    async def pods_of_job(self, namespace: str, job_name: str) -> Sequence[Raw]:
        def select() -> list[Raw]:
            label = "batch.kubernetes.io/job-name"
            pods = self._server.objects["pods"].items()
            return [
                raw for key, raw in pods if key[0] == namespace and raw["metadata"]["labels"].get(label) == job_name
            ]

        return await self._call("list", "pods", job_name, select)

    async def create_lease(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        name = manifest["metadata"]["name"]
        return await self._call(
            "create", "leases", name, lambda: self._server.create(self.actor, "leases", manifest, namespace)
        )

    async def read_lease(self, namespace: str, name: str) -> Raw:
        return await self._call("get", "leases", name, lambda: self._server.read("leases", namespace, name))

    async def patch_lease(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        return await self._call(
            "patch", "leases", name, lambda: self._server.patch(self.actor, "leases", namespace, name, patch)
        )

    async def delete_lease(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        await self._call(
            "delete",
            "leases",
            name,
            lambda: self._server.delete(
                self.actor, "leases", namespace, name, uid=uid, resourceVersion=resource_version
            ),
        )

    async def create_event(self, namespace: str, manifest: Mapping[str, Any]) -> None:
        await self._call("create", "events", manifest["reason"], lambda: self._server.events.append(dict(manifest)))

    async def snapshot(self, resource: str) -> tuple[list[Raw], int]:
        """Every object of a resource, and the version as of which they are."""
        server = self._server
        return await self._call("list", resource, "", lambda: (list(server.objects[resource].values()), server.version))

    async def list(self, resource: str) -> AsyncIterator[Raw]:
        found = await self._call("list", resource, "", lambda: list(self._server.objects[resource].values()))
        for place, raw in enumerate(found, start=1):
            yield raw
            if place % _PAGE == 0:
                await self.travel()
