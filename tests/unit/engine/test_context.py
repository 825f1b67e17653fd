"""What references resolve to."""

import pytest
from world import World, request, step

from kubesaga.engine.context import Context


def test_a_forward_reference_to_nothing_is_an_error_and_one_of_an_undo_is_empty() -> None:
    world = World(step("a"), parameters=[{"name": "p", "value": "v"}])
    forward = Context(world.workflow(), world.plan(), {}, lenient=False)
    undo = Context(world.workflow(), world.plan(), {}, lenient=True)
    assert forward["params.p"] == "v"
    assert undo["steps.a.outputs.k"] == ""
    with pytest.raises(KeyError):
        forward["steps.a.outputs.k"]


def test_it_lists_what_is_known_beforehand() -> None:
    world = World(step("a"))
    context = Context(world.workflow(), world.plan(), {}, lenient=False, attempt=2)
    assert len(context) == len(list(context)) == 9
    assert dict(context)["attempt"] == "2"


def test_an_undo_is_told_what_became_of_its_step() -> None:
    told = {"container": {"image": "i", "args": ["$(steps.b.outcome)", "$(steps.a.outcome)", "$(failure.reason)"]}}
    world = World(step("a"), step("b", "a", undo=told))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    container = world.last.actions[0].manifest["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["Failed", "Succeeded", "StepFailed"]


def test_the_outcome_of_what_was_skipped_says_so_and_waits_for_it() -> None:
    world = World(step("a"), step("b", container={"image": "i", "args": ["$(steps.a.outcome)"]}), suspend=True)
    world.passes()
    request(world, "skip-step", "a@1")
    world.spec["suspend"] = False
    world.passes()
    assert world.last.actions[0].manifest["spec"]["template"]["spec"]["containers"][0]["args"] == ["Skipped"]


def test_the_outcome_of_what_never_began_is_empty() -> None:
    world = World(step("a"))
    assert Context(world.workflow(), world.plan(), {}, lenient=True)["steps.a.outcome"] == ""
