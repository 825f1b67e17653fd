"""StateManager: what cannot be asked of it."""

import pytest
from world import COMPENSATION, FORWARD, World, step

from kubesaga.api.status import StepState
from kubesaga.engine.state import StateManager


def state(world: World) -> StateManager:
    return StateManager(world.workflow(), world.plan(), world.observed(), world.status, world.now)


def test_a_pending_step_cannot_be_moved() -> None:
    with pytest.raises(LookupError, match="Forward of a has no record"):
        state(World(step("a"))).move("a", FORWARD, StepState.FAILED)


def test_unchanged_records_keep_their_identity() -> None:
    world = World(step("a"), step("b"))
    world.passes()
    before = world.status.steps
    manager = state(world)
    manager.move("b", FORWARD, StepState.FAILED)
    after = manager.next_status().steps
    assert after[0] is before[0]
    assert after[1] is not before[1]


def test_the_retries_of_an_undo_are_its_own() -> None:
    world = World(step("a", undo=True))
    world.passes()
    assert state(world).retry_policy("a", FORWARD).limit == 0
    world.fail("a").settles()
    assert state(world).retry_policy("a", COMPENSATION).limit == 5
