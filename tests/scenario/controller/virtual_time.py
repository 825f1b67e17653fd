"""An event loop whose clock jumps to the next timer when there is nothing to do: hours pass in no time, and the same
calls happen in the same order each time."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop. Nothing that runs in it may wait for another thread or process."""

    def __init__(self) -> None:
        self._virtual_seconds = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Seconds since the loop was made, in its own time."""
        return self._virtual_seconds

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._virtual_seconds += seconds


class _Jumping(selectors.SelectSelector):
    """Waits for nothing."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if timeout is None and not ready:
            raise RuntimeError("everything waits, and nothing will ever happen")
        if timeout and not ready:
            self._loop.jump(timeout)
        return ready


def virtual_now() -> datetime:
    """The time of the running loop, as a date."""
    return BEGIN + timedelta(seconds=asyncio.get_running_loop().time())


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `main` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
