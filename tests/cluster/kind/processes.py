"""The processes of one cluster: started with a log each, remembered on disk, and only those ended that were started.

A pid alone may have been given to a stranger since; with its start time it names one process, ever.
"""

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

STOP_SECONDS = 10
FORK_SECONDS = 10


class Processes:
    """Processes by name; what is needed to find, end and repeat them is kept in processes.json."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "processes.json"

    def start(self, name: str, *command: object, forks: bool = False, at_once: bool = False) -> int:
        """Start a process in a session of its own and return its pid; its output goes to NAME.log.

        `forks`: the command only forks the process that is meant, as unshare and nsenter do.
        `at_once`: it will be killed, not asked.
        """
        words = [str(part) for part in command]
        with (self.folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        pid = _child_of(child) if forks else child.pid
        record = {"pid": pid, "started": _started(pid), "command": words, "forks": forks, "at_once": at_once}
        self._write(self._known() | {name: record})
        return pid

    def start_inside(self, name: str, *command: object) -> int:
        """Start a process in the namespaces of the real node."""
        target = self.pid("node")
        return self.start(
            name, "nsenter", f"--target={target}", "--mount", "--pid", "--net", "--", *command, forks=True
        )

    def restart(self, name: str) -> int:
        """Start a process again, as it was started before."""
        self.stop(name)
        known = self._known()[name]
        return self.start(name, *known["command"], forks=known["forks"], at_once=known["at_once"])

    def names(self) -> list[str]:
        """All that were ever started, in that order."""
        return list(self._known())

    def pid(self, name: str) -> int | None:
        """The pid of a process that still runs and is the one that was started."""
        known = self._known().get(name)
        if known is None or known["started"] is None or _started(known["pid"]) != known["started"]:
            return None
        return known["pid"]

    def stop(self, name: str) -> None:
        """End a process: asked first, then killed. Waits for its end."""
        pid = self.pid(name)
        if pid is None:
            return
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGCONT)
            numbers = (signal.SIGKILL,) if self._known()[name].get("at_once") else (signal.SIGTERM, signal.SIGKILL)
            for number in numbers:
                signal.pidfd_send_signal(handle, number)
                if select.select([handle], [], [], STOP_SECONDS)[0]:
                    return
        except ProcessLookupError:
            return
        finally:
            os.close(handle)

    def kill(self, name: str) -> None:
        """End a process without asking. Waits for its end."""
        self._signal(name, signal.SIGKILL, wait=True)

    def pause(self, name: str) -> None:
        """Let a process stand still, as if its machine had hung."""
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused process go on."""
        self._signal(name, signal.SIGCONT)

    def stop_all(self) -> None:
        """End every process, the last started first."""
        for name in reversed(self.names()):
            self.stop(name)

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The end of a process's log."""
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def _signal(self, name: str, number: int, *, wait: bool = False) -> None:
        pid = self.pid(name)
        if pid is None:
            return
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, number)
            if wait:
                select.select([handle], [], [], STOP_SECONDS)
        finally:
            os.close(handle)

    def _known(self) -> dict:
        return json.loads(self._file.read_text()) if self._file.exists() else {}

    def _write(self, known: dict) -> None:
        """Write beside and move there: whoever is cut off here leaves the old list, not half a list."""
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(known, indent=1))
        beside.rename(self._file)


def _child_of(parent: subprocess.Popen) -> int:
    """The pid of the only child of `parent`, as soon as there is one."""
    end = time.monotonic() + FORK_SECONDS
    while time.monotonic() < end and parent.poll() is None:
        if children := Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split():
            return int(children[0])
        time.sleep(0.005)
    raise ChildProcessError(f"{parent.args[0]} started nothing")


def _started(pid: int) -> str | None:
    """Start time of a process, in clock ticks since boot; none if it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
