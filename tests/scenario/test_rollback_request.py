"""The request `rollback`: undoes what was done, whether or not anything failed, also after the end."""

import pytest
from world import COMPENSATION, FORWARD, UID, World, step

from kubesaga.api.names import job_name
from kubesaga.engine.decision import PhaseTransition, Write

ROLLBACK = "kubesaga.dev/rollback"


def succeeded(**spec: object) -> World:
    world = World(step("a", undo=True), step("b", "a", undo=True), step("c", "b"), **spec)
    world.passes()
    for name in ("a", "b", "c"):
        world.succeed(name).passes()
    assert world.status.phase == "Succeeded"
    return world


def answer(world: World) -> tuple[bool, str]:
    handled = world.status.handled_requests[-1]
    return handled.accepted, handled.message


def test_a_succeeded_workflow_is_undone_in_an_epoch_of_its_own() -> None:
    world = succeeded()
    world.annotations[ROLLBACK] = "1"
    decision = world.passes()
    assert (world.status.phase, world.status.epoch, world.actions()) == ("RollingBack", 2, ["undo b"])
    assert PhaseTransition("Succeeded", "RollingBack") in decision.transitions
    assert [action.name for action in decision.actions] == [job_name(UID, "b", COMPENSATION, 1, epoch=2)]
    assert decision.actions[0].manifest["metadata"]["labels"]["kubesaga.dev/epoch"] == "2"
    assert world.condition("Succeeded") == ("Unknown", "RollingBack")
    assert world.status.completion_time is None


def test_it_ends_rolled_back_on_request() -> None:
    world = succeeded()
    world.annotations[ROLLBACK] = "1"
    world.passes()
    for name in ("b", "a"):
        undo_done(world, name)
    assert (world.status.phase, world.status.reason) == ("RolledBack", "RolledBackOnRequest")
    assert world.condition("Succeeded") == ("False", "RolledBackOnRequest")
    assert world.status.failure.reason == "RollbackRequested"
    assert world.states() == {"a": "Succeeded/Succeeded", "b": "Succeeded/Succeeded", "c": "Succeeded"}
    assert world.passes().write is Write.NONE


def undo_done(world: World, name: str) -> None:
    world.succeed(name, direction=COMPENSATION).passes()


def test_a_job_of_the_run_that_is_gone_since_does_not_hold_the_rollback_up() -> None:
    world = succeeded()
    gone = [world.vanish(name) for name in ("a", "b", "c")]
    world.annotations[ROLLBACK] = "1"
    world.passes()
    assert world.actions() == ["confirm a", "confirm b", "confirm c"]
    world.passes(*gone)
    assert world.actions() == ["undo b"]


def test_a_running_workflow_is_stopped_and_undone() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.annotations[ROLLBACK] = "1"
    world.passes()
    assert (world.status.phase, world.status.epoch, world.actions()) == ("RollingBack", 1, ["stop b"])
    world.job("b", active_deadline_seconds=1)
    world.fail("b", reason="DeadlineExceeded").passes()
    assert world.actions() == ["undo a"]
    world.succeed("a", direction=COMPENSATION).passes()
    assert (world.status.phase, world.status.reason) == ("RolledBack", "RolledBackOnRequest")


def test_what_failed_under_stop_can_be_undone_later_and_keeps_its_cause() -> None:
    world = World(step("a", undo=True), step("b", "a"), onFailure="Stop")
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert world.status.phase == "Failed"
    world.annotations[ROLLBACK] = "1"
    world.passes()
    assert (world.status.epoch, world.actions(), world.status.failure.step) == (2, ["undo a"], "b")


def test_a_time_to_live_begins_anew_after_the_rollback() -> None:
    world = succeeded(ttlSecondsAfterFinished=60)
    world.annotations[ROLLBACK] = "1"
    world.after(30).passes()
    assert world.after(60).passes().actions == ()
    for name in ("b", "a"):
        undo_done(world, name)
    assert world.status.phase == "RolledBack"
    world.after(59).passes()
    assert world.actions() == []
    world.after(1).passes()
    assert world.actions() == ["delete workflow"]


def test_a_savepoint_holds_for_a_rollback_on_request_too() -> None:
    world = World(step("a", undo=True, boundary="Savepoint"), step("b", "a", undo=True))
    world.passes()
    for name in ("a", "b"):
        world.succeed(name).passes()
    world.annotations[ROLLBACK] = "1"
    world.passes()
    assert world.actions() == ["undo b"]


@pytest.mark.parametrize(
    ("sentence", "steps", "token", "says"),
    [
        ("nothing declares an undo", (step("a"),), "1", "there is nothing to undo"),
        ("a target", (step("a", undo=True),), "a@1", "rollback takes no target"),
    ],
)
def test_what_does_not_apply_is_refused_and_changes_nothing(
    sentence: str, steps: tuple[dict, ...], token: str, says: str
) -> None:
    world = World(*steps)
    world.passes()
    world.succeed("a").passes()
    world.annotations[ROLLBACK] = token
    world.passes()
    assert (answer(world)[0], world.status.phase, world.status.epoch) == (False, "Succeeded", 1), sentence
    assert says in answer(world)[1]
    assert world.passes().write is Write.NONE


def test_a_second_rollback_is_refused() -> None:
    world = succeeded()
    world.annotations[ROLLBACK] = "1"
    world.passes()
    world.annotations[ROLLBACK] = "2"
    world.passes()
    assert answer(world) == (False, "there was a rollback already: the Workflow is RollingBack")
    for name in ("b", "a"):
        undo_done(world, name)
    world.annotations[ROLLBACK] = "3"
    world.passes()
    assert answer(world) == (False, "there was a rollback already: the Workflow is RolledBack")


def test_of_rollback_and_cancel_given_at_once_rollback_wins() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.annotations |= {ROLLBACK: "1", "kubesaga.dev/cancel": "1"}
    world.passes()
    assert world.status.failure.reason == "RollbackRequested"


def test_forward_jobs_keep_the_names_of_their_epoch() -> None:
    world = succeeded()
    names = set(world.jobs)
    world.annotations[ROLLBACK] = "1"
    world.passes()
    assert {world.name(name, FORWARD) for name in ("a", "b", "c")} <= names
