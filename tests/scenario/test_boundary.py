"""Boundaries: a savepoint keeps what leads to it, an irreversible step is crossed and reported."""

from world import COMPENSATION, World, step


def undone(world: World) -> World:
    """Every undo that was begun has succeeded, and those after them."""
    while names := [name for name in world.steps if (undo := world.undo(name)) and undo.state == "Starting"]:
        world.succeed(*names, direction=COMPENSATION).passes()
    return world


def message(world: World) -> str:
    return next(c.message for c in world.status.conditions if c.type == "Succeeded")


def test_what_leads_to_a_savepoint_is_kept_and_all_else_is_undone() -> None:
    world = World(
        step("a", undo=True),
        step("b", "a", undo=True, boundary="Savepoint"),
        step("c", "b", undo=True),
        step("beside", undo=True),
        step("z", "c", "beside"),
    )
    world.passes()
    world.succeed("a", "beside").passes()
    world.succeed("b").passes()
    world.succeed("c").passes()
    world.fail("z").passes()
    assert world.actions() == ["undo beside", "undo c"]
    assert undone(world).states() == {
        "a": "Succeeded",
        "beside": "Succeeded/Succeeded",
        "b": "Succeeded",
        "c": "Succeeded/Succeeded",
        "z": "Failed",
    }
    assert (world.status.phase, world.status.reason) == ("PartiallyRolledBack", "SavepointReached")
    assert world.condition("Succeeded") == ("False", "SavepointReached")
    assert message(world).startswith("kept up to b; 2 steps undone; step z failed")
    assert world.status.rollback_progress == "2/2"


def test_a_savepoint_that_did_not_succeed_keeps_nothing() -> None:
    world = World(step("a", undo=True), step("b", "a", undo=True, boundary="Savepoint"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert undone(world).status.phase == "RolledBack"
    assert world.states() == {"a": "Succeeded/Succeeded", "b": "Failed/Succeeded"}


def test_a_savepoint_that_succeeds_while_others_are_waited_for_is_reached() -> None:
    world = World(step("a", undo=True, boundary="Savepoint"), step("b", undo=True))
    world.passes()
    world.fail("b").passes()
    assert world.status.phase == "RollingBack"
    world.succeed("a").passes()
    assert world.actions() == ["undo b"]
    assert undone(world).status.reason == "SavepointReached"


def test_where_nothing_follows_the_savepoint_that_could_be_undone_the_run_has_failed() -> None:
    world = World(step("a", undo=True, boundary="Savepoint"), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert (world.status.phase, world.status.rollback, world.states()) == (
        "Failed",
        None,
        {"a": "Succeeded", "b": "Failed"},
    )


def test_a_cancel_undoes_to_the_savepoint_too() -> None:
    world = World(step("a", undo=True, boundary="Savepoint"), step("b", "a", undo=True), step("c", "b"))
    world.passes()
    world.succeed("a").passes()
    world.succeed("b").passes()
    world.annotations["kubesaga.dev/cancel"] = "1"
    world.passes()
    world.job("c", active_deadline_seconds=1)
    world.fail("c", reason="DeadlineExceeded").passes()
    assert world.actions() == ["undo b"]
    assert undone(world).status.phase == "PartiallyRolledBack"


def test_an_irreversible_step_is_crossed_and_reported() -> None:
    world = World(step("a", undo=True), step("mail", "a", boundary="Irreversible"), step("z", "mail"))
    world.passes()
    world.succeed("a").passes()
    world.succeed("mail").passes()
    world.fail("z").passes()
    assert world.actions() == ["undo a"]
    assert undone(world).status.phase == "PartiallyRolledBack"
    assert world.status.reason == "IrreversibleStep"
    assert message(world).startswith("left: mail (it is irreversible); 1 step undone; step z failed")


def test_an_irreversible_step_that_failed_may_have_had_its_effect() -> None:
    world = World(step("a", undo=True), step("mail", "a", boundary="Irreversible"))
    world.passes()
    world.succeed("a").passes()
    world.fail("mail").passes()
    assert undone(world).status.reason == "IrreversibleStep"


def test_an_irreversible_step_before_the_savepoint_is_kept_with_it() -> None:
    world = World(
        step("mail", boundary="Irreversible"),
        step("save", "mail", boundary="Savepoint"),
        step("c", "save", undo=True),
        step("z", "c"),
    )
    world.passes()
    for name in ("mail", "save", "c"):
        world.succeed(name).passes()
    world.fail("z").passes()
    assert undone(world).status.reason == "SavepointReached"
    assert "left" not in message(world)


def test_an_irreversible_step_that_never_began_is_no_news() -> None:
    world = World(step("a", undo=True), step("b", "a"), step("mail", "b", boundary="Irreversible"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert undone(world).status.phase == "RolledBack"
