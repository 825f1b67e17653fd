"""What references resolve to."""

import pytest
from world import COMPENSATION, FORWARD, World, step

from kubesaga.engine.context import Context


def test_a_forward_reference_to_nothing_is_an_error_and_one_of_an_undo_is_empty() -> None:
    world = World(step("a"), parameters=[{"name": "p", "value": "v"}])
    forward = Context(world.workflow(), world.plan(), {}, FORWARD, 1)
    undo = Context(world.workflow(), world.plan(), {}, COMPENSATION, 1)
    assert forward["params.p"] == "v"
    assert undo["steps.a.outputs.k"] == ""
    with pytest.raises(KeyError):
        forward["steps.a.outputs.k"]


def test_it_lists_what_is_known_beforehand() -> None:
    world = World(step("a"))
    context = Context(world.workflow(), world.plan(), {}, FORWARD, 2)
    assert len(context) == len(list(context)) == 7
    assert dict(context)["attempt"] == "2"
