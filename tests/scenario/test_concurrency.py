"""Concurrency: a Workflow claims a place before anything of it starts, and leaves once nothing of it runs any more."""

from typing import Any

import pytest
from world import COMPENSATION, FINALLY, UID, World, request, step

from kubesaga.engine.decision import Write
from kubesaga.engine.line import Line, Place

KEY = {"key": "till"}
STEPS = (step("a", undo=True), step("b", "a"))


def waiting(*others: str, **spec: Any) -> World:
    """One that waits behind others."""
    world = World(*STEPS, **{"concurrency": KEY, **spec})
    for name in others or ("other",):
        world.stand(name)
    world.settles()
    assert (world.status.phase, world.status.reason) == ("Queued", "Queued")
    return world


def holding(**spec: Any) -> World:
    """One that runs."""
    world = World(*STEPS, **{"concurrency": KEY, **spec})
    world.settles()
    assert world.status.phase == "Running"
    return world


def others_leave(world: World) -> World:
    world.line = world.line.without([one.uid for one in world.line.places if one.uid != UID])
    world.settles()
    return world


def ends(world: World) -> None:
    """Passes also after the one that says how it ended."""
    world.settles()
    world.settles()


def mine(world: World) -> list[int]:
    """The epochs in which the Workflow stands in line."""
    return list(world.line.epochs(UID))


# To get a place


def test_a_workflow_stands_in_line_before_anything_is_written_of_it() -> None:
    world = World(*STEPS, concurrency=KEY)
    assert world.passes().write is Write.NONE
    assert world.actions() == ["claim till"]
    assert world.passes().write is Write.NOW
    assert (world.status.phase, world.actions()) == ("Running", ["create a"])
    assert world.status.place_time == world.status.start_time == world.now


def test_one_that_has_no_key_asks_for_nothing() -> None:
    world = World(*STEPS)
    world.passes()
    assert (world.status.place_time, world.actions()) == (None, ["create a"])


def test_nothing_starts_while_others_hold_all_places() -> None:
    world = waiting()
    assert (world.status.start_time, world.status.place_time, world.status.progress) == (None, None, "0/2")
    assert world.condition("Reconciling") == ("True", "Queued")
    assert not world.jobs
    assert world.after(3600).passes().write is Write.NONE


def test_it_is_told_once() -> None:
    world = World(*STEPS, concurrency={"key": "till", "limit": 3})
    for name in "xyz":
        world.stand(name, limit=3)
    world.passes()
    told = world.passes().events
    assert [(one.reason, one.message) for one in told] == [
        ("Queued", "waits for its turn: at most 3 Workflows at once under the concurrency key till")
    ]
    assert world.passes().events == ()


def test_others_who_leave_cause_no_write_until_it_is_its_turn() -> None:
    world = waiting("x", "y", "z")
    world.line = world.line.without({"uid-x"})
    assert world.passes().write is Write.NONE
    others_leave(world)
    assert (world.status.phase, list(world.jobs)) == ("Running", [world.name("a")])


def test_as_many_run_at_once_as_the_limit_says() -> None:
    world = World(*STEPS, concurrency={"key": "till", "limit": 2}).stand("x", limit=2)
    world.settles()
    assert world.status.phase == "Running"


def test_the_least_limit_holds() -> None:
    world = World(*STEPS, concurrency={"key": "till", "limit": 5}).stand("x", limit=1)
    world.settles()
    assert world.status.phase == "Queued"


def test_a_place_that_is_recorded_is_kept_whatever_becomes_of_the_line() -> None:
    """Somebody deletes the Lease, and another is first in the new one: whoever runs goes to its head."""
    world = holding()
    world.line = Line().join(Place("thief", "uid-thief", 1, 1))
    world.passes()
    assert (world.status.phase, world.actions()) == ("Running", ["claim till"])
    assert [one.uid for one in world.line.places] == [UID, "uid-thief"]
    world.succeed("a").settles()
    assert world.states()["b"] == "Running"


