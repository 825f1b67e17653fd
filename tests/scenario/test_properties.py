"""What holds for every graph: random ones, run to their end in virtual time, with every kind of failure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesaga.api.names import Direction
from kubesaga.cli.manifest import read_manifests
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.runner.failure_simulator import simulate_each_failure
from kubesaga.runner.simulated_jobs import Ending
from kubesaga.runner.simulator import SimulatedRun, Simulator, Span, as_json, simulate, ways_to_fail

EXAMPLES = Path(__file__).parents[2] / "examples"


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A graph of up to 60 steps, with and without undos of every kind, under any policy."""
    count = draw(st.integers(1, 60))
    steps = []
    for index in range(count):
        before = [f"s{i}" for i in range(index)]
        dependencies = draw(st.lists(st.sampled_from(before), unique=True, max_size=4)) if before else []
        step = {"name": f"s{index}", "dependsOn": dependencies, "container": {"image": "i"}}
        step["retry"] = {"limit": draw(st.integers(0, 2)), "backoffSeconds": 1}
        if draw(st.booleans()):
            undo = draw(st.sampled_from([{"container": {"image": "i"}}, {"deleteJob": {}}]))
            step["boundary"] = draw(st.sampled_from([None, None, None, "Savepoint"]))
            step["compensate"] = {**undo, "when": draw(st.sampled_from(["Attempted", "Succeeded"]))}
        elif draw(st.booleans()):
            step["boundary"] = draw(st.sampled_from(["Irreversible", "Irreversible", "Pivot"]))
        steps.append(step)
    spec = {"steps": draw(st.permutations(steps)), "inFlight": draw(st.sampled_from(["Drain", "Cancel"]))}
    if draw(st.booleans()):
        spec["parallelism"] = draw(st.integers(1, 4))
    if draw(st.booleans()):
        spec["rollback"] = {"parallelism": draw(st.integers(1, 4))}
    return WorkflowPlanner().plan(spec)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Plan, SimulatedRun]:
    """A graph and a run of it in which some attempts fail and each takes its own time."""
    plan = draw(plans())
    failing = draw(st.sets(st.sampled_from(plan.order), max_size=3))
    return plan, Simulator.of(plan, script(failing, draw(st.integers(0, 2**31)))).run()


def script(failing: set[str], seed: int) -> Callable[[str, Direction, int], Ending]:
    """Durations by a small deterministic hash; forward attempts of `failing` fail."""

    def ending(step: str, direction: Direction, attempt: int) -> Ending:
        seconds = 1 + (hash_of(step, direction, attempt) ^ seed) % 7
        return Ending(seconds, exit_code=int(direction is Direction.FORWARD and step in failing))

    return ending


def hash_of(step: str, direction: Direction, attempt: int) -> int:
    return int(step[1:]) * 31 + attempt * 17 + len(direction)


def by_name(spans: tuple[Span, ...]) -> dict[str, Span]:
    return {span.name: span for span in spans}


def every_run_ends_and_its_phase_tells_how(plan: Plan, result: SimulatedRun) -> None:
    if all(states(result).get(name) == "Succeeded" for name in plan.order):
        assert result.phase == "Succeeded"
    elif passed(plan, result):
        assert (result.phase, result.status.reason) == ("Suspended", "ForwardRecovery")
    elif not result.compensations:
        assert result.phase == "Failed"
    else:
        left = saved(plan, result) or [r for r in result.status.steps if r.attempted and irreversible(plan, r.name)]
        assert result.phase == ("PartiallyRolledBack" if left else "RolledBack")


def no_step_starts_before_everything_it_depends_on_has_succeeded(plan: Plan, result: SimulatedRun) -> None:
    spans = by_name(result.steps)
    for name, span in spans.items():
        for dependency in plan.by_name[name].dependencies:
            assert spans[dependency].state == "Succeeded"
            assert spans[dependency].end_seconds <= span.start_seconds


def the_undo_set_is_what_was_attempted_and_declares_an_undo(plan: Plan, result: SimulatedRun) -> None:
    records = {record.name: record for record in result.status.steps if record.attempted}
    undos = {step.name: step.compensation for step in plan.steps if step.compensation}
    expected = {
        name
        for name, record in records.items()
        if name in undos and (undos[name].when == "Attempted" or record.state == "Succeeded")
    }
    for name in saved(plan, result):
        expected -= {name, *ancestors(plan, name)}
    nothing = result.phase == "Succeeded" or passed(plan, result)
    assert set(by_name(result.compensations)) == (set() if nothing else expected)


def past_a_pivot_everything_that_can_be_done_is_done(plan: Plan, result: SimulatedRun) -> None:
    if not passed(plan, result):
        return
    for name in plan.order:
        if all(states(result).get(dependency) == "Succeeded" for dependency in plan.by_name[name].dependencies):
            assert states(result).get(name) in ("Succeeded", "Failed", "Cancelled")


def undos_begin_after_quiescence_and_run_in_reversed_order(plan: Plan, result: SimulatedRun) -> None:
    undone = by_name(result.compensations)
    forward_end = max((span.end_seconds for span in result.steps), default=0)
    for name, span in undone.items():
        assert span.start_seconds >= forward_end
        for later in descendants(plan, name) & set(undone):
            assert undone[later].end_seconds <= span.start_seconds


