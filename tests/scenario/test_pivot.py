"""A pivot: once it has succeeded the Workflow only goes forward, and what fails waits for a person."""

import pytest
from world import COMPENSATION, World, request, step

from kubesaga.engine.decision import Write


def past_pivot(*more: object, **spec: object) -> World:
    """a and the pivot p are done, b (after p) has failed for good."""
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"), step("b", "p"), step("c", "b"), *more, **spec)
    world.passes()
    world.succeed("a").passes()
    world.succeed("p").passes()
    world.fail("b").passes()
    return world


def test_a_failure_past_the_pivot_undoes_nothing_and_waits_for_a_person() -> None:
    world = past_pivot()
    assert (world.status.phase, world.status.reason) == ("Suspended", "ForwardRecovery")
    assert world.condition("Suspended") == ("True", "ForwardRecovery")
    assert world.condition("Succeeded") == ("Unknown", "ForwardRecovery")
    assert (world.status.rollback, world.status.failure, world.actions()) == (None, None, [])
    assert "the pivot p has succeeded, so nothing is undone" in world.status.conditions[0].message
    assert [event.reason for event in world.last.events] == ["ForwardRecovery"]
    assert world.passes().write is Write.NONE


def test_a_failure_before_the_pivot_undoes_what_was_done() -> None:
    world = World(step("a", undo=True), step("b", "a"), step("p", "b", boundary="Pivot"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])


def test_a_pivot_that_fails_lets_everything_be_undone() -> None:
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"))
    world.passes()
    world.succeed("a").passes()
    world.fail("p").passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])


def test_what_does_not_depend_on_the_failed_step_goes_on() -> None:
    world = past_pivot(step("x", "p"), step("y", "x"))
    world.succeed("x").passes()
    assert world.actions() == ["create y"]
    assert world.status.reason == "ForwardRecovery"


def beside_pivot() -> World:
    """The pivot p runs while b, beside it, fails for good."""
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"), step("b", "a"), step("c", "a", "b"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    return world


def test_a_pivot_that_runs_decides_whether_a_failure_beside_it_is_undone() -> None:
    world = beside_pivot()
    assert (world.status.phase, world.status.reason, world.actions()) == ("Running", "Draining", [])
    assert "the pivot p decides what follows" in world.status.conditions[0].message
    world.succeed("p").passes()
    assert (world.status.phase, world.status.reason) == ("Suspended", "ForwardRecovery")


def test_a_pivot_that_fails_after_that_lets_everything_be_undone() -> None:
    world = beside_pivot()
    world.fail("p").passes()
    assert (world.status.phase, world.status.failure.step, world.actions()) == ("RollingBack", "p", ["undo a"])


def test_a_pivot_that_had_not_begun_never_begins_after_a_failure() -> None:
    world = World(step("p", boundary="Pivot"), step("b", undo=True))
    world.passes()
    del world.jobs[world.name("p")]
    world.fail("b").passes()
    assert world.actions() == ["tombstone p"]
    world.passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo b"])


def test_a_cancel_that_loses_against_the_pivot_undoes_nothing() -> None:
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"), step("b", "p"))
    world.passes()
    world.succeed("a").passes()
    accepted, message = request(world, "cancel")
    assert (accepted, world.actions()) == (True, ["stop p"])
    assert message.endswith("unless the pivot p still succeeds")
    assert world.status.rollback is None
    world.succeed("p").passes()
    assert (world.status.phase, world.status.reason, world.actions()) == ("Suspended", "ForwardRecovery", [])
    assert request(world, "resume") == (True, "it goes forward")
    assert (world.status.phase, world.actions()) == ("Running", ["create b"])


def test_a_cancel_that_wins_against_the_pivot_undoes_what_was_done() -> None:
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"))
    world.passes()
    world.succeed("a").passes()
    request(world, "cancel")
    world.fail("p", reason="DeadlineExceeded").passes()
    assert (world.states()["p"], world.status.phase, world.actions()) == ("Cancelled", "RollingBack", ["undo a"])


def test_what_a_lost_cancel_stopped_runs_again_on_resume() -> None:
    world = World(step("p", boundary="Pivot"), step("b"))
    world.passes()
    request(world, "cancel")
    world.succeed("p").fail("b", reason="DeadlineExceeded").passes()
    assert world.states() == {"p": "Succeeded", "b": "Cancelled"}
    assert request(world, "resume") == (True, "it goes forward: b again")
    assert (world.actions(), world.status.failure) == (["create b"], None)
    world.succeed("b").passes()
    assert world.status.phase == "Succeeded"


