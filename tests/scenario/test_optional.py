"""Optional steps: what fails of them is tolerated, and told."""

from world import COMPENSATION, World, request, step


def reached(world: World) -> tuple[str, str]:
    return world.status.phase, world.status.reason


def message(world: World) -> str:
    return next(one.message for one in world.status.conditions if one.type == "Succeeded")


def test_what_depends_on_an_optional_step_runs_after_its_failure() -> None:
    world = World(step("a", optional=True), step("b", "a"))
    world.passes()
    world.fail("a").passes()
    assert world.actions() == ["create b"]
    world.succeed("b").settles()
    assert reached(world) == ("Succeeded", "PartiallySucceeded")
    assert message(world) == "1 step succeeded; optional, and failed: a"
    assert (world.status.failure, world.status.progress) == (None, "1/2")
    assert world.condition("Succeeded") == ("True", "PartiallySucceeded")


def test_an_optional_step_uses_up_its_retries_first() -> None:
    world = World(step("a", optional=True, retry={"limit": 1, "backoffSeconds": 5}), step("b", "a"))
    world.passes()
    world.fail("a").settles()
    assert world.states() == {"a": "Retrying"}
    world.after(5).settles()
    world.fail("a").passes()
    assert world.states() == {"a": "Failed", "b": "Starting"}


def test_an_optional_step_that_is_stopped_has_not_failed() -> None:
    world = World(step("a", optional=True), step("b"), inFlight="Cancel")
    world.passes()
    world.fail("b").passes()
    world.fail("a", reason="DeadlineExceeded").settles()
    assert world.states() == {"a": "Cancelled", "b": "Failed"}
    assert reached(world) == ("Failed", "StepFailed")
    assert world.status.failure.step == "b"


def test_a_failed_optional_step_is_undone_when_the_run_is_rolled_back() -> None:
    world = World(step("a", optional=True, undo=True), step("b", "a"))
    world.passes()
    world.fail("a").passes()
    world.fail("b").settles()
    assert world.states() == {"a": "Failed/Running", "b": "Failed"}
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RolledBack", "RolledBack")


def test_a_partly_succeeded_run_is_undone_on_request_with_what_failed_of_it() -> None:
    world = World(step("a", optional=True, undo=True), step("b", "a", undo=True))
    world.passes()
    world.fail("a").passes()
    world.succeed("b").settles()
    assert request(world, "rollback")[0]
    world.settles()
    world.succeed("b", direction=COMPENSATION).settles()
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RolledBack", "RolledBackOnRequest")


def test_an_optional_approval_may_be_rejected() -> None:
    approval = {"name": "a", "approval": {"message": "go on?"}, "optional": True}
    world = World(approval, step("b", "a"))
    world.passes()
    assert request(world, "reject", "a@1") == (True, "step a is rejected")
    assert world.actions() == ["create b"]


def test_an_optional_step_that_failed_may_be_skipped_by_a_person() -> None:
    world = World(step("a", optional=True), step("b", "a"))
    world.passes()
    world.fail("a").passes()
    assert request(world, "skip-step", "a@1")[0]
    world.succeed("b").settles()
    assert reached(world) == ("Succeeded", "Succeeded")


def test_an_optional_step_does_not_hold_a_run_behind_a_pivot() -> None:
    world = World(step("p", boundary="Pivot"), step("a", "p", optional=True), step("b", "a"))
    world.passes()
    world.succeed("p").passes()
    world.fail("a").passes()
    world.succeed("b").settles()
    assert reached(world) == ("Succeeded", "PartiallySucceeded")


def test_a_retry_runs_an_optional_step_again_unless_something_behind_it_has_gone_on() -> None:
    world = World(step("a", optional=True), step("b", optional=True), step("c", "b"), step("d"), onFailure="Stop")
    world.passes()
    world.fail("a", "b").passes()
    world.succeed("c").fail("d").settles()
    assert reached(world) == ("Failed", "StepFailed")
    assert request(world, "retry")[0]
    assert {name: str(record.state) for name, record in world.steps.items()} == {
        "a": "Starting",
        "b": "Failed",
        "c": "Succeeded",
        "d": "Starting",
    }
