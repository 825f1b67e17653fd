"""Requests: answered once per token, always answered, and never able to harm another Workflow."""

import pytest
from world import COMPENSATION, World, step

from kubesaga.engine.decision import Write

CANCEL, RETRY = "kubesaga.dev/cancel", "kubesaga.dev/retry-compensation"


def running() -> World:
    world = World(step("a", undo=True), step("b", "a", undo=True), step("c", "b"))
    world.passes()
    world.succeed("a").passes()
    return world


def answer(world: World, verb: str = "cancel") -> tuple[bool, str]:
    handled = [h for h in world.status.handled_requests if h.verb == verb][-1]
    return handled.accepted, handled.message


def test_cancel_stops_what_runs_and_undoes_what_was_done() -> None:
    world = running()
    world.annotations[CANCEL] = "1"
    world.passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["stop b"])
    assert world.status.failure.reason == "Cancelled"
    world.job("b", active_deadline_seconds=1)
    world.fail("b", reason="DeadlineExceeded").passes()
    assert world.actions() == ["undo b"]
    world.succeed("b", direction=COMPENSATION).passes()
    world.succeed("a", direction=COMPENSATION).passes()
    assert (world.status.phase, world.status.failure.reason) == ("RolledBack", "Cancelled")


def test_cancel_with_nothing_to_undo_ends_cancelled() -> None:
    world = World(step("a"))
    world.passes()
    world.annotations[CANCEL] = "2026-01-01T00:00:00Z"
    world.passes()
    world.job("a", active_deadline_seconds=1)
    world.fail("a", reason="DeadlineExceeded").passes()
    assert (world.status.phase, world.condition("Succeeded")) == ("Cancelled", ("False", "Cancelled"))


def test_cancel_undoes_also_under_on_failure_stop_and_keeps_the_first_cause() -> None:
    world = World(step("a", undo=True), step("b"), onFailure="Stop")
    world.passes()
    world.fail("b").passes()
    assert world.status.reason == "Draining"
    world.annotations[CANCEL] = "1"
    world.passes()
    assert (world.actions(), world.status.phase) == (["stop a"], "RollingBack")
    assert world.status.failure.reason == "StepFailed"


def test_a_token_is_answered_once() -> None:
    world = running()
    world.annotations[CANCEL] = "c@5"
    world.passes()
    assert answer(world) == (False, "cancel takes no target: it is asked of the whole Workflow")
    assert world.passes().write is not Write.NOW
    world.annotations[CANCEL] = "c@6"
    assert world.passes().write is Write.NOW
    assert len(world.status.handled_requests) == 1


def test_a_smaller_token_asks_for_nothing_and_is_told_so_once() -> None:
    world = running()
    for value in ("c@5", "c@4"):
        world.annotations[CANCEL] = value
        world.passes()
    assert answer(world) == (False, "c@4 is not greater than c@5, which was answered before")
    assert world.passes().write is not Write.NOW
    world.annotations[CANCEL] = "c@5"
    assert world.passes().write is not Write.NOW, "a Git revert replays nothing"
    world.annotations[CANCEL] = "c@05"
    world.passes()
    assert answer(world) == (False, "c@05 is not greater than c@5, which was answered before")


def test_what_was_accepted_stays_recorded_after_later_refusals() -> None:
    world = running()
    for value in ("1", "2", "3", "2", "no"):
        world.annotations[CANCEL] = value
        world.passes()
    recorded = [(one.token, one.accepted) for one in world.status.handled_requests]
    assert recorded == [("1", True), ("3", False), ("no", False)]


def test_what_is_accepted_later_takes_the_place_of_all_before() -> None:
    world = World(step("a"), step("b", "a"))
    world.passes()
    for value in ("b@1", "b@2", "b@1"):
        world.annotations["kubesaga.dev/retry-step"] = value
        world.passes()
    world.spec["steps"][0]["retry"] = {"limit": 1, "backoffSeconds": 300}
    world.fail("a").passes()
    world.annotations["kubesaga.dev/retry-step"] = "a@1"
    world.passes()
    assert [(one.token, one.accepted) for one in world.status.handled_requests] == [
        ("b@2", False),
        ("b@1", False),
        ("a@1", True),
    ]


def test_a_flood_of_targets_leaves_the_requests_of_the_whole_workflow_recorded() -> None:
    world = World(*(step(f"s{i}") for i in range(80)))
    world.annotations = {CANCEL: "x"}
    world.passes()
    for i in range(80):
        world.annotations["kubesaga.dev/retry-step"] = f"s{i}@1"
        world.passes()
    tokens = [one.token for one in world.status.handled_requests]
    assert (len(tokens), tokens[0], tokens[-1]) == (64, "x", "s79@1")


def test_a_request_that_stands_is_not_done_again_after_a_flood_of_others() -> None:
    world = World(step("a", retry={"limit": 5, "backoffSeconds": 300}), *(step(f"s{i}") for i in range(80)))
    world.passes()
    world.fail("a").passes()
    world.annotations["kubesaga.dev/retry-step"] = "a@1"
    world.passes()
    assert (world.actions(), world.steps["a"].attempt) == (["create a"], 2)
    world.fail("a").passes()
    for i in range(80):
        world.annotations["kubesaga.dev/approve"] = f"s{i}@1"
        world.passes()
    assert (world.steps["a"].state, world.steps["a"].attempt) == ("Retrying", 2), "its back-off lasts"
    tokens = [one.token for one in world.status.handled_requests]
    assert (len(tokens), tokens[0], tokens[-1]) == (64, "a@1", "s79@1")