def test_one_that_somebody_took_out_of_the_line_comes_to_its_end_again() -> None:
    world = waiting()
    world.line = world.line.without({UID})
    world.settles()
    assert [one.uid for one in world.line.places] == ["uid-other", UID]


def test_where_the_line_is_full_nobody_asks_until_there_is_room() -> None:
    world = World(*STEPS, concurrency=KEY)
    world.line = Line(tuple(Place("n" * 240, f"uid-{number}", 1, 1) for number in range(1000)))
    world.settles()
    assert (world.status.phase, mine(world)) == ("Queued", [])
    world.line = Line(world.line.places[:10])
    world.settles()
    assert mine(world) == [1]


def test_a_line_that_fills_up_under_a_claim_is_not_asked_again_at_once() -> None:
    world = World(*STEPS, concurrency=KEY)
    world.passes()
    world.line = Line(tuple(Place("n" * 240, f"uid-{number}", 1, 1) for number in range(1000)))
    world.passes()
    assert (world.status.phase, world.actions()) == ("Queued", [])


def test_time_in_line_does_not_count_against_the_deadline() -> None:
    world = waiting(timeoutSeconds=60)
    world.after(3600)
    others_leave(world)
    world.after(59).settles()
    assert world.status.failure is None
    world.after(2).settles()
    assert world.status.failure.reason == "DeadlineExceeded"


# To wait


@pytest.mark.parametrize(
    ("verb", "phase", "reason"),
    [
        ("cancel", "Cancelled", "Cancelled"),
        ("stop", "Cancelled", "Stopped"),
        ("terminate", "Cancelled", "Terminated"),
    ],
)
def test_what_ends_it_ends_one_that_waits_at_once_and_nothing_was_done(verb: str, phase: str, reason: str) -> None:
    world = waiting(**{"finally": [{"name": "z", "container": {"image": "i"}}]})
    assert request(world, verb)[0]
    world.settles()
    assert (world.status.phase, world.status.reason, world.jobs) == (phase, reason, {})
    assert mine(world) == []
    assert world.settles().write is Write.NONE


def test_a_spec_that_was_waited_with_stays_as_it_was_when_the_run_has_ended() -> None:
    """The rules of the CRD hold from startTime on."""
    world = waiting()
    request(world, "cancel")
    assert world.status.start_time == world.status.completion_time


def test_a_rollback_of_one_that_waits_has_nothing_to_undo() -> None:
    assert request(waiting(), "rollback") == (False, "there is nothing to undo")


def test_one_that_is_suspended_before_it_stands_in_line_does_not_ask_for_a_place() -> None:
    world = World(*STEPS, concurrency=KEY, suspend=True)
    world.settles()
    assert (world.status.phase, mine(world)) == ("Suspended", [])
    world.spec["suspend"] = False
    world.settles()
    assert (world.status.phase, mine(world)) == ("Running", [1])


def test_one_that_is_suspended_in_line_keeps_its_turn_and_its_deadline() -> None:
    world = waiting(timeoutSeconds=60)
    request(world, "suspend")
    world.after(100)
    others_leave(world)
    assert (world.status.phase, world.status.place_time, world.jobs) == ("Suspended", world.now, {})
    world.after(1000)
    request(world, "resume")
    world.settles()
    assert (world.status.phase, world.status.suspended_seconds) == ("Running", 1000)
    world.after(61).settles()
    assert world.status.failure.reason == "DeadlineExceeded"


def test_one_that_is_deleted_while_it_waits_goes_and_is_not_run() -> None:
    world = waiting(deletionPolicy="RollbackUnfinished")
    world.deleting = True
    world.passes(namespace_read=True)
    world.settles()
    assert (world.status.phase, world.status.reason, world.jobs) == ("Cancelled", "Deleted", {})
    assert (mine(world), world.finalizers) == ([], ())


