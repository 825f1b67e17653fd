"""An operator as a process of this machine, for tests that kill it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class OperatorProcess:
    """A running operator; its log is a file."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self.log = log
        command = [sys.executable, *arguments, "--http-port", str(self.port)]
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)

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