def test_what_is_asked_of_a_refused_spec_is_answered() -> None:
    world = World(step("a", "nowhere"))
    world.annotations[CANCEL] = "1"
    world.passes()
    assert answer(world) == (False, "the spec has errors, and nothing was started")
    assert [event.reason for event in world.last.events] == ["InvalidSpec", "RequestRefused"]
    world.annotations[CANCEL] = "2"
    world.passes()
    assert world.status.handled_requests[-1].token == "2"
    assert world.passes().write is Write.NONE
    world.spec["steps"][0]["dependsOn"] = []
    world.generation += 1
    world.passes()
    assert (world.status.phase, world.actions()) == ("Running", ["create a"])
    assert world.status.failure is None, "what was refused is not asked again by mending the spec"


def test_what_is_asked_of_a_state_that_contradicts_its_spec_is_answered() -> None:
    world = running()
    world.status = world.status.model_copy(update={"plan_version": 99})
    world.annotations[CANCEL] = "1"
    world.passes()
    assert answer(world)[1].startswith("it cannot go on: the run began under planning rules of version 99")
    assert [event.reason for event in world.last.events] == ["StateInconsistent", "RequestRefused"]
    assert world.passes().write is Write.NONE


def test_a_time_is_greater_than_any_counter() -> None:
    world = running()
    world.annotations[CANCEL] = "c@999"
    world.passes()
    world.annotations[CANCEL] = "c@2026-01-01T00:00:00+01:00"
    assert world.passes().write is Write.NOW


@pytest.mark.parametrize("value", ["", "now", "true", "-1", "1.5", "@1", "²", "9" * 400, "x" * 70 + "@1", "2026-01-01"])
def test_what_is_no_token_is_refused_in_words_and_once(value: str) -> None:
    world = running()
    world.annotations[CANCEL] = value
    world.passes()
    accepted, message = answer(world)
    assert not accepted
    assert "is no token" in message
    assert "RequestRefused" in [event.reason for event in world.last.events]
    assert world.passes().write is not Write.NOW
    world.annotations[CANCEL] = "1"
    world.passes()
    assert world.status.failure.reason == "Cancelled", "a good token still counts"


def test_a_bad_token_does_not_make_an_old_one_new() -> None:
    world = running()
    for value in ("c@5", "nonsense"):
        world.annotations[CANCEL] = value
        world.passes()
    world.annotations[CANCEL] = "c@5"
    assert world.passes().write is not Write.NOW
    world.annotations[CANCEL] = "more nonsense"
    world.passes()
    assert [one.token for one in world.status.handled_requests] == ["c@5", "more nonsense"]


@pytest.mark.parametrize(
    ("sentence", "annotation", "value", "message"),
    [
        ("no undo is blocked", RETRY, "1", "no undo is blocked"),
        ("the undo named is not blocked", RETRY, "a@1", "the undo of a is not blocked"),
        ("no such step", RETRY, "zz@1", 'there is no step "zz"'),
    ],
)
def test_a_verb_that_does_not_apply_is_refused_in_words(
    sentence: str, annotation: str, value: str, message: str
) -> None:
    world = running()
    world.annotations[annotation] = value
    world.passes()
    assert answer(world, "retry-compensation") == (False, message)


def test_a_workflow_that_has_ended_refuses_and_says_so() -> None:
    world = World(step("a"))
    world.passes()
    world.succeed("a").passes()
    world.annotations[CANCEL] = "1"
    assert world.passes().write is Write.NOW
    assert answer(world) == (False, "the Workflow has ended: Succeeded")
    assert world.status.phase == "Succeeded"
    assert world.passes().write is Write.NONE


def test_a_cancel_that_comes_with_the_last_success_is_too_late() -> None:
    world = World(step("a"))
    world.passes()
    world.annotations[CANCEL] = "1"
    world.succeed("a").passes()
    assert answer(world) == (False, "every step has succeeded")
    assert world.status.phase == "Succeeded"


def test_a_second_cancel_is_refused() -> None:
    world = running()
    for value in ("1", "2"):
        world.annotations[CANCEL] = value
        world.passes()
    assert answer(world) == (False, "the Workflow is being cancelled already")


def test_an_undo_is_never_cancelled() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    world.annotations[CANCEL] = "1"
    world.passes()
    accepted, message = answer(world)
    assert (accepted, "never cancelled" in message) == (False, True)
    assert world.undo("a").state in ("Starting", "Running")


def test_each_verb_has_a_line_of_tokens_of_its_own() -> None:
    world = running()
    world.annotations = {CANCEL: "x@7", RETRY: "3"}
    world.passes()
    assert [(h.verb, h.token) for h in world.status.handled_requests] == [
        ("cancel", "x@7"),
        ("retry-compensation", "3"),
    ]
    world.annotations[RETRY] = "4"
    assert world.passes().write is Write.NOW


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_at_the_edge_of_the_calendar_is_a_token_like_any_other(value: str) -> None:
    world = running()
    world.annotations[CANCEL] = f"c@{value}"
    world.passes()
    assert answer(world) == (False, "cancel takes no target: it is asked of the whole Workflow")
