"""One local process: a container's command, in a session of its own, that outlives a runner which is killed.

A small shell round the command writes its exit code, whole or not at all. The process and all it starts hold a lock on
a file: whoever waits for the lock waits for their end, also a runner that was started later.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_WRAPPER: Final = (
    'trap : TERM; exit_file=$1; shift; "$@"; code=$?; '
    'echo "$code" > "$exit_file.tmp" && mv "$exit_file.tmp" "$exit_file"'
)
UNKNOWN_EXIT_CODE: Final = 255
"""Where the machine went down with the process: how it would have ended is not known."""


@dataclass(frozen=True, slots=True)
class Child:
    """The process of one Pod, known by its folder."""

    folder: Path

    @property
    def log(self) -> Path:
        """What it writes to standard output and error."""
        return self.folder / "log"

    @property
    def termination_log(self) -> Path:
        """Where it writes its outputs."""
        return self.folder / "termination-log"

    def start(self, command: Sequence[str], env: Mapping[str, str], folder: str | None) -> None:
        """Start the command. Raises OSError where even the shell cannot be started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.termination_log.touch()
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self.log.open("ab") as log:
                process = subprocess.Popen(  # noqa: S603
                    ["/bin/sh", "-c", _WRAPPER, "kubesaga", str(self._exit), *command],
                    env=dict(env),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
            self._pid.write_text(str(process.pid))
            threading.Thread(target=process.wait, daemon=True).start()  # reaps it
        finally:
            os.close(lock)  # The process holds it on.

    def started(self) -> bool:
        """Whether it was ever started."""
        return self._pid.exists()

    async def wait(self) -> int:
        """Wait until it and all it started have ended; returns its exit code."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not ended.done():
                ended.set_result(None)

        def block() -> None:
            with self._lock.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=block, daemon=True).start()
        await ended
        return self.exit_code()

    def exit_code(self) -> int:
        """The exit code it left."""
        try:
            return int(self._exit.read_text())
        except (FileNotFoundError, ValueError):
            return UNKNOWN_EXIT_CODE

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and all it started, while it runs."""
        if self._running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(self._pid.read_text()), number)

    def _running(self) -> bool:
        """Whether the lock is held. While it is, the pid is its own."""
        try:
            with self._lock.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    @property
    def _lock(self) -> Path:
        return self.folder / "lock"

    @property
    def _exit(self) -> Path:
        return self.folder / "exit-code"

    @property
    def _pid(self) -> Path:
        return self.folder / "pid"
