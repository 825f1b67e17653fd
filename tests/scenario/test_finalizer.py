"""deletionPolicy RollbackUnfinished: a deleted Workflow stays until what was done is undone."""

from world import COMPENSATION, World, step

from kubesaga.engine.decision import Write
from kubesaga.engine.finalizer import FINALIZER

HELD = (FINALIZER,)


def held(*more: object, **spec: object) -> World:
    """a is done, b runs; the finalizer is there."""
    steps = (step("a", undo=True), step("b", "a", undo=True))
    world = World(*steps, *more, deletionPolicy="RollbackUnfinished", **spec)
    world.passes()
    world.passes()
    world.succeed("a").passes()
    return world


def delete(world: World, *finalizers: str) -> World:
    world.deleting, world.finalizers = True, (*world.finalizers, *finalizers)
    world.passes(namespace_read=True)
    return world


def test_nothing_starts_before_the_finalizer_is_there() -> None:
    world = World(step("a"), deletionPolicy="RollbackUnfinished")
    world.finalizers = ("example.com/other",)
    assert world.passes().write is Write.NONE
    assert (world.actions(), world.jobs) == ([f"finalizers example.com/other {FINALIZER}"], {})
    world.passes()
    assert world.actions() == ["create a"]


def test_by_default_there_is_none() -> None:
    world = World(step("a"))
    world.passes()
    assert (world.finalizers, world.actions()) == ((), ["create a"])


def test_a_deletion_stops_what_runs_and_undoes_what_was_done() -> None:
    world = delete(held())
    assert (world.status.phase, world.actions()) == ("RollingBack", ["stop b"])
    assert world.status.failure.reason == "Deleted"
    world.fail("b", reason="DeadlineExceeded").passes(namespace_read=True)
    assert world.actions() == ["undo b"]
    for name in ("b", "a"):
        world.succeed(name, direction=COMPENSATION).passes(namespace_read=True)
    assert (world.status.phase, world.finalizers) == ("RolledBack", HELD)
    world.passes(namespace_read=True)
    assert (world.finalizers, world.passes().actions) == ((), ())


def test_no_step_starts_after_a_deletion() -> None:
    world = held(step("c", "b"))
    world.succeed("b")
    delete(world)
    assert (world.states(), world.actions()) == ({"a": "Succeeded", "b": "Succeeded/Starting"}, ["undo b"])


def test_also_under_on_failure_stop() -> None:
    assert delete(held(onFailure="Stop")).status.phase == "RollingBack"


def test_undos_wait_for_the_garbage_collector() -> None:
    for finalizer in ("foregroundDeletion", "orphan"):
        world = held(step("c", "b"))
        world.succeed("b")
        delete(world, finalizer)
        assert (world.status.phase, world.actions()) == ("RollingBack", [])
        assert world.status.conditions[0].message.endswith("waits for the garbage collector to take its finalizer away")
        world.finalizers = HELD
        world.passes(namespace_read=True)
        assert world.actions() == ["undo b"]


def test_what_has_ended_is_let_go_whether_or_not_it_is_deleted() -> None:
    world = held()
    world.succeed("b").passes()
    assert (world.status.phase, world.finalizers) == ("Succeeded", HELD)
    assert world.last.wake_at == world.now
    world.passes()
    assert world.finalizers == ()
    assert world.passes().actions == ()


def test_what_was_never_started_is_let_go() -> None:
    world = World(step("a", undo=True), deletionPolicy="RollbackUnfinished", suspend=True)
    world.passes()
    world.passes()
    delete(world)
    assert (world.status.phase, world.status.reason) == ("Cancelled", "Deleted")
    world.passes(namespace_read=True)
    assert world.finalizers == ()


def test_a_retry_of_what_has_ended_sets_it_again_first() -> None:
    world = held(onFailure="Stop")
    world.fail("b").passes()
    world.passes()
    assert (world.status.phase, world.finalizers) == ("Failed", ())
    world.annotations["kubesaga.dev/retry"] = "1"
    assert world.passes().write is Write.NONE
    assert (world.finalizers, world.status.epoch) == (HELD, 1)
    world.passes()
    assert (world.status.epoch, world.actions()) == (2, ["create b"])


def test_past_a_pivot_it_is_let_go_and_told() -> None:
    world = World(
        step("a", undo=True),
        step("p", "a", boundary="Pivot"),
        step("b", "p"),
        deletionPolicy="RollbackUnfinished",
    )
    world.passes()
    world.passes()
    world.succeed("a").passes()
    world.succeed("p").passes()
    delete(world)
    assert world.finalizers == ()
    [event] = world.last.events
    assert (event.reason, event.about_namespace) == ("Released", False)
    assert "the pivot p has succeeded, so nothing is undone; left: a, p" in event.message


def test_a_namespace_that_is_being_deleted_lets_it_go_and_tells_of_what_is_left() -> None:
    world = held()
    world.namespace_terminating = True
    delete(world)
    assert (world.finalizers, world.last.write) == ((), Write.NONE)
    [event] = world.last.events
    assert (event.reason, event.about_namespace) == ("Released", True)
    assert event.message == (
        "Workflow order is let go: namespace default is being deleted, so nothing more can be undone; left: a, b"
    )


def test_whether_that_is_so_is_asked_in_every_pass() -> None:
    world = held()
    world.deleting = True
    world.passes()
    assert "read namespace" in world.actions()


def test_a_blocked_rollback_keeps_it_until_a_person_decides() -> None:
    world = held(step("c", "b"))
    world.spec["steps"][0]["compensate"]["retry"] = {"limit": 0}
    world.succeed("b")
    delete(world)
    world.succeed("b", direction=COMPENSATION).passes(namespace_read=True)
    world.fail("a", direction=COMPENSATION).passes(namespace_read=True)
    assert (world.status.phase, world.finalizers) == ("RollbackBlocked", HELD)
    world.annotations["kubesaga.dev/abandon"] = "1"
    world.passes(namespace_read=True)
    assert world.status.phase == "RollbackFailed"
    world.annotations["kubesaga.dev/retry"] = "1"
    world.passes(namespace_read=True)
    assert world.status.handled_requests[-1].message == "the Workflow is being deleted"
    world.passes(namespace_read=True)
    assert world.finalizers == ()


def test_a_refused_spec_is_let_go() -> None:
    world = World(step("a", "nowhere"), deletionPolicy="RollbackUnfinished")
    world.finalizers = HELD
    world.passes()
    world.passes()
    assert (world.status.reason, world.finalizers) == ("InvalidSpec", ())


def test_a_deletion_is_told_as_the_cause() -> None:
    world = delete(held())
    assert "Deleted" in [event.reason for event in world.last.events]
    assert world.status.failure.message == "deleted before it had ended"
