"""spec.rollback and compensate.when: how much is undone at once, until when, after which attempts, and what if not."""

from dataclasses import replace

import pytest
from world import COMPENSATION, World, step

from kubesaga.engine.action import CreateJob
from kubesaga.engine.decision import Write

ONCE = {"container": {"image": "i"}, "retry": {"limit": 0}}


def failed(*steps: dict, **spec: object) -> World:
    """Every step has succeeded but a last one, which depends on all of them and failed."""
    names = [one["name"] for one in steps]
    world = World(*steps, step("last", *names), **spec)
    world.passes()
    while "last" not in world.steps:
        world.succeed(*(name for name, state in world.states().items() if state == "Starting")).passes()
    world.fail("last").passes()
    return world


def undo_fails(world: World, *names: str) -> World:
    world.fail(*names, direction=COMPENSATION).passes()
    return world


def undo_succeeds(world: World, *names: str) -> World:
    world.succeed(*names, direction=COMPENSATION).passes()
    return world


def test_an_undo_for_successes_alone_is_not_run_for_a_step_that_failed() -> None:
    when = {"container": {"image": "i"}, "when": "Succeeded"}
    world = World(step("a", undo=when), step("b", "a", undo=when))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert (world.actions(), world.status.rollback_progress) == (["undo a"], "0/1")
    assert undo_succeeds(world, "a").status.phase == "RolledBack"


def test_where_only_successes_are_undone_and_there_was_none_nothing_is_rolled_back() -> None:
    world = World(step("a", undo={"container": {"image": "i"}, "when": "Succeeded"}))
    world.passes()
    world.fail("a").passes()
    assert (world.status.phase, world.status.rollback) == ("Failed", None)


def test_a_step_that_may_still_succeed_is_waited_for_before_its_undo_is_ruled_out() -> None:
    world = World(step("a", undo={"container": {"image": "i"}, "when": "Succeeded"}), step("b"))
    world.passes()
    world.fail("b").passes()
    assert world.status.phase == "RollingBack"
    world.succeed("a").passes()
    assert world.actions() == ["undo a"]


def test_as_many_undos_run_at_once_as_are_allowed() -> None:
    world = failed(*(step(f"s{i}", undo=True) for i in range(4)), rollback={"parallelism": 2})
    assert world.actions() == ["undo s2", "undo s3"]
    undo_succeeds(world, "s3")
    assert world.actions() == ["undo s1"]


def test_an_undo_that_waits_for_its_next_attempt_keeps_its_place() -> None:
    world = failed(step("a", undo=True), step("b", undo=True), rollback={"parallelism": 1})
    assert world.actions() == ["undo b"]
    undo_fails(world, "b")
    assert (world.actions(), world.undo("b").state) == ([], "Retrying")
    world.after(10).passes()
    assert world.actions() == ["undo b"]
    assert undo_succeeds(world, "b").actions() == ["undo a"]


def test_an_undo_that_failed_for_good_makes_room_for_those_that_it_does_not_hold_up() -> None:
    world = failed(step("a", undo=True), step("b", undo=ONCE), rollback={"parallelism": 1})
    undo_fails(world, "b")
    assert (world.status.phase, world.actions()) == ("RollbackBlocked", ["undo a"])


def test_under_continue_the_others_are_undone_and_what_failed_is_named() -> None:
    chain = (step("a", undo=True), step("b", "a", undo=ONCE), step("c", "b", undo=True))
    world = failed(*chain, rollback={"onCompensationFailure": "Continue"})
    undo_succeeds(world, "c")
    undo_fails(world, "b")
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])
    undo_succeeds(world, "a")
    assert (world.status.phase, world.status.reason) == ("RollbackFailed", "CompensationAbandoned")
    assert world.condition("Succeeded") == ("False", "CompensationAbandoned")
    assert world.condition("Stalled") == ("True", "CompensationAbandoned")
    message = next(c.message for c in world.status.conditions if c.type == "Succeeded")
    assert message.startswith("left: b (its undo failed: exit code 1: no luck); 2 steps undone; step last failed")
    assert world.status.failure.step == "last", "the first cause is kept"


def test_under_continue_a_failed_undo_holds_up_the_next_and_the_end_until_its_pod_has_ended() -> None:
    chain = (step("a", undo=ONCE), step("b", "a", undo=ONCE))
    world = failed(*chain, rollback={"onCompensationFailure": "Continue"})
    for name in ("b", "a"):
        world.pod(name, COMPENSATION, phase="Running")
        world.passes()
        deleted = world.jobs.pop(world.name(name, COMPENSATION))
        world.passes(deleted.name)
        assert world.undo(name).state == "Failed"
        assert world.status.phase == "RollingBack"
        assert not [one for one in world.passes(deleted.name).actions if isinstance(one, CreateJob)]
        [pod] = world.pods[deleted.uid]
        world.pods[deleted.uid] = (replace(pod, phase="Failed", exit_code=137),)
        world.settles()
    assert (world.status.phase, world.status.reason) == ("RollbackFailed", "CompensationAbandoned")


def test_after_its_time_no_attempt_of_an_undo_begins_and_a_person_decides() -> None:
    world = failed(step("a", undo=True), step("b", "a", undo=True), rollback={"timeoutSeconds": 60})
    assert world.last.wake_at == world.status.rollback.quiesced_time.replace(minute=1)
    undo_fails(world, "b")
    world.after(60).passes()
    assert (world.undo("b").state, world.status.phase, world.actions()) == ("Failed", "RollbackBlocked", [])
    message = next(c.message for c in world.status.conditions if c.type == "Stalled")
    assert "ran longer than 60 s" in message
    assert "a (its undo has not begun)" in message
    assert world.after(1_000).passes().write is Write.NONE
    world.annotations["kubesaga.dev/retry-compensation"] = "1"
    world.passes()
    assert (world.actions(), world.status.phase) == (["undo b"], "RollingBack")
    assert world.last.wake_at is not None, "the time begins anew"
    undo_succeeds(world, "b")
    assert undo_succeeds(world, "a").status.phase == "RolledBack"


