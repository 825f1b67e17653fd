"""Steps without a Job: approvals, which people answer, and waits, which time ends."""

from datetime import timedelta
from typing import Any

import pytest
from world import BEGINNING, World, request, step

UNTIL = "2026-01-01T00:01:00Z"


def approval(name: str, *dependencies: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "dependsOn": list(dependencies), "approval": {"message": "go on?"}, **fields}


def pause(name: str, *dependencies: str, seconds: int = 60, **fields: Any) -> dict[str, Any]:
    return {"name": name, "dependsOn": list(dependencies), "wait": {"seconds": seconds}, **fields}


def asking(**fields: Any) -> World:
    """a is done and has an undo, b waits for an approval, c follows."""
    world = World(step("a", undo=True), approval("b", "a", **fields), step("c", "b"))
    world.passes()
    world.succeed("a").settles()
    return world


def test_an_approval_runs_no_job_and_tells_people_how_to_answer() -> None:
    world = World(approval("b"))
    decision = world.passes()
    assert (world.states(), world.actions(), world.steps["b"].attempted) == ({"b": "Running"}, [], False)
    event = next(one for one in decision.events if one.reason == "WaitingForApproval")
    assert event.message == "step b waits for an approval: go on? (kubesaga approve order b -n default, or reject)"
    assert world.steps["b"].message == "go on?"


def test_what_waits_for_an_approval_only_is_suspended_and_says_so() -> None:
    world = asking()
    assert (world.status.phase, world.status.reason) == ("Suspended", "WaitingForApproval")
    assert world.condition("Suspended") == ("True", "WaitingForApproval")
    assert world.passes().write == "None"


def test_what_runs_beside_an_approval_is_running_and_mentions_it() -> None:
    world = World(approval("b"), step("d"))
    world.passes()
    assert world.status.phase == "Running"
    assert "step b waits for an approval: go on?" in world.status.conditions[0].message


def test_a_retry_to_come_keeps_the_workflow_running() -> None:
    world = World(approval("b"), step("d", retry={"limit": 1, "backoffSeconds": 300}))
    world.passes()
    world.fail("d").passes()
    assert (world.states(), world.status.phase) == ({"b": "Running", "d": "Retrying"}, "Running")


def test_an_approval_lets_what_depends_on_it_start() -> None:
    world = asking()
    assert request(world, "approve", "b@1", note="by Ada") == (True, "step b is approved: by Ada")
    assert world.states() == {"a": "Succeeded", "b": "Succeeded", "c": "Starting"}
    assert (world.steps["b"].message, world.status.phase) == ("approved: by Ada", "Running")


def test_a_rejection_fails_the_step_and_undoes_what_was_done() -> None:
    world = asking()
    assert request(world, "reject", "b@1") == (True, "step b is rejected")
    world.settles()
    assert world.steps["b"].reason == "Rejected"
    assert (world.status.phase, world.states()) == ("RollingBack", {"a": "Succeeded/Running", "b": "Failed"})
    assert world.status.failure.message == "step b failed: rejected"


@pytest.mark.parametrize(
    ("sentence", "token", "message"),
    [
        ("the step has a container", "a@1", "step a is no approval"),
        ("there is no target", "1", "approve needs a target: STEP@N"),
        (
            "a time before the wait began",
            "b@2025-12-31T23:59:59Z",
            "b@2025-12-31T23:59:59Z is older than what it answers: step b waits since 2026-01-01T00:00:00Z",
        ),
        (
            "epoch seconds before the wait began",
            "b@1700000000",
            "b@1700000000 is older than what it answers: step b waits since 2026-01-01T00:00:00Z",
        ),
    ],
)
def test_an_answer_that_does_not_apply_is_refused(sentence: str, token: str, message: str) -> None:
    world = asking()
    assert request(world, "approve", token) == (False, message)
    assert world.steps["b"].state == "Running"


def test_a_time_from_the_second_on_in_which_the_wait_began_is_accepted() -> None:
    assert request(asking(), "approve", "b@2026-01-01T00:00:00Z")[0]


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_nothing_is_answered_before_it_is_asked_or_twice(verb: str) -> None:
    world = World(step("a"), approval("b", "a"))
    world.passes()
    assert request(world, verb, "b@1") == (False, "step b does not wait for an approval: it is pending")
    world.succeed("a").settles()
    assert world.states()["b"] == "Running"
    assert request(world, verb, "b@1") == (False, "step b does not wait for an approval: it is pending")
    assert request(world, verb, "b@2")[0]
    state = {"approve": "Succeeded", "reject": "Failed"}[verb]
    assert world.states()["b"] == state


def test_the_second_answer_of_one_approval_is_refused() -> None:
    world = asking()
    request(world, "approve", "b@1")
    assert request(world, "reject", "b@1") == (
        False,
        "step b does not wait for an approval: it is Succeeded",
    )


@pytest.mark.parametrize("verb", ["cancel", "stop"])
def test_an_ending_takes_approvals_and_waits_with_it(verb: str) -> None:
    world = World(approval("b"), pause("w"), step("d"))
    world.passes()
    assert request(world, verb)[0]
    assert world.states() == {"b": "Cancelled", "w": "Cancelled", "d": "Running"}
    world.annotations.pop(f"kubesaga.dev/{verb}")
    assert request(world, "approve", "b@1")[0] is False


def test_an_answer_beside_a_cancel_comes_too_late() -> None:
    world = asking()
    world.annotations["kubesaga.dev/cancel"] = "1"
    message = "step b does not wait for an approval any more: the Workflow is ending"
    assert request(world, "approve", "b@1") == (False, message)


