"""The requests `stop` and `terminate`: an end without undoing."""

import pytest
from world import COMPENSATION, World, request, step

from kubesaga.engine.decision import Write


def running(**spec: object) -> World:
    """a is done, b runs, c is to come; a and b have undos."""
    world = World(step("a", undo=True), step("b", "a", undo=True), step("c", "b"), **spec)
    world.passes()
    world.succeed("a").passes()
    return world


def rolling_back() -> World:
    """b has failed; the undo of a runs, that of the first step waits for it."""
    world = World(step("z", undo=True), step("a", "z", undo=True), step("b", "a"))
    world.passes()
    world.succeed("z").passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert world.actions() == ["undo a"]
    return world


def test_stop_lets_what_runs_end_and_starts_and_undoes_nothing() -> None:
    world = running()
    assert request(world, "stop")[0]
    assert (world.status.phase, world.status.reason, world.actions()) == ("Running", "Draining", [])
    assert world.status.conditions[0].message.startswith("stopped on request; waits for the Job of step b")
    world.succeed("b").passes()
    assert (world.status.phase, world.status.reason, world.actions()) == ("Cancelled", "Stopped", [])
    assert world.states() == {"a": "Succeeded", "b": "Succeeded"}
    assert world.condition("Succeeded") == ("False", "Stopped")


def test_a_step_that_fails_while_it_stops_is_not_retried_nor_undone() -> None:
    world = running(defaults={"retry": {"limit": 3}})
    request(world, "stop")
    world.fail("b").passes()
    assert (world.status.phase, world.status.reason, world.undo("a")) == ("Cancelled", "Stopped", None)
    assert world.status.failure.message == "stopped on request; step b failed: exit code 1: no luck"


def test_a_step_that_waits_for_its_next_attempt_does_not_try_again() -> None:
    world = running(defaults={"retry": {"limit": 3}})
    world.fail("b").passes()
    assert world.states()["b"] == "Retrying"
    request(world, "stop")
    assert (world.states()["b"], world.status.reason) == ("Failed", "Stopped")


def test_a_step_that_had_not_begun_never_begins() -> None:
    world = World(step("a"), step("b"))
    world.passes()
    del world.jobs[world.name("b")]
    request(world, "stop")
    assert world.actions() == ["tombstone b"]
    world.succeed("a").passes()
    assert (world.status.phase, world.states()["b"]) == ("Cancelled", "Cancelled")


def test_a_stop_that_stops_nothing_is_a_success() -> None:
    world = World(step("a"))
    world.passes()
    request(world, "stop")
    world.succeed("a").passes()
    assert (world.status.phase, world.status.failure) == ("Succeeded", None)


def test_a_cancel_after_a_stop_undoes() -> None:
    world = running()
    request(world, "stop")
    assert request(world, "cancel")[0]
    assert (world.status.phase, world.actions()) == ("RollingBack", ["stop b"])


def test_a_rollback_after_a_stop_undoes_also_when_it_has_ended() -> None:
    world = running()
    request(world, "stop")
    world.succeed("b").passes()
    assert request(world, "rollback")[0]
    assert (world.status.phase, world.status.epoch, world.actions()) == ("RollingBack", 2, ["undo b"])


def test_a_stopped_run_goes_on_by_retry() -> None:
    world = running()
    request(world, "stop")
    world.succeed("b").passes()
    assert request(world, "retry")[0]
    assert (world.status.phase, world.actions(), world.status.stop_time) == ("Running", ["create c"], None)


@pytest.mark.parametrize(
    ("sentence", "verb", "message"),
    [
        ("twice", "stop", "the Workflow is ending already"),
        ("rollback is not stopped", "stop", "a rollback is never stopped: suspend holds it up, terminate gives it up"),
    ],
)
def test_a_stop_that_does_not_apply_is_refused(sentence: str, verb: str, message: str) -> None:
    world = running() if sentence == "twice" else rolling_back()
    if sentence == "twice":
        request(world, verb)
    assert request(world, verb, "2") == (False, message)


