"""The search: breadth first through every world that can be reached, so a counterexample is as short as can be."""

import time
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from model.model import Model
from model.state import Move, World

STATES_MAX: Final = 3_000_000
"""Above that a configuration is too large to be explored in full: an error, never a silent bound."""

_FAULTS: Final = frozenset({"somebody", "a person", "API server", "time"})


@dataclass(frozen=True)
class Violation:
    """A promise that is broken, and how it comes to that."""

    configuration: str
    broken: str
    """The name of the invariant, and what breaks it."""
    moves: tuple[Move, ...]


@dataclass
class Exploration:
    """What came of the search."""

    configuration: str
    states: int = 0
    transitions: int = 0
    asked: int = 0
    """How many different questions the engine answered."""
    seconds: float = 0.0
    ends: dict[str, int] = field(default_factory=dict)
    """How many worlds stand at each end, by phase and reason."""
    violation: Violation | None = None


class Explorer:
    """Explores one model in full, or up to its first violation."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._numbers: dict[World, int] = {}
        self._worlds: list[World] = []
        self._parents = array("q")
        self._by = array("q")
        self._moves: dict[Move, int] = {}
        self._sources = array("q")
        self._targets = array("q")
        """The transitions in which nothing goes wrong."""
        self._waits = bytearray()
        """Which of them put a write off: it is made a second later, so they are on no circle."""

    def explore(self) -> Exploration:
        """Every world, and then what can still come of each."""
        begun = time.perf_counter()
        result = Exploration(self._model.configuration.name)
        result.violation = self._search(result) or self._hopeless() or self._ambiguous()
        result.states = len(self._worlds)
        result.asked = self._model.brain.asked
        result.seconds = time.perf_counter() - begun
        self._count_ends(result)
        return result

    def _search(self, result: Exploration) -> Violation | None:
        model, numbers, worlds = self._model, self._numbers, self._worlds
        self._reach(model.beginning(), -1, ())
        place = 0
        while place < len(worlds):
            world = worlds[place]
            steps = model.steps(world)
            result.transitions += len(steps)
            for move, after, broken in steps:
                number = numbers.get(after)
                if number is None:
                    number = self._reach(after, place, move)
                if broken:
                    return Violation(result.configuration, broken, (*self._path(place), move))
                if move[0] not in _FAULTS and "dies" not in move[1] and number != place:
                    self._sources.append(place)
                    self._targets.append(number)
                    self._waits.append(move[-1] == "puts its write off")
            if model.idle(world) and (forgotten := model.forgotten(world)):
                broken = f"at_rest_nothing_is_left_to_do: {forgotten}"
                return Violation(result.configuration, broken, self._path(place))
            assert len(worlds) < STATES_MAX, f"{result.configuration} has more than {STATES_MAX} states"
            place += 1
        return None

    def _reach(self, world: World, parent: int, move: Move) -> int:
        number = self._numbers[world] = len(self._worlds)
        self._worlds.append(world)
        self._parents.append(parent)
        self._by.append(self._moves.setdefault(move, len(self._moves)))
        return number

    def _path(self, number: int) -> tuple[Move, ...]:
        """The moves that lead there."""
        moves = list(self._moves)
        found = []
        while self._parents[number] >= 0:
            found.append(moves[self._by[number]])
            number = self._parents[number]
        return tuple(reversed(found))

    def _hopeless(self) -> Violation | None:
        """Liveness: from every world, if nothing more goes wrong, the run can come to an end or to a person."""
        model, worlds = self._model, self._worlds
        good = bytearray(len(worlds))
        open_ = [n for n, world in enumerate(worlds) if model.stands(world) and model.idle(world)]
        for number in open_:
            good[number] = 1
        into = _Grouped(self._targets, self._sources, len(worlds))
        while open_:
            for source in into(open_.pop()):
                if not good[source]:
                    good[source] = 1
                    open_.append(source)
        lost = good.find(0)
        if lost < 0:
            return self._endless()
        broken = "every_run_can_come_to_its_end: from here it cannot, whatever happens"
        return Violation(model.configuration.name, broken, self._path(lost))

    def _endless(self) -> Violation | None:
        """Rule 10: no circle of worlds in which somebody writes, while nothing goes wrong. A circle has no end."""
        count = len(self._worlds)
        moving = [n for n, put_off in enumerate(self._waits) if not put_off]
        sources = array("q", (self._sources[n] for n in moving))
        targets = array("q", (self._targets[n] for n in moving))
        before = array("q", bytes(8 * count))
        for target in targets:
            before[target] += 1
        onward = _Grouped(sources, targets, count)
        open_ = [n for n in range(count) if not before[n]]
        while open_:
            for target in onward(open_.pop()):
                before[target] -= 1
                if not before[target]:
                    open_.append(target)
        number = next((n for n in range(count) if before[n]), None)
        if number is None:
            return None
        back, seen = _Grouped(targets, sources, count), set[int]()
        while number not in seen:  # It is on a circle, or behind one: backwards the way never ends.
            seen.add(number)
            number = next(source for source in back(number) if before[source])
        broken = "no_run_goes_in_circles: it can come back to where it is"
        return Violation(self._model.configuration.name, broken, self._path(number))

    def _ambiguous(self) -> Violation | None:
        """Rule 12: the outcome depends on what the Jobs did, not on the order in which it was seen."""
        model = self._model
        if not model.configuration.plain:
            return None
        outcomes: dict[object, object] = {}
        for number, world in enumerate(self._worlds):
            if model.stands(world) and model.idle(world):
                status = model.brain.status(model.stored[world[0]].status)
                did = tuple((j.name, j.pod, j.says) for j in model.jobs[world[1]])
                states = sorted((r.name, r.state, r.compensation and r.compensation.state) for r in status.steps)
                outcome = (status.phase, status.reason, tuple(states))
                known = outcomes.setdefault(did, outcome)
                if known != outcome:
                    broken = f"the_outcome_does_not_depend_on_what_was_seen_first: {known} elsewhere, {outcome} here"
                    return Violation(model.configuration.name, broken, self._path(number))
        return None

    def _count_ends(self, result: Exploration) -> None:
        ends: dict[str, int] = defaultdict(int)
        for world in self._worlds:
            if self._model.stands(world) and self._model.idle(world):
                status = self._model.brain.status(self._model.stored[world[0]].status)
                gone = ", and gone" if self._model.stored[world[0]].gone else ""
                ends[f"{status.phase}/{status.reason}{gone}"] += 1
        result.ends = dict(sorted(ends.items()))


class _Grouped:
    """Values by key, both numbers; as compact as the transitions themselves."""

    def __init__(self, keys: "array[int]", values: "array[int]", count: int) -> None:
        self._begins = array("q", bytes(8 * (count + 1)))
        for key in keys:
            self._begins[key + 1] += 1
        for place in range(count):
            self._begins[place + 1] += self._begins[place]
        nexts = array("q", self._begins)
        self._values = array("q", bytes(8 * len(values)))
        for key, value in zip(keys, values, strict=True):
            self._values[nexts[key]] = value
            nexts[key] += 1

    def __call__(self, key: int) -> "array[int]":
        """The values of a key."""
        return self._values[self._begins[key] : self._begins[key + 1]]
