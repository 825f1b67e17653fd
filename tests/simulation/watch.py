"""One watch of one operator: it lags, may be cut off, begin anew, repeat itself and go back in time."""

from collections.abc import Callable
from contextvars import Context
from random import Random
from typing import Final, Protocol

from simulation.server import Change, Key, Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop

_LAG_SECONDS: Final = (0.001, 0.03)


class Watcher(Protocol):
    """Whose watch it is."""

    context: Context
    alive: bool
    paused: bool


class Watch:
    """Tells `changed` and `gone` what the server's log says, from a position in it onwards."""

    def __init__(
        self,
        server: SimulatedServer,
        loop: VirtualLoop,
        chance: Random,
        resource: str,
        watcher: Watcher,
        changed: Callable[[Raw], None],
        gone: Callable[[Raw], None],
    ) -> None:
        self._server, self._loop, self._chance = server, loop, chance
        self._log = server.log[resource]
        self._objects = server.objects[resource]
        self.resource = resource
        self._watcher, self._changed, self._gone = watcher, changed, gone
        self._position = 0
        self._last_due = 0.0
        self._armed = False
        self._connected = False
        self.lag_seconds = 0.0
        """What events lag in addition, for now."""

    def connect(self, back: int = 0) -> None:
        """List, as it was `back` changes ago, and watch from there. What went before is not told."""
        if self._watcher.paused:
            self._loop.call_later(0.1, self.connect, back)
            return
        self._position = max(0, len(self._log) - back)
        listed = list(self._objects.values()) if back == 0 else self._as_of(self._position)
        self._connected = True
        for raw in listed:
            self._tell(self._changed, raw)
        self.poke()

    def cut(self, seconds: float, back: int | None) -> None:
        """No event for so long; then go on where it was (`back` None), or list anew."""
        self._connected = False
        self._loop.call_later(seconds, self._resume if back is None else lambda: self.connect(back))

    def repeat(self, events: int) -> None:
        """Tell the last events once more."""
        self._position = max(0, self._position - events)
        self.poke()

    def poke(self) -> None:
        """Something may be there to tell."""
        if self._connected and not self._armed and self._position < len(self._log):
            self._armed = True
            lag = self._chance.uniform(*_LAG_SECONDS) + self.lag_seconds
            self._last_due = max(self._last_due, self._loop.time() + lag)
            self._loop.call_at(self._last_due, self._deliver)

    def _resume(self) -> None:
        self._connected = True
        self.poke()

    def _deliver(self) -> None:
        self._armed = False
        if not self._watcher.alive or not self._connected or self._position >= len(self._log):
            return
        if not self._watcher.paused:
            change = self._log[self._position]
            self._position += 1
            self._tell(self._gone if change.gone else self._changed, change.raw)
        self.poke()

    def _tell(self, call: Callable[[Raw], None], raw: Raw) -> None:
        if self._watcher.alive:
            self._watcher.context.run(call, raw)

    def _as_of(self, position: int) -> list[Raw]:
        there: dict[Key, Change] = {}
        for change in self._log[:position]:
            key = (change.raw["metadata"]["namespace"], change.raw["metadata"]["name"])
            there[key] = change
        return [change.raw for change in there.values() if not change.gone]
