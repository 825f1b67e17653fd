"""An event loop in virtual time: where a real one would sleep, its clock jumps to the next timer.

Nothing here reads the machine's clock, opens a socket or starts a thread: a run is a function of what it is given.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

Owner = ContextVar[Any]
OWNER: Owner = ContextVar("owner", default=None)
"""To whom the tasks belong that are made in this context: an object with a list `tasks`. Its crash ends them all."""


_NEAR = 1e-6


class StandsStill(RuntimeError):  # noqa: N818 - what it says
    """No timer is set and nothing is ready: nothing would ever happen again."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks at their time, one after the other; its time passes between them only."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual_now = 0.0
        self._clock_resolution = 1e-8  # Finer than that, floats do not tell the moments of a year apart.
        self._selector = _Jump(self)
        self.set_task_factory(_owned_task)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._virtual_now

    def jump(self, seconds: float) -> None:
        """Let time pass, to the next timer where it is no farther: a sum of floats might never reach it."""
        then = self._virtual_now + seconds
        next_ = self._scheduled[0].when() if self._scheduled else then
        self._virtual_now = next_ if abs(next_ - then) < _NEAR else then

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """Call at once, in this thread: the order of threads would be chance."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class _Jump:
    """Stands where the selector stands, which waits for whatever comes first."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StandsStill(f"nothing happens any more after {self._loop.time():.3f} s")
        if timeout > 0:
            self._loop.jump(timeout)
        return []

    def close(self) -> None:
        pass


def _owned_task(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **kwargs: Any) -> Any:
    task = asyncio.Task(coroutine, loop=loop, **kwargs)
    owner = OWNER.get()
    if owner is not None:
        owner.tasks.append(task)
    return task
