"""`onFailure: Continue`: everything that does not depend on a failure still runs, and nothing is undone by itself."""

import pytest
from world import COMPENSATION, World, request, step


def going(*steps: dict[str, object], **spec: object) -> World:
    world = World(*steps, onFailure="Continue", **spec)
    world.settles()
    return world


def reached(world: World) -> tuple[str, str]:
    return world.status.phase, world.status.reason


def message(world: World) -> str:
    return next(one.message for one in world.status.conditions if one.type == "Succeeded")


def test_a_failure_is_recorded_only_when_everything_is_over() -> None:
    world = going(step("a"), step("b", "a"), step("c"), step("d", "c"))
    world.fail("a").settles()
    assert (world.status.phase, world.status.failure) == ("Running", None)
    world.succeed("c").settles()
    assert world.states() == {"a": "Failed", "c": "Succeeded", "d": "Running"}
    world.succeed("d").settles()
    assert reached(world) == ("Failed", "PartiallyCompleted")
    assert message(world) == "step a failed: exit code 1: no luck; never started: b"
    assert world.status.failure.reason == "StepFailed"
    assert world.passes().write == "None"


def test_retries_of_other_steps_are_waited_for() -> None:
    world = going(step("a"), step("b", retry={"limit": 1, "backoffSeconds": 5}))
    world.fail("a", "b").settles()
    assert world.status.phase == "Running"
    world.after(5).settles()
    world.succeed("b").settles()
    assert reached(world) == ("Failed", "PartiallyCompleted")
    assert message(world) == "step a failed: exit code 1: no luck"


def test_nothing_is_undone_until_a_person_asks_for_it() -> None:
    world = going(step("a", undo=True), step("b", undo=True))
    world.fail("a").settles()
    world.succeed("b").settles()
    assert (reached(world), world.status.rollback) == (("Failed", "PartiallyCompleted"), None)
    assert request(world, "rollback")[0]
    world.settles()
    world.succeed("a", "b", direction=COMPENSATION).settles()
    assert reached(world) == ("RolledBack", "RolledBackOnRequest")


@pytest.mark.parametrize("in_flight", ["Drain", "Cancel"])
def test_a_failure_stops_nothing_whatever_in_flight_says(in_flight: str) -> None:
    world = going(step("a"), step("b"), inFlight=in_flight)
    world.fail("a").settles()
    assert world.states() == {"a": "Failed", "b": "Running"}
    assert world.actions() == []


def test_the_deadline_still_ends_it() -> None:
    world = going(step("a"), step("b"), timeoutSeconds=60)
    world.fail("a").settles()
    world.after(60).passes()
    assert world.actions() == ["stop b"]
    world.fail("b", reason="DeadlineExceeded").settles()
    assert reached(world) == ("Failed", "DeadlineExceeded")
    assert "step a failed" in message(world)


def test_a_cancel_undoes_what_was_done_as_ever() -> None:
    world = going(step("a", undo=True), step("b"))
    world.fail("b").settles()
    request(world, "cancel")
    world.fail("a", reason="DeadlineExceeded").settles()
    assert world.states() == {"a": "Cancelled/Running", "b": "Failed"}


def test_a_retry_runs_what_failed_and_what_never_started() -> None:
    world = going(step("a"), step("b", "a"), step("c"))
    world.fail("a").settles()
    world.succeed("c").settles()
    assert request(world, "retry")[0]
    world.succeed("a").settles()
    world.succeed("b").settles()
    assert reached(world) == ("Succeeded", "Succeeded")


def test_steps_that_wait_for_a_failure_run_before_the_end() -> None:
    world = going(step("a"), step("b", "a"), step("c", "b", triggerRule="AnyFailed"))
    world.fail("a").settles()
    assert world.states() == {"a": "Failed", "c": "Running"}
    world.succeed("c").settles()
    assert message(world) == "step a failed: exit code 1: no luck; never started: b"


def test_the_first_failure_in_the_order_of_the_plan_is_the_cause() -> None:
    world = going(step("a"), step("b"))
    world.fail("b").settles()
    world.fail("a").settles()
    assert world.status.failure.step == "a"


def test_an_approval_goes_on_being_waited_for() -> None:
    world = going(step("a"), {"name": "b", "approval": {"message": "go on?"}}, step("c", "b"))
    world.fail("a").settles()
    assert reached(world) == ("Suspended", "WaitingForApproval")
    request(world, "approve", "b@1")
    world.succeed("c").settles()
    assert reached(world) == ("Failed", "PartiallyCompleted")


def test_what_runs_when_everything_else_has_failed_is_waited_for_after_a_stop() -> None:
    world = going(step("a"), step("b"), step("c", "b"))
    world.fail("a").settles()
    request(world, "stop")
    world.succeed("b").settles()
    assert reached(world) == ("Cancelled", "Stopped")
    assert message(world) == "stopped on request; step a failed: exit code 1: no luck"