def an_undo_waits_for_nothing_but_quiescence_and_the_undos_before_it(plan: Plan, result: SimulatedRun) -> None:
    """So independent undos overlap in time, wherever nobody limits them."""
    undone = by_name(result.compensations)
    if plan.rollback.parallelism is not None:
        return
    forward_end = max((span.end_seconds for span in result.steps), default=0)
    for name, span in undone.items():
        before = [undone[later].end_seconds for later in descendants(plan, name) & set(undone)]
        assert span.start_seconds == max([forward_end, *before])


def no_more_undos_run_at_once_than_are_allowed(plan: Plan, result: SimulatedRun) -> None:
    most = plan.rollback.parallelism or len(plan.steps)
    for moment in {span.start_seconds for span in result.compensations}:
        assert sum(s.start_seconds <= moment < s.end_seconds for s in result.compensations) <= most


def parallelism_is_never_exceeded(plan: Plan, result: SimulatedRun) -> None:
    if plan.parallelism is None or result.phase != "Succeeded":
        return
    for moment in {span.start_seconds for span in result.steps}:
        at_once = sum(s.start_seconds <= moment < s.end_seconds for s in result.steps)
        assert at_once <= plan.parallelism


PROMISES = (
    every_run_ends_and_its_phase_tells_how,
    no_step_starts_before_everything_it_depends_on_has_succeeded,
    the_undo_set_is_what_was_attempted_and_declares_an_undo,
    past_a_pivot_everything_that_can_be_done_is_done,
    undos_begin_after_quiescence_and_run_in_reversed_order,
    an_undo_waits_for_nothing_but_quiescence_and_the_undos_before_it,
    no_more_undos_run_at_once_than_are_allowed,
    parallelism_is_never_exceeded,
)


@settings(max_examples=200, deadline=None)
@given(runs())
def test_every_run_keeps_every_promise(run: tuple[Plan, SimulatedRun]) -> None:
    for promise in PROMISES:
        promise(*run)


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 2**31), st.integers(0, 2**31))
def test_the_undo_order_depends_on_the_graph_alone_never_on_timing(plan: Plan, first: int, second: int) -> None:
    """Where every step ran to its end, the same ones are undone; that the order fits the graph is shown above."""
    last = plan.order[-1]
    runs = [Simulator.of(plan, script({last}, seed)).run() for seed in (first, second)]
    ended = [{record.name: record.state for record in run.status.steps} for run in runs]
    if ended[0] == ended[1]:
        assert set(by_name(runs[0].compensations)) == set(by_name(runs[1].compensations))


def states(result: SimulatedRun) -> dict[str, str]:
    return {record.name: record.state for record in result.status.steps}


def saved(plan: Plan, result: SimulatedRun) -> set[str]:
    """The savepoints that were reached."""
    return {
        n for n, state in states(result).items() if state == "Succeeded" and plan.by_name[n].boundary == "Savepoint"
    }


def passed(plan: Plan, result: SimulatedRun) -> bool:
    """Whether a pivot has succeeded."""
    return any(states(result).get(name) == "Succeeded" for name in plan.pivots)


def irreversible(plan: Plan, name: str) -> bool:
    return plan.by_name[name].boundary == "Irreversible"


def ancestors(plan: Plan, name: str) -> set[str]:
    return {other for other in plan.order if name in descendants(plan, other)}


def descendants(plan: Plan, name: str) -> set[str]:
    found: set[str] = set()
    stack = [name]
    while stack:
        for dependent in plan.by_name[stack.pop()].dependents:
            if dependent not in found:
                found.add(dependent)
                stack.append(dependent)
    return found


@settings(max_examples=8, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**31))
def test_a_failure_that_leaves_a_shared_beginning_ends_as_one_simulated_from_the_start(plan: Plan, seed: int) -> None:
    durations = {name: float(1 + (hash_of(name, Direction.FORWARD, 1) ^ seed) % 7) for name in plan.order}
    assert list(simulate_each_failure(plan, durations)) == one_by_one(plan, durations)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_failure_of_an_example_ends_as_simulated_from_the_start(example: Path) -> None:
    for manifest in read_manifests(str(example), {}).manifests:
        assert list(simulate_each_failure(manifest.plan, {})) == one_by_one(manifest.plan, {})


def test_failures_shared_among_processes_end_as_simulated_one_by_one() -> None:
    run = {"container": {"image": "i"}}
    names = [f"step-{i}" for i in range(50)]  # Enough of them for two processes.
    steps = [
        {"name": name, "dependsOn": names[max(0, i - 2) : i], "when": "true", **run, "compensate": run}
        for i, name in enumerate(names)
    ]
    plan = WorkflowPlanner().plan({"steps": steps})
    assert list(simulate_each_failure(plan, {})) == one_by_one(plan, {})


def one_by_one(plan: Plan, durations: dict[str, float]) -> list[tuple[str, dict[str, Any]]]:
    return [(failed, as_json(simulate(plan, durations, failed))) for failed in ways_to_fail(plan)]