def test_a_drain_does_not_wait_for_a_person() -> None:
    world = World(step("a", undo=True), approval("b"), step("d", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("d").settles()
    assert world.states() == {"a": "Succeeded/Running", "b": "Cancelled", "d": "Failed"}
    assert world.status.failure.message.startswith("step d failed")


def test_an_approval_as_a_pivot_does_not_decide_what_follows_a_failure() -> None:
    world = World(step("a", undo=True), approval("b", boundary="Pivot"), step("d", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("d").settles()
    assert world.states()["b"] == "Cancelled"
    assert world.status.phase == "RollingBack"


def test_past_an_approved_pivot_nothing_is_undone() -> None:
    world = asking(boundary="Pivot")
    request(world, "approve", "b@1")
    world.fail("c").settles()
    assert (world.status.phase, world.status.reason) == ("Suspended", "ForwardRecovery")


def test_an_approval_is_not_skipped() -> None:
    world = asking()
    assert request(world, "skip-step", "b@1") == (False, "step b waits for an approval: approve or reject it")


def test_a_rejected_step_asks_again_in_the_next_epoch() -> None:
    world = World(approval("b"), step("c", "b"))
    world.passes()
    request(world, "reject", "b@1")
    assert world.status.phase == "Failed"
    world.after(10)
    request(world, "retry")
    assert (world.states(), world.steps["b"].attempt, world.steps["b"].reason) == ({"b": "Running"}, 2, None)
    assert request(world, "approve", "b@1")[0]


def test_nothing_without_a_job_takes_a_place() -> None:
    world = World(approval("b"), pause("w"), step("d"), step("e"), parallelism=1)
    world.passes()
    assert world.states() == {"b": "Running", "w": "Running", "d": "Starting"}


def test_an_approval_that_nobody_gives_in_time_fails() -> None:
    world = asking(timeoutSeconds=60)
    assert world.last.wake_at == BEGINNING + timedelta(seconds=60)
    world.after(60).settles()
    assert (world.steps["b"].state, world.steps["b"].reason) == ("Failed", "DeadlineExceeded")
    assert world.status.phase == "RollingBack"


def test_the_default_timeout_is_for_jobs() -> None:
    world = World(approval("b"), defaults={"timeoutSeconds": 5})
    world.passes()
    assert world.steps["b"].due_time is None


def test_an_answer_that_stands_when_the_time_has_passed_is_taken() -> None:
    world = asking(timeoutSeconds=60).after(100)
    assert request(world, "approve", "b@1")[0]


def test_the_deadline_stands_still_while_only_a_person_is_waited_for() -> None:
    world = World(approval("b"), step("c", "b"), timeoutSeconds=100)
    world.settles()
    world.after(1000).settles()
    assert world.status.phase == "Suspended"
    request(world, "approve", "b@1")
    world.settles()
    assert (world.status.suspended_seconds, world.status.phase) == (1000, "Running")
    world.after(99).settles()
    assert world.status.failure is None
    world.after(1).settles()
    assert world.status.failure.reason == "DeadlineExceeded"


def test_the_deadline_goes_on_beside_what_runs() -> None:
    world = World(approval("b"), step("d"), timeoutSeconds=100)
    world.passes()
    world.after(100).settles()
    assert world.status.failure.reason == "DeadlineExceeded"
    assert world.states()["b"] == "Cancelled"


def test_a_wait_is_over_when_its_time_has_come() -> None:
    world = World(pause("w"), step("c", "w"))
    world.passes()
    assert (world.status.phase, world.last.wake_at) == ("Running", BEGINNING + timedelta(seconds=60))
    world.after(59).passes()
    assert world.states() == {"w": "Running"}
    world.after(1).passes()
    assert world.states() == {"w": "Succeeded", "c": "Starting"}


def test_a_wait_beside_an_approval_keeps_the_workflow_running() -> None:
    world = World(approval("b"), pause("w"))
    world.passes()
    assert world.status.phase == "Running"


def test_time_spent_suspended_counts_for_no_wait() -> None:
    world = World(pause("w"), approval("b", timeoutSeconds=60), approval("e"))
    world.passes()
    request(world, "suspend")
    world.after(1000).settles()
    assert (world.states(), world.status.reason) == ({"w": "Running", "b": "Running", "e": "Running"}, "Suspended")
    request(world, "resume")
    assert world.steps["w"].due_time == BEGINNING + timedelta(seconds=1060)
    world.after(60).settles()
    assert (world.steps["w"].state, world.steps["b"].reason) == ("Succeeded", "DeadlineExceeded")


def test_a_suspended_workflow_takes_an_answer_and_starts_nothing() -> None:
    world = asking()
    request(world, "suspend")
    assert request(world, "approve", "b@1")[0]
    assert (world.states(), world.status.reason) == ({"a": "Succeeded", "b": "Succeeded"}, "Suspended")


def test_a_step_that_was_cancelled_without_a_job_is_no_cause() -> None:
    world = World(approval("b"), step("d"))
    world.passes()
    request(world, "stop")
    world.succeed("d").settles()
    assert (world.status.phase, world.status.failure.message) == ("Cancelled", "stopped on request")


def test_a_renewed_wait_that_is_held_up_begins_with_the_resume() -> None:
    world = World(pause("w"), suspend=False)
    world.passes()
    request(world, "cancel")
    world.spec["suspend"] = True
    request(world, "retry")
    assert world.states() == {"w": "Retrying"}
    world.spec["suspend"] = False
    world.passes()
    assert world.states() == {"w": "Running"}
