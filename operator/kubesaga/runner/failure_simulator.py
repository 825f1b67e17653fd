"""The failure simulator: one plan in virtual time, once for each way in which it may fail."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from kubesaga.engine.plan import Plan
from kubesaga.runner.simulator import SimulatedRun, Simulator, as_json, scripted, ways_to_fail

_WAYS_A_PROCESS_MIN: Final = 20
"""For fewer a process of its own does not pay."""


class FailureSimulator:
    """Runs one plan in virtual time, each time with another failure.

    Until a step begins, nothing tells the run in which it fails from the one in which nothing does. That one is run
    once, and each of the others leaves it there.
    """

    def __init__(self, plan: Plan, durations: Mapping[str, float], name: str = "") -> None:
        self._plan = plan
        self._durations = durations
        self._before: dict[str, Simulator] = {}
        """Step -> the run at the moment before it begins."""
        self._sound = Simulator.of(plan, scripted(plan, durations), name)
        over = False
        while not over:
            moment = self._sound.fork(self._sound.jobs.script)
            over = self._sound.advance()
            self._before |= dict.fromkeys(self._sound.begun() - self._before.keys(), moment)

    def run(self, failed: str) -> SimulatedRun:
        """What comes of it where `failed`, one of `ways_to_fail`, fails; a step that never begins fails nothing."""
        begins = self._before.get(failed.partition("/")[0])
        if begins is None:
            return self._sound.result()
        return begins.fork(scripted(self._plan, self._durations, failed), failed).run()


def simulate_each_failure(
    plan: Plan, durations: Mapping[str, float], name: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The run for each of `ways_to_fail`, as `as_json` writes it, with that name and in that order.

    No run depends on another: many are shared among the cores, where processes can be forked.
    """
    ways = ways_to_fail(plan)
    processes = min(os.cpu_count() or 1, len(ways) // _WAYS_A_PROCESS_MIN)
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        simulator = FailureSimulator(plan, durations, name)
        yield from ((failed, as_json(simulator.run(failed))) for failed in ways)
        return
    # Forked, a process has the plan: compiled conditions cannot be sent to one.
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, forked, _begin_process, (plan, durations, name)) as pool:
        yield from zip(ways, pool.map(_run, ways, chunksize=4), strict=True)


_simulator: FailureSimulator
"""That of a forked process."""


def _begin_process(plan: Plan, durations: Mapping[str, float], name: str) -> None:
    global _simulator
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # An interrupt is for the process that forked this one.
    _simulator = FailureSimulator(plan, durations, name)


def _run(failed: str) -> dict[str, Any]:
    return as_json(_simulator.run(failed))