@pytest.mark.parametrize("verb", ["cancel", "rollback"])
def test_what_is_past_the_pivot_is_not_undone_on_request_either(verb: str) -> None:
    world = past_pivot()
    accepted, message = request(world, verb)
    assert (accepted, world.status.rollback) == (False, None)
    assert message.startswith("the pivot p has succeeded: nothing is undone any more")


def test_not_even_after_the_end() -> None:
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"))
    world.passes()
    world.succeed("a").passes()
    world.succeed("p").passes()
    assert world.status.phase == "Succeeded"
    assert request(world, "rollback")[1].startswith("the pivot p has succeeded")


def test_a_rollback_is_not_requested_while_the_pivot_runs() -> None:
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"))
    world.passes()
    world.succeed("a").passes()
    assert request(world, "rollback")[1].startswith("the pivot p runs, and decides whether anything is undone")


def test_the_deadline_ends_with_the_pivot() -> None:
    world = past_pivot(timeoutSeconds=60)
    world.after(3600).passes()
    assert (world.status.reason, world.status.failure) == ("ForwardRecovery", None)


def test_a_step_is_retried_on_request_and_leads_to_the_end() -> None:
    world = past_pivot()
    assert request(world, "retry-step", "b@1") == (True, "step b tries again")
    assert (world.status.phase, world.actions()) == ("Running", ["create b"])
    world.succeed("b").passes()
    world.succeed("c").passes()
    assert world.status.phase == "Succeeded"


def test_a_step_is_skipped_on_request_and_leads_to_the_end() -> None:
    world = past_pivot()
    assert request(world, "skip-step", "b@1", note="shipped by hand") == (
        True,
        "step b is taken for done: shipped by hand",
    )
    assert (world.actions(), world.steps["b"].message) == (["create c"], "shipped by hand")
    world.succeed("c").passes()
    assert (world.status.phase, world.status.progress) == ("Succeeded", "4/4")
    assert world.status.conditions[0].message == "4 steps succeeded, 1 of them skipped by a person"


def test_a_skipped_pivot_is_passed() -> None:
    world = World(step("a", undo=True), step("p", "a", boundary="Pivot"), step("b", "p"), suspend=True)
    world.passes()
    request(world, "skip-step", "p@1")
    world.spec["suspend"] = False
    world.passes()
    world.fail("b").passes()
    assert world.status.reason == "ForwardRecovery"


def test_stop_ends_it_as_it_is() -> None:
    world = past_pivot()
    assert request(world, "stop")[0]
    assert (world.status.phase, world.status.reason) == ("Cancelled", "Stopped")
    assert world.status.failure.message == "stopped on request; step b failed: exit code 1: no luck"
    assert world.undo("a") is None


def test_terminate_ends_it_as_it_is() -> None:
    world = past_pivot()
    request(world, "terminate")
    assert (world.status.phase, world.status.reason) == ("Cancelled", "Terminated")


def test_a_retry_after_the_end_goes_on_past_the_pivot() -> None:
    world = past_pivot()
    request(world, "stop")
    assert request(world, "retry")[0]
    assert (world.status.epoch, world.actions()) == (2, ["create b"])


def test_undos_before_the_pivot_still_run_where_it_was_never_passed() -> None:
    world = beside_pivot()
    world.fail("p").passes()
    world.succeed("a", direction=COMPENSATION).passes()
    assert world.status.phase == "RolledBack"


def lost_cancel() -> World:
    """A cancel stopped b, and lost against the pivot p."""
    world = World(step("p", boundary="Pivot"), step("b"))
    world.passes()
    request(world, "cancel")
    world.succeed("p").fail("b", reason="DeadlineExceeded").passes()
    return world


def test_a_stop_after_a_cancel_that_lost_is_a_stop_and_keeps_the_cause() -> None:
    world = lost_cancel()
    assert request(world, "stop")[0]
    assert (world.status.phase, world.status.reason) == ("Cancelled", "Stopped")
    assert world.status.failure.reason == "Cancelled"
    assert world.status.conditions[0].message == "stopped on request; cancelled on request"


def test_what_waits_for_a_person_is_not_suspended_on_top() -> None:
    message = "it waits for a person already: retry-step, skip-step, resume or stop"
    assert request(past_pivot(), "suspend") == (False, message)


def test_one_resume_ends_a_suspension_too() -> None:
    world = World(step("p", boundary="Pivot"), step("b", "p"))
    world.passes()
    world.succeed("p").passes()
    request(world, "suspend")
    world.fail("b").passes()
    assert world.status.reason == "ForwardRecovery"
    request(world, "resume")
    assert (world.status.phase, world.actions()) == ("Running", ["create b"])
