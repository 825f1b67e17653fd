"""What a reflector of one operator lists and watches: it lags, is cut off, expires, repeats itself, and ends."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from random import Random
from typing import Final

from kubesaga.controller.errors import Refused, Unavailable
from kubesaga.controller.watch import Page
from simulation.client import Client
from simulation.server import Change, Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop

_LAG_SECONDS: Final = (0.001, 0.03)
_PAGE: Final = 500

WATCH_SECONDS: Final = 300.0
"""How long a watch lasts; it ends with a bookmark."""


class WatchSource:
    """One resource."""

    def __init__(
        self, server: SimulatedServer, loop: VirtualLoop, chance: Random, resource: str, client: Client
    ) -> None:
        self._server, self._loop, self._chance, self._client = server, loop, chance, client
        self._log = server.log[resource]
        self._compacted = 0
        """From an older version no watch goes on."""
        self._down_until = 0.0
        self._broken = False
        self._back = 0
        self._stirred = asyncio.Event()
        self.resource = resource
        self.lag_seconds = 0.0
        """What events lag in addition, for now."""

    # What faults do

    def cut(self, seconds: float, back: int | None) -> None:
        """No watch for so long. Then the reflector goes on where it was (`back` None), or has to list anew.

        Where it `back` goes some changes back, it is told of them again.
        """
        self._down_until = self._loop.time() + seconds
        self._broken = True
        self._stirred.set()
        if back == 0:
            self._loop.call_later(seconds, self._compact)
        self._back = back or 0

    def repeat(self, events: int) -> None:
        """Tell the last events once more."""
        self._back = events
        self.poke()

    def poke(self) -> None:
        """Something may be there to tell."""
        self._stirred.set()

    def _compact(self) -> None:
        self._compacted = self._server.version

    # What its reflector does

    async def pages(self) -> AsyncIterator[Page]:
        """See Source."""
        self._refuse_while_down()
        objects, version = await self._client.snapshot(self.resource)
        for begin in range(0, len(objects), _PAGE):
            yield Page(objects[begin : begin + _PAGE], str(version))
            await self._client.travel()
        if not objects:
            yield Page([], str(version))

    async def watch(self, version: str) -> AsyncGenerator[Raw, None]:
        """See Source."""
        await self._client.travel()
        self._refuse_while_down()
        if int(version) < self._compacted:
            raise Refused(410, "Expired", f"too old resource version: {version} ({self._compacted})")
        self._broken = False
        position = bisect_right(self._log, int(version), key=_version)
        until = self._loop.time() + WATCH_SECONDS
        while self._loop.time() < until:
            position, self._back = max(0, position - self._back), 0
            while position < len(self._log):
                change = self._log[position]
                await asyncio.sleep(self._chance.uniform(*_LAG_SECONDS) + self.lag_seconds)
                await self._client.awake()
                if self._broken:
                    raise Unavailable(0, "ClientPayloadError", "the watch was cut off")
                position += 1
                yield _event(change)
                position, self._back = max(0, position - self._back), 0
            await self._stirring(until)
            if self._broken:
                raise Unavailable(0, "ClientPayloadError", "the watch was cut off")
        yield {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self._server.version)}}}

    def _refuse_while_down(self) -> None:
        if self._loop.time() < self._down_until:
            raise Unavailable(0, "ClientConnectorError", "connection refused")

    async def _stirring(self, until: float) -> None:
        """Wait for something to tell, or for the end."""
        self._stirred.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._stirred.wait()
        except TimeoutError:
            return


class SimulatedSource:
    """Implements `kubesaga.controller.watch.Source`."""

    namespaces = (None,)

    def __init__(self, by_resource: Mapping[str, WatchSource]) -> None:
        self.by_resource = by_resource

    def pages(self, resource: str, namespace: str | None) -> AsyncIterator[Page]:
        """See Source."""
        return self.by_resource[resource].pages()

    def watch(self, resource: str, namespace: str | None, version: str) -> AsyncGenerator[Raw, None]:
        """See Source."""
        return self.by_resource[resource].watch(version)


def _version(change: Change) -> int:
    return int(change.raw["metadata"]["resourceVersion"])


def _event(change: Change) -> Raw:
    return {"type": "DELETED" if change.gone else "MODIFIED", "object": change.raw}
