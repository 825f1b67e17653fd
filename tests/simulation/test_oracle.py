"""What the oracle asks for: all that is promised, and no more. Each case was found by a seed once."""

from dataclasses import replace
from typing import Any

import pytest

from kubesaga.controller.workflow_cache import WorkflowCache
from simulation.defects import planted
from simulation.faults import Fault
from simulation.history import FORWARD, History
from simulation.invariants import violations
from simulation.oracle import differences, plan_of
from simulation.run import play
from simulation.scenarios import Scenario

DELETED = [{"name": "a", "container": {"image": "i"}, "compensate": {"deleteJob": {}}}]
LATE_CREATE = [
    Fault("paused-between-write-and-effects", at=1, seconds=20.0, number=20),
    Fault("quota", at=8, seconds=12.0, number=0),
]
"""A leader stands still before it creates the Job of a, and wakes when a quota has kept the tombstone away."""


def drawn(steps: list[dict[str, Any]], **fields: Any) -> Scenario:
    """A strict scenario of these steps."""
    spec = {"steps": steps, **fields}
    last = {step["name"]: step for step in fields.get("finally", ())}
    return Scenario(1, True, spec, steps={step["name"]: step for step in steps}, last=last)


def undone_by_deletion() -> Scenario:
    scenario = drawn(DELETED)
    scenario.fail("a", FORWARD, 1)
    return scenario


def creates(history: History) -> list[str]:
    return [birth.work.step for birth in history.births if not birth.tombstone]


def test_a_leader_that_wakes_while_a_name_is_free_may_create_a_job_again() -> None:
    scenario = undone_by_deletion()
    calm, stormy = play(scenario), play(scenario, LATE_CREATE)
    assert (creates(calm), creates(stormy)) == (["a"], ["a", "a"])
    assert (violations(stormy), list(differences(calm, stormy))) == ([], [])


def test_a_job_that_came_again_is_deleted_before_the_undo_is_done() -> None:
    with planted("an undo by deletion is done once it is begun"):
        found = violations(play(undone_by_deletion(), LATE_CREATE))
    assert any(one.startswith("an undo by deletion leaves no Job") for one in found)


def test_nobody_creates_a_job_again_without_a_leader_that_slept() -> None:
    history = play(undone_by_deletion(), LATE_CREATE)
    history.struck.clear()
    assert any(one.startswith("a Job is created once under its name") for one in violations(history))


def test_a_late_answer_does_not_bring_a_workflow_back_that_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = drawn([{"name": "a", "container": {"image": "i"}}])
    scenario.plans.append((10.0, "delete"))
    late = [Fault("slow", at=1, seconds=13.0, number=0)]
    assert violations(play(scenario, late)) == []
    monkeypatch.setattr(WorkflowCache, "_bury", lambda *_: None)
    found = violations(play(scenario, late))
    assert any(one.startswith("a Workflow that is gone gets at most one last Job") for one in found)


def test_an_approval_stays_given_when_its_answer_makes_room_for_others() -> None:
    history = play(drawn([{"name": f"a{n}", "approval": {"message": "all right?"}} for n in range(66)]))
    assert "a0" not in {one["target"] for one in history.status["handledRequests"]}
    assert violations(history) == []


@pytest.mark.parametrize("limited", ["steps", "finally"])
def test_where_an_attempt_has_a_time_limit_no_machine_takes_its_time(limited: str) -> None:
    step, last = {"name": "a", "container": {"image": "i"}}, {"name": "z", "container": {"image": "i"}}
    kinds = {limited: {"timeoutSeconds": 60}}
    scenario = drawn([step | kinds.get("steps", {})], **{"finally": [last | kinds.get("finally", {})]})
    plans = [plan_of(replace(scenario, seed=seed), 40) for seed in range(100)]
    assert not {fault.kind for plan in plans for fault in plan} & {"node-cut-off", "node-dies"}
