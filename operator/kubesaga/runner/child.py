"""One local process: a container's command in a session of its own, which outlives a runner that is killed.

    runner ── starts ──> wrapper (sh) ── starts ──> command ──> what it starts
                         holds `lock`               all hold the log, and with it a lock on it

The wrapper writes its pid when it begins and the command's exit code when that ends; then it kills what the command
left running, as the end of a container does. Whoever waits for `lock` waits for that moment, also a runner that was
started later. Should somebody kill the wrapper alone, the lock on the log tells that the command still runs. The file
`stop` catches a SIGTERM that comes before the command could heed it.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_WRAPPER: Final = """
trap '' TERM
folder=$1
shift
echo $$ > "$folder/pid"
(trap - TERM; [ -e "$folder/stop" ] && exit 143; exec "$@") < /dev/null
echo $? > "$folder/exit-code"
kill -KILL 0
"""


class Child:
    """The process of one Pod, known by its folder. Paths are absolute, since it may work elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "log"
        """What it writes to standard output and error."""
        self.termination_log = self.folder / "termination-log"
        """Where it writes its outputs."""
        self._lock = self.folder / "lock"
        self._pid = self.folder / "pid"
        self._exit_code = self.folder / "exit-code"
        self._stop = self.folder / "stop"
        self._interrupted = self.folder / "interrupted"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the files that the command may ask for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.termination_log.touch()

    def start(self, command: Sequence[str], env: Mapping[str, str], folder: str | None) -> None:
        """Start the command, in `folder` or where the runner is. Raises OSError."""
        with self._lock.open("a") as lock, self.log.open("ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fcntl.flock(log, fcntl.LOCK_EX)
            self._process = subprocess.Popen(  # noqa: S603 - to run what the manifest says is what this is for
                ["/bin/sh", "-c", _WRAPPER, "kubesaga", str(self.folder), *command],
                env=dict(env),
                cwd=folder,
                stdin=lock,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def begun(self) -> bool:
        """Whether it was ever started, as far as this boot of the machine can tell."""
        return self._pid.exists() or _held(self._lock)

    async def wait(self) -> int | None:
        """Wait until it has ended; returns its exit code, or None where nobody knows it."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not ended.done():
                ended.set_result(None)

        def block() -> None:
            self._block()
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=block, daemon=True, name=self.folder.name).start()
        await ended
        return self.exit_code()

    def exit_code(self) -> int | None:
        """The exit code it left; None where its wrapper was killed, or the machine went down."""
        try:
            text = self._exit_code.read_text()
        except FileNotFoundError:
            return None
        return int(text) if text.endswith("\n") else None

    def termination_message(self, most: int) -> bytes:
        """At most so many bytes of what it wrote to its termination log; none where that is no file any more."""
        try:
            place = os.open(self.termination_log, os.O_RDONLY | os.O_NONBLOCK)  # The command may have put a pipe there.
        except OSError:
            return b""
        try:
            return os.read(place, most) if stat.S_ISREG(os.fstat(place).st_mode) else b""
        finally:
            os.close(place)

    def stop(self) -> None:
        """Ask it and all of its group to end, while it runs."""
        with contextlib.suppress(FileNotFoundError):
            self._stop.touch()
        self.signal(signal.SIGTERM)

    def interrupt(self) -> None:
        """Kill it, and remember that it is to begin anew."""
        with contextlib.suppress(FileNotFoundError):
            self._interrupted.touch()
        self.signal(signal.SIGKILL)

    @property
    def interrupted(self) -> bool:
        """Whether it was interrupted before it had ended."""
        return self._interrupted.exists() and self.exit_code() is None

    def forget(self) -> None:
        """Forget that it was ever started; what it wrote to its log stays."""
        for path in (self._pid, self._stop, self.termination_log, self._interrupted):
            path.unlink(missing_ok=True)

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.exists()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and all of its group, while it runs."""
        # While a lock is held, the group is there, and its number is nobody else's.
        if _held(self._lock) or (self.exit_code() is None and _held(self.log)):
            pid = self._group()
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, number)

    def _block(self) -> None:
        """Block until the wrapper has ended and, where it was killed alone, until the command has."""
        _wait_for(self._lock)
        if self._process is not None:
            self._process.wait()
        if self.exit_code() is None:
            self.signal(signal.SIGKILL)
            _wait_for(self.log)

    def _group(self) -> int | None:
        if self._process is not None:
            return self._process.pid
        try:
            return int(self._pid.read_text())
        except (FileNotFoundError, ValueError):
            return None


def _held(path: Path) -> bool:
    """Whether somebody holds a lock on the file."""
    try:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _wait_for(path: Path) -> None:
    """Block until nobody holds a lock on the file; not where the command has removed it."""
    with contextlib.suppress(FileNotFoundError), path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
