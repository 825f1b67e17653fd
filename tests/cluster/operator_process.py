"""An operator as a process of this machine, for tests that kill it."""

import signal
import subprocess
from pathlib import Path


class OperatorProcess:
    """A running operator; its log is a file."""

    def __init__(self, command: list[str], environment: dict[str, str], port: int, log: Path) -> None:
        self.port = port
        self.log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*command, "--http-port", str(port)], env=environment, stdout=file, stderr=file
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait(self, timeout: float = 60) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        return self._process.wait(timeout)

    def terminate(self) -> int:
        """Ask it to end, and wait; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Kill it, if it still runs."""
        self._process.kill()
        self._process.wait()
