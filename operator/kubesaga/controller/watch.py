"""A list and a watch of our own for what is many: kopf's cost several times as much processor time an event.

    list ──> all there is, and what is gone ──> watch from there on ──> what changed, what is gone
     ^                                           │        ^
     │                                           └────────┘ it ended or broke off: on from the last version seen
     └── 410: that version is too old; or the server refuses it again and again

It knows nothing of Kubernetes' client and nothing of what the objects mean. What a watch cannot tell, since nobody
watched, the list tells: what was known before and is not in it is gone.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from kubesaga.controller.cluster import Raw, Resource
from kubesaga.controller.errors import ClusterError, Unavailable

_log = logging.getLogger(__name__)

BACKOFF_SECONDS_MIN: Final = 0.1
"""The wait after a first failure, such as an API server that restarts behind a load balancer."""

BACKOFF_SECONDS_MAX: Final = 15.0
LIST_AFTER_FAILURES: Final = 5
"""So many failures in a row, without anything new between: where the server answers, the version itself may be what it
cannot go on from, as after its storage was restored from an older copy."""

_AWAY: Final = frozenset({0, 429, 503})
"""What says nothing about the version: no answer, or one of a server that is too busy. A list would make that worse."""

_EXPIRED: Final = 410


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    objects: list[Raw]
    version: str
    """The version of the whole list, from which a watch goes on."""


class Source(Protocol):
    """What is listed and watched. Both calls raise errors of `kubesaga.controller.errors` only."""

    @property
    def namespaces(self) -> Sequence[str | None]:
        """The namespaces to list and watch one by one; only None where it is all of them at once."""

    def pages(self, resource: Resource, namespace: str | None) -> AsyncIterator[Page]:
        """Every object of ours, as of one moment after the call; at least one page."""

    def watch(self, resource: Resource, namespace: str | None, version: str) -> AsyncGenerator[Raw, None]:
        """The events after that version, as the API server words them, until the watch ends.

        Raises Unavailable also where the connection is dead.
        """


@dataclass(frozen=True, slots=True)
class Feed:
    """Whom to tell. All three are cheap and never block."""

    changed: Callable[[Raw], None]
    gone: Callable[[Raw], None]
    """Needs the uid only."""
    known: Callable[[str | None], set[str]]
    """The uids of all that is taken to be there, in that namespace where one is given."""


class Reflector:
    """Lists and watches one resource, of one namespace or of all of them."""

    def __init__(
        self,
        source: Source,
        resource: Resource,
        namespace: str | None,
        feed: Feed,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._source, self._resource, self._namespace, self._feed = source, resource, namespace, feed
        self._chance = chance
        self.listed = asyncio.Event()
        """Whether all there was has been told once."""
        self._version: str | None = None
        self._failures = 0
        """Those in a row after which nothing new was seen."""

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                if self._version is None:
                    self._version = await self._list()
                else:
                    await self._watch(self._version)
                    self._failures = 0
            except ClusterError as error:
                await self._wait(error)
            except Exception as error:  # A defect: it is told, and nothing stands still for it.
                _log.exception("Watch failed", extra={"resource": self._resource})
                await self._wait(Unavailable(0, type(error).__name__, str(error)))

    async def _list(self) -> str:
        version = ""

        async def objects() -> AsyncIterator[Raw]:
            nonlocal version
            async for page in self._source.pages(self._resource, self._namespace):
                version = page.version
                for raw in page.objects:
                    yield raw

        await retell(self._feed, objects(), self._namespace)
        self.listed.set()
        return version

    async def _watch(self, version: str) -> None:
        """Tell what happens until the watch ends. Raises where it fails, or ends before it has told anything new."""
        begun = asyncio.get_running_loop().time()
        async with aclosing(self._source.watch(self._resource, self._namespace, version)) as events:
            async for event in events:
                self._take(event)
        if self._version == version and asyncio.get_running_loop().time() - begun < BACKOFF_SECONDS_MAX:
            raise Unavailable(0, "WatchEnded", "the watch ended as soon as it had begun")

    def _take(self, event: Raw) -> None:
        kind, raw = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            raise Unavailable(raw.get("code") or 0, raw.get("reason") or "Error", raw.get("message") or "")
        if kind in ("ADDED", "MODIFIED"):
            tell(self._feed.changed, raw)
        elif kind == "DELETED":
            tell(self._feed.gone, raw)
        elif kind != "BOOKMARK":
            raise Unavailable(0, "UnknownEvent", f"a watch event of type {kind}")
        self._advance(str((raw.get("metadata") or {}).get("resourceVersion")))

    def _advance(self, version: str) -> None:
        """What is repeated, or comes late, takes nothing back."""
        if not version.isdigit():
            raise Unavailable(0, "UnknownEvent", f"a watch event of version {version}")
        if self._version is None or int(version) > int(self._version):
            self._version, self._failures = version, 0

    async def _wait(self, error: ClusterError) -> None:
        """Wait before the next try, longer each time; a version that is too old is not tried again."""
        self._failures += 1
        message = _said(error, listing=self._version is None)
        level = logging.INFO if self._version is not None and self._failures == 1 else logging.WARNING
        tried = self._failures % LIST_AFTER_FAILURES == 0 and error.code not in _AWAY
        if error.code == _EXPIRED or tried:
            self._version = None
        backoff = min(BACKOFF_SECONDS_MIN * 2 ** (self._failures - 1), BACKOFF_SECONDS_MAX)
        asked_for = (error.retry_after_seconds if isinstance(error, Unavailable) else None) or 0.0
        seconds = max(asked_for, backoff * (0.5 + self._chance() / 2))  # So that not all come back at once.
        fields = {"resource": self._resource, "error": str(error), "again_in_seconds": round(seconds, 1)}
        _log.log(level, message, extra=fields)
        await asyncio.sleep(seconds)


def _said(error: ClusterError, *, listing: bool) -> str:
    if not listing:
        return "Watch broken off"
    return "API server unavailable" if isinstance(error, Unavailable) else "List refused"


async def retell(feed: Feed, objects: AsyncIterator[Raw], namespace: str | None) -> None:
    """Tell of all that a list shows, and that whatever was known before it began and is not in it is gone.

    A list that fails on its way says of nothing that it is gone.
    """
    missing = feed.known(namespace)
    async for raw in objects:
        missing.discard(raw["metadata"]["uid"])
        tell(feed.changed, raw)
    for uid in missing:
        tell(feed.gone, {"metadata": {"uid": uid}})


def tell(call: Callable[[Raw], None], raw: dict[str, Any]) -> None:
    """Tell of an object; one that is not understood keeps nobody from hearing of the next."""
    try:
        call(raw)
    except Exception:
        _log.exception("Object not understood", extra={"object": raw.get("metadata", {}).get("name")})
