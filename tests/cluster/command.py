"""Programs that tests call, as functions: their output comes back, and a failure says what they said."""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

TIMEOUT_SECONDS = 120


class CommandError(AssertionError):
    """A program that failed; `stderr` is what it said."""

    def __init__(self, command: list[str], code: int, stderr: str) -> None:
        super().__init__(f"{' '.join(command)} ended with {code}:\n{stderr}")
        self.code = code
        self.stderr = stderr


class Command:
    """A program, with the environment that it is always called in."""

    def __init__(self, program: Path, environment: Mapping[str, str] | None = None) -> None:
        self.program = program
        self.environment = {**os.environ, **(environment or {})}

    def __call__(self, *arguments: object, stdin: str | None = None, timeout: float = TIMEOUT_SECONDS) -> str:
        """Run it and return what it printed."""
        command = [str(self.program), *map(str, arguments)]
        ended = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False, env=self.environment
        )
        if ended.returncode:
            raise CommandError(command, ended.returncode, ended.stderr)
        return ended.stdout

    @contextmanager
    def lines(self, *arguments: object, timeout: float = TIMEOUT_SECONDS) -> Iterator[Iterator[str]]:
        """Run it and give its lines as they come; it is ended with the context, or when the time is over."""
        command = [str(self.program), *map(str, arguments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.environment) as running:
            timer = threading.Timer(timeout, running.kill)
            timer.start()
            try:
                assert running.stdout is not None
                yield (line.rstrip("\n") for line in running.stdout)
            finally:
                timer.cancel()
                running.kill()
