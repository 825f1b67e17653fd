"""A status that no run leads to stalls its Workflow, and is told."""

import pytest
from world import World, step

from kubesaga.api.status import CompensationStatus, Phase, StepStatus, WorkflowStatus
from kubesaga.engine.decision import Write


def status(*steps: StepStatus, **fields: object) -> WorkflowStatus:
    return WorkflowStatus(phase="Running", start_time="2026-01-01T00:00:00Z", plan_version=1, steps=steps, **fields)


@pytest.mark.parametrize(
    ("says", "stored"),
    [
        ("status.steps has 2 records of step a", status(*[StepStatus(name="a", state="Running")] * 2)),
        ("status.steps names zz, which the spec does not", status(StepStatus(name="zz", state="Running"))),
        ("step b was started, and a, which it depends on", status(StepStatus(name="b", state="Running"))),
        ("without the outputs that it declares", status(StepStatus(name="a", state="Succeeded"))),
        (
            "has an undo that was never decided",
            status(StepStatus(name="a", state="Failed", compensation=CompensationStatus(state="Running"))),
        ),
        (
            "step a went by its fallback, and the spec has none",
            status(StepStatus(name="a", state="Running", way="Fallback")),
        ),
        (
            "has an undo that was never decided",
            status(
                StepStatus(name="a", state="Failed", compensation=CompensationStatus(state="Running")),
                rollback={"startTime": "2026-01-01T00:00:00Z"},
            ),
        ),
        (
            "a step is still running",
            status(StepStatus(name="a", state="Running")).model_copy(update={"phase": Phase.FAILED}),
        ),
        ("0 of 2 steps did", status().model_copy(update={"phase": Phase.SUCCEEDED})),
        ("planning rules of version 99", status().model_copy(update={"plan_version": 99})),
    ],
)
def test_a_contradiction_stalls_the_workflow_and_touches_nothing(says: str, stored: WorkflowStatus) -> None:
    world = World(step("a", outputs=[{"name": "k"}]), step("b", "a"))
    world.status = stored
    decision = world.passes()
    assert world.condition("Stalled") == ("True", "StateInconsistent")
    assert any(says in found for found in decision.inconsistencies)
    assert (decision.actions, world.status.steps) == ((), stored.steps)
    assert world.passes().write is Write.NONE


def test_the_stall_is_lifted_when_the_status_is_mended() -> None:
    world = World(step("a"))
    world.passes()
    good = world.status
    world.status = good.model_copy(update={"steps": good.steps * 2})
    world.passes()
    world.status = world.status.model_copy(update={"steps": good.steps})
    world.passes()
    assert world.condition("Stalled") is None
