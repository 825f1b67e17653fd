"""A ledger on this machine, and scripts of steps in real containers that charge it, refund it and log what they do.

An entry is a folder by the name of its idempotency key: making it twice fails. The log is one file to which all
containers of a run append, so that the order of its lines is the order of what happened; it needs no clock.
"""

import os
import select
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from cluster.manifests import with_ledger

_BEGIN = """
say() { echo "$KUBESAGA_DIRECTION $KUBESAGA_STEP $1" >> "$LEDGER"; }
trap 'say ends' EXIT
trap 'sleep 1; exit 143' TERM  # It takes its time to end: who does not wait for it is found out.
say begins
"""
_CHARGE = 'mkdir "/ledger/entries/$KUBESAGA_IDEMPOTENCY_KEY"; say charges\n'
_REFUND = 'entry="/ledger/entries/$KUBESAGA_FORWARD_IDEMPOTENCY_KEY"; [ ! -e "$entry" ] || rmdir "$entry"\n'
_TELL = "echo > /ledger/moment\n"

CHARGE = _BEGIN + _CHARGE
REFUND = _BEGIN + _REFUND
EXIT, HOLD = "exit 1\n", "sleep 1000 & wait\n"


def fails_before(how: str) -> str:
    """A script that tells that the moment has come, and fails before it charges."""
    return _BEGIN + _TELL + how + _CHARGE


def fails_after(how: str) -> str:
    """A script that charges, tells that the moment has come, and fails."""
    return _BEGIN + _CHARGE + _TELL + how


def charges_once_and_holds() -> str:
    """A script that charges unless its key is charged already, and holds if it did."""
    return f'{_BEGIN}[ ! -e "/ledger/entries/$KUBESAGA_IDEMPOTENCY_KEY" ] || exit 0\n{_CHARGE}{_TELL}{HOLD}'


class Line(NamedTuple):
    """One line of the log."""

    direction: str
    step: str
    what: str
    """It begins, charges or ends."""


class Ledger:
    """The ledger of one run, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "entries").mkdir(parents=True)
        os.mkfifo(folder / "moment")
        # Open from the start, so that no step waits for a reader.
        self._moment = os.open(folder / "moment", os.O_RDONLY | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._moment)

    def for_steps_of(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The Workflow, its steps with this ledger."""
        return with_ledger(manifest, self._folder / "log")

    def wait_for_the_moment(self, seconds: float) -> None:
        """Wait until a step tells that it has come to where it fails or holds."""
        poll = select.poll()
        poll.register(self._moment, select.POLLIN)
        assert poll.poll(seconds * 1000), f"no step came to its moment in {seconds} s"

    @property
    def entries(self) -> list[str]:
        """The keys that are charged and not refunded."""
        return sorted(path.name for path in (self._folder / "entries").iterdir())

    @property
    def lines(self) -> list[Line]:
        """The log so far."""
        log = self._folder / "log"
        return [Line(*line.split()) for line in log.read_text().splitlines()] if log.exists() else []


def overlaps(lines: Iterable[Line]) -> list[str]:
    """Undos that began while something forward ran, whatever began forward after that, and whatever never ended."""
    running: set[Line] = set()
    undone: list[str] = []
    found = []
    for line in lines:
        if line.what == "begins" and _forward(line) and undone:
            found.append(f"{line.step} began after the undo of {undone[0]}")
        if line.what == "begins" and not _forward(line):
            undone.append(line.step)
            found += [f"the undo of {line.step} began while {one.step} ran" for one in running if _forward(one)]
        if line.what == "begins":
            running.add(line)
        if line.what == "ends":
            running.discard(line._replace(what="begins"))
    return found + [f"{one.direction} {one.step} never ended" for one in running]


def disorder(lines: list[Line], graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Undos that began before that of a step that depends on theirs had ended."""
    place = {(line.step, line.what): index for index, line in enumerate(lines) if not _forward(line)}
    edges = [(step, before) for step, dependencies in graph.items() for before in dependencies]
    return [
        f"{before} was undone before {step}"
        for step, before in edges
        if (before, "begins") in place and place[before, "begins"] < place.get((step, "ends"), -1)
    ]


def _forward(line: Line) -> bool:
    return line.direction == "Forward"