def test_a_spec_that_is_changed_for_the_worse_while_it_waits_is_refused_and_leaves() -> None:
    world = waiting()
    world.spec["steps"] = [step("a", "nobody")]
    world.generation = 2
    world.passes()
    assert (world.status.phase, world.status.reason) == ("Failed", "InvalidSpec")
    world.passes()
    assert (world.actions(), mine(world)) == (["release till"], [])
    assert world.passes().actions == ()


# To leave


def test_it_leaves_when_it_has_ended_and_nothing_of_it_is_left_running() -> None:
    world = holding()
    world.succeed("a").settles()
    world.pod("b", phase="Succeeded", exit_code=0)
    world.settles()
    assert (world.status.phase, mine(world)) == ("Succeeded", [1])  # Its Job still has to say so.
    world.succeed("b").settles()
    assert mine(world) == []
    assert world.passes().write is Write.NONE
    assert world.actions() == []


def test_a_job_that_somebody_deleted_meanwhile_does_not_keep_the_place() -> None:
    world = holding()
    world.succeed("a").settles()
    world.pod("b", phase="Succeeded", exit_code=0)
    world.passes()
    world.vanish("a")
    world.vanish("b")
    world.settles()
    assert mine(world) == []


def test_a_run_keeps_its_place_through_its_rollback_and_while_that_is_blocked() -> None:
    world = holding()
    world.succeed("a").settles()
    world.fail("b").settles()
    for _ in range(6):
        world.after(300).settles()
        world.fail("a", direction=COMPENSATION).settles()
    assert (world.status.phase, mine(world)) == ("RollbackBlocked", [1])
    request(world, "abandon")
    ends(world)
    assert (world.status.phase, mine(world)) == ("RollbackFailed", [])


# To run again


def failed(**spec: Any) -> World:
    world = holding(onFailure="Stop", **spec)
    world.succeed("a").settles()
    world.fail("b").settles()
    if world.last_steps:
        world.succeed("z", direction=FINALLY)
    ends(world)
    assert (world.status.phase, mine(world)) == ("Failed", [])
    return world


def test_a_retry_stands_in_line_anew() -> None:
    world = failed().stand("other")
    assert request(world, "retry")[0]
    world.settles()
    assert (world.status.phase, mine(world), world.states()["b"]) == ("Queued", [2], "Retrying")
    others_leave(world)
    assert (world.status.phase, world.states()["b"]) == ("Running", "Running")


def test_a_retry_is_written_before_it_stands_in_line() -> None:
    world = failed()
    request(world, "retry")
    assert (world.last.write, world.status.epoch, world.actions()) == (Write.NOW, 2, ["claim till"])


def test_the_deadline_of_a_retry_begins_with_its_place() -> None:
    world = failed(timeoutSeconds=60).stand("other")
    request(world, "retry")
    world.after(3600).settles()
    assert world.status.phase == "Queued"
    others_leave(world)
    world.after(59).settles()
    assert world.status.phase == "Running"
    world.after(2).settles()
    assert world.status.failure.reason == "DeadlineExceeded"


def test_the_rollback_of_one_that_has_succeeded_waits_for_its_turn() -> None:
    world = holding(rollback={"timeoutSeconds": 60})
    world.succeed("a").settles()
    ends(world.succeed("b"))
    world.stand("other")
    assert request(world, "rollback")[0]
    world.after(3600).settles()
    assert (world.status.phase, world.undo("a"), mine(world)) == ("Queued", None, [2])
    assert "rolled back on request" in world.status.conditions[0].message
    others_leave(world)
    assert (world.status.phase, world.undo("a").state) == ("RollingBack", "Running")
    ends(world.succeed("a", direction=COMPENSATION))
    assert (world.status.phase, mine(world)) == ("RolledBack", [])


def test_a_rollback_that_waits_can_be_given_up() -> None:
    world = holding()
    world.succeed("a").settles()
    ends(world.succeed("b"))
    world.stand("other")
    request(world, "rollback")
    world.settles()
    assert request(world, "terminate")[0]
    ends(world)
    assert (world.status.phase, world.undo("a"), mine(world)) == ("RollbackFailed", None, [])


