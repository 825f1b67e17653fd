"""`spec.outputs`: what a Workflow gives once it has succeeded."""

from typing import Any

from world import FINALLY, World, request, step

from kubesaga.api.names import Direction

OUTPUTS = [{"name": "id"}]


def outputs(**values: str) -> dict[str, Any]:
    return {"outputs": [{"name": name, "value": value} for name, value in values.items()]}


def started(*steps: dict[str, Any], **spec: Any) -> World:
    world = World(*steps, **spec)
    world.settles()
    return world


def test_they_are_given_once_every_step_has_succeeded_and_not_before() -> None:
    told = outputs(what="$(params.p)/$(steps.a.outputs.id) $(steps.b.outcome) $(workflow.name)", plain="a $5 text")
    world = started(step("a", outputs=OUTPUTS), step("b"), parameters=[{"name": "p", "value": "v"}], **told)
    world.succeed("a", message='{"id": "$(params.p)"}').settles()
    assert world.status.outputs is None
    world.succeed("b").settles()
    name = world.workflow().name
    assert world.status.outputs == {"what": f"v/$(params.p) Succeeded {name}", "plain": "a $5 text"}


def test_a_workflow_that_declares_none_gives_none() -> None:
    world = started(step("a"))
    world.succeed("a").settles()
    assert (world.status.phase, world.status.outputs) == ("Succeeded", None)


def test_what_a_step_never_gave_is_empty() -> None:
    skipped = step("a", outputs=OUTPUTS, when="false")
    optional = step("b", outputs=OUTPUTS, optional=True)
    world = started(skipped, optional, **outputs(a="$(steps.a.outputs.id)", b="<$(steps.b.outputs.id)>"))
    world.fail("b").settles()
    assert (world.status.phase, world.status.outputs) == ("Succeeded", {"a": "", "b": "<>"})


def test_a_run_that_fails_gives_none() -> None:
    world = started(step("a", outputs=OUTPUTS), step("b", "a"), **outputs(a="$(steps.a.outputs.id)"))
    world.succeed("a", message='{"id": "1"}').settles()
    world.fail("b").settles()
    assert (world.status.phase, world.status.outputs) == ("Failed", None)


def test_they_come_with_the_end_after_the_finally_steps_and_not_if_one_of_them_failed() -> None:
    last = [{"name": "z", "container": {"image": "i"}}]
    for ends, given in ((World.succeed, {"a": "x"}), (World.fail, None)):
        world = started(step("a"), **{"finally": last}, **outputs(a="x"))
        world.succeed("a").settles()
        assert world.status.outputs is None, "the finally steps run"
        ends(world, "z", direction=FINALLY).settles()
        assert world.status.outputs == given


def test_a_rollback_on_request_takes_them_away() -> None:
    world = started(step("a", undo=True), **outputs(a="x"))
    world.succeed("a").settles()
    assert world.status.outputs == {"a": "x"}
    request(world, "rollback", "1")
    world.settles()
    assert world.status.outputs is None
    world.succeed("a", direction=Direction.COMPENSATION).settles()
    assert (world.status.phase, world.status.outputs) == ("RolledBack", None)
