"""The judgement of one seed: the run with faults against the same run without."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from simulation.excuses import freed
from simulation.faults import KINDS, Fault, draw_plan, tamed
from simulation.history import History
from simulation.invariants import violations
from simulation.run import REST_SECONDS, play
from simulation.scenarios import Scenario, draw_scenario

_STILL: Final = ("node-cut-off", "node-dies")
"""Faults that take from the time that attempts have: not where one has a time limit."""


@dataclass(slots=True)
class Verdict:
    """What became of one seed."""

    seed: int
    scenario: Scenario
    plan: Sequence[Fault]
    calm: History
    stormy: History
    violations: list[str]

    @property
    def struck(self) -> Counter[str]:
        """The faults that did strike, by kind."""
        return self.stormy.struck


def judge(seed: int, *, rest_seconds: float = REST_SECONDS, plan: Sequence[Fault] | None = None) -> Verdict:
    """Run a seed without faults and with them, and compare. A `plan` that is given takes the place of the seed's."""
    scenario = draw_scenario(seed)
    calm = play(scenario, rest_seconds=0.0)
    plan = plan_of(scenario, calm.calls) if plan is None else plan
    stormy = play(scenario, plan, rest_seconds=rest_seconds)
    stormy.disturbed = any(KINDS[one].loose for one in stormy.struck)
    found = [f"without faults: {one}" for one in violations(calm)] + violations(stormy)
    if scenario.strict:
        found += list(differences(calm, stormy))
    return Verdict(seed, scenario, plan, calm, stormy, found)


def plan_of(scenario: Scenario, calls: int) -> list[Fault]:
    """The faults of a seed."""
    chance = Random(f"{scenario.seed}/faults")
    count = min(chance.choice((1, 2, 4, 8, 16)), 2 + calls // 3)
    without = _STILL if scenario.strict and scenario.limited else ()
    plan = draw_plan(chance, calls, count, loose=not scenario.strict, without=without)
    return tamed(plan) if scenario.strict and (scenario.timed or scenario.plans) else plan


def differences(calm: History, stormy: History) -> Iterator[str]:
    """What faults have changed of the outcome."""
    expected, found = calm.end_state(), stormy.end_state()
    for key, value in expected.items():
        if found[key] != value:
            yield f"the end state is that of the run without faults: {key}: {_difference(value, found[key])}"
    jobs, others, again = calm.jobs(), stormy.jobs(), freed(stormy)
    for name in sorted(jobs.keys() | others.keys()):
        repeated = 0 < jobs[name] < others[name] and name.split()[2] in again
        if jobs[name] != others[name] and not repeated:
            yield f"Jobs are those of the run without faults: {name}: {jobs[name]} times, with faults {others[name]}"


def _difference(expected: object, found: object) -> str:
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
        return "; ".join(f"{key}: {expected.get(key)} became {found.get(key)}" for key in keys[:3])
    return f"{expected} became {found}"
