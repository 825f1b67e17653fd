"""Suspension: nothing new starts, what runs goes on, and no deadline comes nearer."""

from world import COMPENSATION, World, request, step

from kubesaga.engine.decision import Write


def running(**spec: object) -> World:
    world = World(step("a", undo=True), step("b", "a", undo=True), step("c", "b"), **spec)
    world.passes()
    return world


def rolling_back(**spec: object) -> World:
    world = running(**spec)
    world.succeed("a").passes()
    world.succeed("b").passes()
    world.fail("c").passes()
    assert world.actions() == ["undo b"]
    return world


def test_suspend_starts_nothing_until_resume() -> None:
    world = running()
    assert request(world, "suspend")[0]
    world.succeed("a").passes()
    assert (world.status.phase, world.status.reason, world.actions()) == ("Suspended", "Suspended", [])
    assert world.condition("Suspended") == ("True", "Suspended")
    assert world.status.conditions[0].message == "no step starts until kubesaga.dev/resume is requested"
    assert request(world, "resume") == (True, "it goes on")
    assert (world.status.phase, world.actions()) == ("Running", ["create b"])


def test_time_in_suspension_does_not_count_against_the_deadline() -> None:
    world = running(timeoutSeconds=60)
    request(world, "suspend")
    world.after(3600).passes()
    request(world, "resume")
    world.after(50).passes()
    assert world.status.failure is None
    world.after(11).passes()
    assert world.status.failure.reason == "DeadlineExceeded"


def test_a_failure_under_suspension_is_undone_all_the_same() -> None:
    world = running()
    world.succeed("a").passes()
    request(world, "suspend")
    world.fail("b").passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo b"])


def test_what_is_suspended_by_the_spec_is_not_resumed_on_request() -> None:
    world = running(suspend=True)
    assert request(world, "resume") == (False, "it is suspended by spec.suspend: set that to false")
    assert request(world, "suspend") == (False, "it is suspended already")


def test_both_have_to_end() -> None:
    world = running()
    request(world, "suspend")
    world.spec["suspend"] = True
    assert request(world, "resume") == (True, "it stays suspended, by spec.suspend: set that to false")
    assert world.status.phase == "Suspended"


def test_what_is_not_suspended_is_not_resumed() -> None:
    assert request(running(), "resume") == (False, "it is not suspended")
    assert request(rolling_back(), "resume") == (False, "it is not suspended")


def test_what_is_ending_is_not_suspended() -> None:
    world = World(step("a"), step("b"))
    world.passes()
    world.fail("a").passes()
    refused = (False, "the Workflow is ending, and starts nothing that could be held up")
    assert request(world, "suspend") == refused


def test_a_rollback_is_held_up_between_undos() -> None:
    world = rolling_back()
    assert request(world, "suspend") == (
        True,
        "no further undo starts until resume is requested; what runs goes on",
    )
    world.succeed("b", direction=COMPENSATION).passes()
    assert (world.status.phase, world.status.reason, world.actions()) == ("Suspended", "Suspended", [])
    assert world.condition("RollingBack") == ("True", "Suspended")
    assert request(world, "suspend", "2") == (False, "it is suspended already")
    assert world.passes().write is not Write.NOW
    assert request(world, "resume") == (True, "it goes on")
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])
    world.succeed("a", direction=COMPENSATION).passes()
    assert world.status.phase == "RolledBack"


def test_a_rollback_is_not_held_up_by_what_holds_up_the_way_forward() -> None:
    world = running()
    request(world, "suspend")
    world.fail("a").passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])


def test_time_in_suspension_does_not_count_against_the_rollback_timeout() -> None:
    world = rolling_back(rollback={"timeoutSeconds": 60})
    request(world, "suspend")
    world.after(3600).succeed("b", direction=COMPENSATION).passes()
    request(world, "resume")
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])
    world.after(61).fail("a", direction=COMPENSATION).passes()
    assert world.status.phase == "RollbackBlocked"


def test_an_undo_that_failed_is_not_tried_again_in_suspension() -> None:
    world = rolling_back()
    request(world, "suspend")
    world.fail("b", direction=COMPENSATION).passes()
    world.after(3600).settles()
    assert (world.status.phase, world.undo("b").attempt) == ("Suspended", 1)


def test_a_suspension_before_the_first_undo_takes_nothing_from_the_rollback_timeout() -> None:
    world = World(step("a", undo=True), step("b"), step("c"), rollback={"timeoutSeconds": 60})
    world.passes()
    world.succeed("a").fail("b").passes()
    request(world, "suspend")
    world.after(3600).succeed("c").passes()
    world.after(5).passes()
    request(world, "resume")
    assert world.status.rollback.suspended_seconds == 5
    assert world.actions() == ["undo a"]


def test_a_resume_before_the_first_undo_counts_nothing() -> None:
    world = World(step("a", undo=True), step("b"), step("c"))
    world.passes()
    world.succeed("a").fail("b").passes()
    request(world, "suspend")
    world.after(3600)
    request(world, "resume")
    assert world.status.rollback.suspended_seconds == 0


def test_a_suspension_that_meets_a_failure_is_over_in_the_same_pass() -> None:
    """Else the next pass would have to end it, and nothing calls for one."""
    world = World(step("a", undo=True), step("b"))
    world.passes()
    world.annotations["kubesaga.dev/suspend"] = "1"
    world.fail("a").passes()
    assert (world.status.failure is not None, world.status.suspended_time) == (True, None)
    assert world.passes().write is not Write.NOW
