"""The processes of one cluster: started with a log each, remembered on disk, and only those ended that were started."""

import json
import os
import select
import signal
import subprocess
from pathlib import Path

STOP_SECONDS = 10


class Processes:
    """Processes by name; their pids and start times are kept in a file, so that a later call can end them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "processes.json"

    def start(self, name: str, *command: object, at_once: bool = False) -> None:
        """Start a process in a session of its own; its output goes to NAME.log. `at_once`: it is killed, not asked."""
        with (self.folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        known = self._known()
        known[name] = {
            "pid": child.pid,
            "started": _started(child.pid),
            "command": [str(part) for part in command],
            "at_once": at_once,
        }
        self._file.write_text(json.dumps(known, indent=1))

    def restart(self, name: str) -> None:
        """Start a process again, as it was started before."""
        self.stop(name)
        known = self._known()[name]
        self.start(name, *known["command"], at_once=known["at_once"])

    def pid(self, name: str) -> int | None:
        """The pid of a process that still runs and is the one that was started."""
        known = self._known().get(name)
        if known is None or _started(known["pid"]) != known["started"]:
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

    def stop_all(self) -> None:
        """End every process, the last started first."""
        for name in reversed(list(self._known())):
            self.stop(name)

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The end of a process's log."""
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def _known(self) -> dict:
        return json.loads(self._file.read_text()) if self._file.exists() else {}


def _started(pid: int) -> str | None:
    """Start time of a process, in clock ticks since boot: with the pid it names one process, ever."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