def test_an_undo_that_runs_when_the_time_is_over_may_end() -> None:
    world = failed(step("a", undo=True), rollback={"timeoutSeconds": 60})
    world.after(61).passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", [])
    assert undo_succeeds(world, "a").status.phase == "RolledBack"


def test_after_its_time_a_rollback_that_continues_ends() -> None:
    spec = {"timeoutSeconds": 60, "onCompensationFailure": "Continue"}
    world = failed(step("a", undo=True), step("b", "a", undo=True), rollback=spec)
    world.after(61)
    undo_succeeds(world, "b")
    assert world.status.phase == "RollbackFailed"
    assert "left: a (its undo has not begun)" in world.status.conditions[0].message


def blocked() -> World:
    """The undo of c is done, that of b has failed for good, that of a waits for it."""
    world = failed(step("a", undo=True), step("b", "a", undo=ONCE), step("c", "b", undo=True))
    undo_succeeds(world, "c")
    return undo_fails(world, "b")


def test_skipping_a_blocked_undo_leads_on_and_is_told_in_the_end() -> None:
    world = blocked()
    world.annotations["kubesaga.dev/skip-compensation"] = "b@1"
    world.annotations["kubesaga.dev/skip-compensation-note"] = "refunded by hand"
    world.passes()
    assert (world.undo("b").state, world.actions()) == ("Skipped", ["undo a"])
    undo_succeeds(world, "a")
    assert (world.status.phase, world.status.reason) == ("PartiallyRolledBack", "ManuallyResolved")
    assert world.condition("Succeeded") == ("False", "ManuallyResolved")
    assert "left: b (its undo was skipped: refunded by hand" in world.status.conditions[0].message
    assert world.status.rollback_progress == "2/3"


def test_a_skip_without_a_note_keeps_why_the_undo_failed() -> None:
    world = blocked()
    world.annotations["kubesaga.dev/skip-compensation"] = "b@1"
    world.passes()
    assert world.undo("b").message == "exit code 1: no luck"


def test_an_abandoned_rollback_ends_and_says_what_is_left() -> None:
    world = blocked()
    world.annotations["kubesaga.dev/abandon"] = "1"
    world.annotations["kubesaga.dev/abandon-note"] = "the shop is closed"
    world.passes()
    assert (world.status.phase, world.status.reason) == ("RollbackFailed", "CompensationAbandoned")
    left = "left: a (its undo has not begun), b (its undo failed: exit code 1: no luck)"
    assert left in world.status.conditions[0].message
    assert world.status.handled_requests[-1].message.endswith("the shop is closed")
    assert world.after(10_000).passes().write is Write.NONE


def test_an_abandoned_rollback_waits_for_the_undos_that_run() -> None:
    world = failed(step("a", undo=ONCE), step("b", undo=True))
    undo_fails(world, "a")
    world.annotations["kubesaga.dev/abandon"] = "1"
    world.passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", [])
    assert undo_succeeds(world, "b").status.phase == "RollbackFailed"


def test_an_undo_that_waits_for_its_next_attempt_is_given_up_with_the_rollback() -> None:
    world = failed(step("a", undo=ONCE), step("b", undo=True))
    undo_fails(world, "a", "b")
    world.annotations["kubesaga.dev/abandon"] = "1"
    world.passes()
    assert (world.undo("b").state, world.status.phase) == ("Failed", "RollbackFailed")


@pytest.mark.parametrize(
    ("verb", "token", "says"),
    [
        ("skip-compensation", "1", "needs a target: STEP@N"),
        ("skip-compensation", "zz@1", 'there is no step "zz"'),
        ("skip-compensation", "c@1", "the undo of c is not blocked"),
        ("skip-compensation", "a@1", "the undo of a is not blocked"),
        ("skip-compensation", "last@1", "the undo of last is not blocked"),
        ("abandon", "b@1", "abandon takes no target"),
        ("retry-compensation", "c@1", "the undo of c is not blocked"),
    ],
)
def test_what_does_not_apply_to_a_blocked_rollback_is_refused_in_words(verb: str, token: str, says: str) -> None:
    world = blocked()
    world.annotations[f"kubesaga.dev/{verb}"] = token
    world.passes()
    handled = world.status.handled_requests[-1]
    assert (handled.verb, handled.accepted, world.status.phase) == (verb, False, "RollbackBlocked")
    assert says in handled.message
    assert world.passes().write is Write.NONE, "a token is answered once"


@pytest.mark.parametrize("verb", ["abandon", "skip-compensation", "retry-compensation"])
def test_what_is_for_a_blocked_rollback_is_refused_while_none_is(verb: str) -> None:
    world = World(step("a", undo=True))
    world.passes()
    world.annotations[f"kubesaga.dev/{verb}"] = "a@1" if verb == "skip-compensation" else "1"
    world.passes()
    assert world.status.handled_requests[-1].accepted is False
    assert "blocked" in world.status.handled_requests[-1].message


def test_of_abandon_and_retry_given_at_once_abandon_wins() -> None:
    world = blocked()
    world.annotations |= {"kubesaga.dev/abandon": "1", "kubesaga.dev/retry-compensation": "1"}
    world.passes()
    answers = {handled.verb: handled.accepted for handled in world.status.handled_requests}
    assert answers == {"abandon": True, "retry-compensation": False}
    assert world.status.phase == "RollbackFailed"
