"""The figures as a table for people and as JSON for machines."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure; `target` is the largest that is right, or the smallest where `at_least`."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    floor: str = ""
    """What it is held against, and what that measured."""

    @property
    def reached(self) -> bool:
        """Whether the figure is as good as its target."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table("figure", "measured", "target", "", "held against", title="kubesaga, measured against the floor")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for one in figures:
        target = (
            "" if one.target is None else f"{'≥' if one.at_least else '≤'} {_number(one.target)} {one.unit}".strip()
        )
        verdict = "" if one.target is None else "[green]reached" if one.reached else "[red]missed"
        table.add_row(one.name, f"{_number(one.value)} {one.unit}".strip(), target, verdict, one.floor)
    Console(width=150).print(table)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write them as JSON, with the machine that they are of."""
    machine = {
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    rows = [{**asdict(one), "reached": one.reached} for one in figures]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "figures": rows}, indent=2) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