def test_a_cancelled_retry_undoes_what_the_first_run_did_when_it_is_its_turn() -> None:
    world = failed().stand("other")
    request(world, "retry")
    world.settles()
    request(world, "cancel")
    world.settles()
    assert (world.status.phase, world.undo("a")) == ("Queued", None)
    others_leave(world)
    assert (world.status.phase, world.undo("a").state) == ("RollingBack", "Running")


def test_a_step_that_is_skipped_at_the_end_needs_no_place() -> None:
    world = failed().stand("other")
    assert request(world, "skip-step", "b@1")[0]
    world.settles()
    assert world.status.phase == "Succeeded"
    assert mine(world) == []


def test_a_step_that_is_skipped_at_the_end_leads_to_finally_steps_which_need_a_place() -> None:
    world = failed(**{"finally": [{"name": "z", "container": {"image": "i"}}]})
    world.stand("other")
    assert request(world, "skip-step", "b@1")[0]
    world.settles()
    assert (world.status.phase, world.last_steps) == ("Queued", {})
    others_leave(world)
    assert (world.status.phase, world.status.reason) == ("Running", "Finally")
    ends(world.succeed("z", direction=FINALLY))
    assert (world.status.phase, mine(world)) == ("Succeeded", [])


# Forbid

FORBID = {"key": "till", "policy": "Forbid"}


def test_one_that_may_not_wait_fails_and_never_stands_in_line() -> None:
    world = World(*STEPS, concurrency=FORBID).stand("other")
    world.passes()
    assert (world.status.phase, world.actions()) == (None, ["claim till"])
    world.settles()
    assert (world.status.phase, world.status.reason, world.jobs) == ("Failed", "ConcurrencyForbidden", {})
    assert world.status.failure.message == (
        "at most 1 Workflow at once under the concurrency key till, and its policy is Forbid: other ran"
    )
    assert [one.name for one in world.line.places] == ["other"]


def test_one_that_may_not_wait_runs_where_a_place_is_free() -> None:
    assert mine(holding(concurrency=FORBID)) == [1]


def test_what_was_seen_a_while_ago_forbids_nothing() -> None:
    """The place may be free by now: only a live read says that it is not."""
    world = World(*STEPS, concurrency=FORBID).stand("other")
    world.passes()
    others_leave(world)
    world.settles()
    assert world.status.phase == "Running"


def test_one_that_has_ended_and_is_about_to_leave_is_waited_for() -> None:
    world = World(*STEPS, concurrency=FORBID).stand("other")
    world.ended = frozenset({"uid-other"})
    world.settles()
    assert (world.status.phase, mine(world)) == ("Queued", [])
    others_leave(world)
    assert world.status.phase == "Running"


def test_a_retry_may_wait_also_where_the_first_run_might_not() -> None:
    world = failed(concurrency=FORBID).stand("other")
    request(world, "retry")
    world.settles()
    assert (world.status.phase, mine(world)) == ("Queued", [2])


def test_one_that_was_forbidden_may_be_retried_and_waits() -> None:
    world = World(*STEPS, concurrency=FORBID).stand("other")
    world.settles()
    assert request(world, "retry")[0]
    world.settles()
    assert (world.status.phase, mine(world)) == ("Queued", [2])
    others_leave(world)
    assert (world.status.phase, list(world.jobs)) == ("Running", [world.name("a")])


def test_one_that_may_not_wait_asks_again_where_the_others_left_right_after_the_read() -> None:
    """That they left was told before the pass that it would have called for."""
    world = World(*STEPS, concurrency=FORBID).stand("other")
    world.passes()
    world.line = Line()
    world.passes()
    assert world.actions() == ["claim till"]
    world.settles()
    assert world.status.phase == "Running"


def test_one_that_was_taken_out_of_the_line_right_after_it_came_asks_again() -> None:
    world = World(*STEPS, concurrency=KEY)
    world.passes()
    world.line = Line()
    world.passes()
    assert world.actions() == ["claim till"]
    world.settles()
    assert world.status.phase == "Running"
