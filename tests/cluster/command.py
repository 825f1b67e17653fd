"""Programs that tests call, as functions: their output comes back, and a failure says what they said."""

import os
import subprocess
from collections.abc import Mapping
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
