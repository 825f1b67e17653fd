"""One operator: the real controller, its client, its watches and its clocks; it may crash, and stand still."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from datetime import datetime
from itertools import count
from random import Random
from typing import Any

from kubesaga.controller.cluster import WATCHED
from kubesaga.controller.controller import Controller
from kubesaga.controller.telemetry import Telemetry
from simulation.client import Client, Trouble
from simulation.server import SimulatedServer
from simulation.virtual_loop import OWNER, VirtualLoop
from simulation.watch import Watch
from simulation.watch_source import SimulatedSource, WatchSource


class OperatorProcess:
    """Runs from `start` to `crash`, which takes effect at once: what was sent may have arrived, and nothing follows."""

    def __init__(
        self,
        name: str,
        server: SimulatedServer,
        loop: VirtualLoop,
        chance: Random,
        trouble: Trouble,
        now: Callable[[], datetime],
        telemetry: Telemetry,
    ) -> None:
        self.name = name
        self.tasks: list[asyncio.Task[Any]] = []
        self.client = Client(server, loop, chance, name, trouble)
        self.context: Context = copy_context()
        self.context.run(OWNER.set, self)
        self.failure: BaseException | None = None
        """What ended it without being asked to."""
        self._server, self._loop = server, loop
        ticks = count(0.0, 1e-9)  # Two looks at a clock never show the same, though no virtual time went by.
        self.source = SimulatedSource(
            {resource: WatchSource(server, loop, chance, resource, self.client) for resource in WATCHED}
        )
        self.controller = self.context.run(
            lambda: Controller(
                self.client,
                now=now,
                clock=lambda: loop.time() + next(ticks),
                telemetry=telemetry,
                source=self.source,
                chance=chance.random,
            )
        )
        changed, gone = self.controller.workflow_changed, self.controller.workflow_gone
        self._workflows = Watch(server, loop, chance, "workflows", self, changed, gone)
        self.watches: list[Watch | WatchSource] = [self._workflows, *self.source.by_resource.values()]

    @property
    def alive(self) -> bool:
        """Whether it has not crashed."""
        return self.client.alive

    @property
    def paused(self) -> bool:
        """Whether its process stands still."""
        return self.client.paused

    def start(self) -> None:
        """Begin to work and to watch."""
        self._server.listeners.append(self._heard)
        self.context.run(self._start)

    def crash(self) -> None:
        """End at once: no `finally` of it reaches the server any more."""
        self.client.alive = False
        self._server.listeners.remove(self._heard)
        for task in self.tasks:
            task.cancel()

    def _start(self) -> None:
        running = self._loop.create_task(self.controller.run())
        running.add_done_callback(self._ended)
        self._loop.call_later(0.01, self._workflows.connect)

    def _ended(self, running: "asyncio.Task[None]") -> None:
        if self.alive:
            self.failure = asyncio.CancelledError() if running.cancelled() else running.exception()
            self.failure = self.failure or RuntimeError("the operator ended by itself")

    def _heard(self, resource: str, change: Any) -> None:
        for watch in self.watches:
            if watch.resource == resource:
                watch.poke()
