"""A spec with errors starts nothing, says all of them, and may be mended."""

from world import World, step

from kubesaga.engine.decision import Write


def test_every_error_is_said_and_nothing_starts() -> None:
    world = World(step("a", "nobody"), step("a"))
    world.passes()
    assert (world.status.phase, world.status.reason, world.status.start_time) == ("Failed", "InvalidSpec", None)
    assert "2 errors" in world.status.failure.message
    assert "spec.steps[0].dependsOn[0]" in world.status.failure.message
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    assert world.last.actions == ()
    assert world.passes().write is Write.NONE


def test_a_mended_spec_begins() -> None:
    world = World(step("a", "nobody"))
    world.passes()
    world.spec["steps"] = [step("a")]
    world.generation = 2
    world.passes()
    assert (world.status.phase, world.actions()) == ("Running", ["create a"])
    assert world.status.failure is None


def test_a_spec_that_became_invalid_while_running_stalls_and_touches_nothing() -> None:
    world = World(step("a"))
    world.passes()
    world.spec["steps"] = []
    world.passes()
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    assert (world.status.phase, world.states(), world.actions()) == ("Running", {"a": "Starting"}, [])
    assert world.passes().write is Write.NONE


def test_one_error_is_one_error() -> None:
    world = World(step("a", "nobody"))
    world.passes()
    assert world.status.failure.message.startswith("the spec has an error: ")
