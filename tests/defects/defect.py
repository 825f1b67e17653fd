"""A seeded defect, and the suites that can catch one."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ROOT / "operator" / "kubesaga"
_SUITE_SECONDS_MAX: Final = 1800
_TEST_SECONDS_MAX: Final = 60
"""Many times what a test of the rules takes: with some defects a run never ends, which is a failure like another."""

_FAILS_FAST: Final = {"KUBESAGA_TEST_PROFILE": "fails-fast"}


class Suite(StrEnum):
    """What can catch a defect, the cheapest first."""

    RULES = "rules"
    """The unit and scenario tests."""
    MODEL = "model"
    SIMULATION = "simulation"

    @property
    def command(self) -> list[str]:
        """What runs it, from the root of the project."""
        return [sys.executable, *_COMMANDS[self]]


_PYTEST: Final = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header"]
_COMMANDS: Final = {
    Suite.RULES: [*_PYTEST, f"--timeout={_TEST_SECONDS_MAX}", "tests/scenario", "tests/unit"],
    Suite.MODEL: [*_PYTEST, "tests/model"],
    Suite.SIMULATION: [*_PYTEST, "tests/simulation"],
}


@dataclass(frozen=True)
class Defect:
    """One line that is wrong."""

    name: str
    breaks: str
    """The promise that it breaks."""
    file: str
    """Path below the package."""
    line: str
    """A part of the code that occurs once."""
    planted: str
    """What stands there instead."""
    suites: tuple[Suite, ...] = (Suite.RULES,)
    """Those that are seen to catch it, the cheapest first."""

    def __str__(self) -> str:
        return self.name

    def occurrences(self) -> int:
        """How often the code has the part that is replaced."""
        return (CODE / self.file).read_text().count(self.line)

    def plant(self, folder: Path) -> None:
        """Make a copy of the code with the defect, as the package `kubesaga` of that folder."""
        shutil.copytree(CODE, folder / "kubesaga", ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / "kubesaga" / self.file
        path.write_text(path.read_text().replace(self.line, self.planted))


@dataclass(frozen=True)
class Trial:
    """What a suite made of a defect."""

    caught: bool
    first: str
    """What failed first; empty where nothing did."""


def run(suite: Suite, package: Path | None) -> Trial:
    """Run a suite against the package in that folder, or against the code as it is."""
    path = os.pathsep.join(str(folder) for folder in (package, ROOT / "tests") if folder)
    ended = subprocess.run(
        suite.command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **_FAILS_FAST},
        capture_output=True,
        text=True,
        timeout=_SUITE_SECONDS_MAX,
        check=False,
    )
    failed = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED ", "ERROR tests"))]
    return Trial(ended.returncode != 0, failed[0] if failed else "")