@pytest.mark.parametrize("verb", ["stop", "terminate"])
def test_what_comes_with_the_last_success_is_too_late(verb: str) -> None:
    world = World(step("a"))
    world.passes()
    world.annotations[f"kubesaga.dev/{verb}"] = "1"
    world.succeed("a").passes()
    assert world.status.handled_requests[-1].message == "every step has succeeded"
    assert world.status.phase == "Succeeded"


def test_terminate_stops_what_runs_and_says_that_nothing_was_undone() -> None:
    world = running()
    assert request(world, "terminate")[0]
    assert (world.status.phase, world.status.reason, world.actions()) == ("Running", "Stopping", ["stop b"])
    world.fail("b", reason="DeadlineExceeded").passes()
    assert (world.status.phase, world.status.reason) == ("Cancelled", "Terminated")
    assert world.states() == {"a": "Succeeded", "b": "Cancelled"}
    message = "terminated on request, nothing was undone: the state may be inconsistent"
    assert world.status.conditions[0].message == message


def test_terminate_keeps_the_first_cause() -> None:
    world = World(step("a"), step("b"))
    world.passes()
    world.fail("b").passes()
    request(world, "terminate")
    world.fail("a", reason="DeadlineExceeded").passes()
    assert (world.status.phase, world.status.reason) == ("Cancelled", "Terminated")
    assert world.status.failure.reason == "StepFailed"
    assert world.status.conditions[0].message.endswith("; step b failed: exit code 1: no luck")


def test_terminate_ends_a_rollback_and_stops_its_undos() -> None:
    world = rolling_back()
    assert request(world, "terminate")[0]
    assert world.actions() == ["stop a"]
    world.fail("a", direction=COMPENSATION, reason="DeadlineExceeded").passes()
    assert (world.status.phase, world.status.reason) == ("RollbackFailed", "Terminated")
    assert world.states() == {"z": "Succeeded", "a": "Succeeded/Cancelled", "b": "Failed"}
    assert world.status.failure.step == "b"
    left = "left: z (its undo has not begun), a (its undo was stopped: Stopped); "
    assert world.status.conditions[0].message.startswith(left)
    assert world.passes().write is Write.NONE


def test_an_undo_that_had_not_begun_never_begins_after_terminate() -> None:
    world = rolling_back()
    del world.jobs[world.name("a", COMPENSATION)]
    request(world, "terminate")
    assert world.actions() == ["tombstone a"]
    world.passes()
    assert (world.status.phase, world.undo("a").state) == ("RollbackFailed", "Cancelled")


def test_an_undo_that_waits_for_its_next_attempt_ends_with_terminate() -> None:
    world = rolling_back()
    world.fail("a", direction=COMPENSATION).passes()
    request(world, "terminate")
    assert (world.status.phase, world.undo("a").state) == ("RollbackFailed", "Failed")


def test_a_blocked_rollback_ends_with_terminate() -> None:
    no_retry = {"container": {"image": "i"}, "retry": {"limit": 0}}
    world = World(step("a", undo=no_retry), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    world.fail("a", direction=COMPENSATION).passes()
    assert world.status.phase == "RollbackBlocked"
    request(world, "terminate")
    assert (world.status.phase, world.status.reason) == ("RollbackFailed", "Terminated")


def test_nothing_else_is_answered_while_it_terminates() -> None:
    world = running()
    request(world, "terminate")
    for verb in ("terminate", "rollback", "cancel", "stop", "suspend"):
        assert request(world, verb, "2") == (False, "the Workflow is being terminated already")


def test_of_requests_at_once_the_strongest_wins() -> None:
    world = running()
    world.annotations = {f"kubesaga.dev/{verb}": "1" for verb in ("stop", "cancel", "rollback", "terminate")}
    world.passes()
    accepted = [one.verb for one in world.status.handled_requests if one.accepted]
    assert (accepted, len(world.status.handled_requests)) == (["terminate"], 4)
    assert world.status.rollback is None


def test_what_is_stopping_is_not_suspended() -> None:
    world = running()
    request(world, "stop")
    refused = (False, "the Workflow is ending, and starts nothing that could be held up")
    assert request(world, "suspend") == refused
