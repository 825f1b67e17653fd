"""One keyed queue: a key never runs twice at once, and nothing that asks for it is forgotten.

A key that is added while it runs runs again; of several wake-ups the earliest wins; a key that fails backs off by
itself and holds up no other.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final

Key = tuple[str, str]
"""Namespace and name of a Workflow."""

BACKOFF_SECONDS_MIN: Final = 0.1
BACKOFF_SECONDS_MAX: Final = 60.0


class KeyedQueue:
    """Calls `work(key)` for keys that are due. `work` raises to be called again after a back-off."""

    def __init__(self, work: Callable[[Key], Awaitable[None]], concurrency: int = 64) -> None:
        self._work = work
        self._concurrency = concurrency
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._running: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._sequence = count()
        self._wake = asyncio.Event()
        self._stopping = False

    def __len__(self) -> int:
        """How many keys wait for their time or run."""
        return len(self._due.keys() | self._running.keys())

    def ready(self, now: float) -> int:
        """How many keys are due and not running."""
        return sum(at <= now and key not in self._running for key, at in self._due.items())

    def oldest_run(self) -> float | None:
        """The loop time at which the longest run still in progress began."""
        return min(self._running.values(), default=None)

    def add(self, key: Key, delay_seconds: float = 0.0) -> None:
        """Ask for a run of the key after a delay; an earlier one that was asked for stays."""
        at = asyncio.get_running_loop().time() + max(0.0, delay_seconds)
        if key not in self._due or at < self._due[key]:
            self._due[key] = at
            heapq.heappush(self._heap, (at, next(self._sequence), key))
            self._wake.set()

    def forget(self, key: Key) -> None:
        """Drop what was asked for; a run in progress goes on."""
        self._due.pop(key, None)
        self._failures.pop(key, None)

    async def run(self) -> None:
        """Work until `stop`; returns when the runs in progress have ended."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as runs:
            while not self._stopping:
                self._wake.clear()
                for key in self._take(loop.time()):
                    runs.create_task(self._run(key))
                timer = loop.call_at(self._heap[0][0], self._wake.set) if self._may_wait() else None
                await self._wake.wait()
                if timer is not None:
                    timer.cancel()

    def stop(self) -> None:
        """Begin no further run."""
        self._stopping = True
        self._wake.set()

    def _may_wait(self) -> bool:
        """Whether the next wake-up is a matter of time, rather than of a run that has to end first."""
        return bool(self._heap) and len(self._running) < self._concurrency

    def _take(self, now: float) -> list[Key]:
        """The keys to run now, earliest first."""
        taken: list[Key] = []
        busy: list[tuple[float, int, Key]] = []
        while self._heap and self._heap[0][0] <= now and len(self._running) < self._concurrency:
            at, sequence, key = heapq.heappop(self._heap)
            if self._due.get(key) != at:
                continue  # An earlier wake-up replaced this one, or the key was forgotten.
            if key in self._running:
                busy.append((at, sequence, key))
                continue
            del self._due[key]
            self._running[key] = now
            taken.append(key)
        for _, _, key in busy:  # Its run puts it back when it ends.
            self._due[key] = now
        return taken

    async def _run(self, key: Key) -> None:
        try:
            await self._work(key)
        except Exception:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            self.add(key, min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN * 2 ** min(failures - 1, 10)))
        else:
            self._failures.pop(key, None)
        finally:
            del self._running[key]
            if key in self._due:
                heapq.heappush(self._heap, (self._due[key], next(self._sequence), key))
            self._wake.set()
