"""A fallback: another way to do a step, when its own is used up, with an undo of its own."""

from typing import Any

from world import COMPENSATION, World, request, step

from kubesaga.api.names import Direction
from kubesaga.api.status import StepState
from kubesaga.engine.observation import Refusal

UNDO = {"container": {"image": "undo"}, "retry": {"limit": 0}}


def other(*, undo: bool | dict[str, Any] = False, **fields: Any) -> dict[str, Any]:
    """The field fallback of a step."""
    made: dict[str, Any] = {"container": {"image": "other"}, **fields}
    if undo:
        made["compensate"] = undo if isinstance(undo, dict) else UNDO
    return {"fallback": made}


def started(*steps: dict[str, Any], **spec: Any) -> World:
    world = World(*steps, **spec)
    world.settles()
    return world


def fallen(*, undo: bool | dict[str, Any] = True, other_undo: bool | dict[str, Any] = True, **spec: Any) -> World:
    """Step a, done by its fallback; step b runs."""
    own = UNDO if undo is True else undo
    world = started(step("a", undo=own, **other(undo=other_undo)), step("b", "a"), **spec)
    world.fail("a").settles()
    world.succeed("a").settles()
    assert world.states() == {"a": "Succeeded", "b": "Running"}
    return world


def reached(world: World) -> tuple[str, str]:
    return world.status.phase, world.status.reason


def message(world: World) -> str:
    return next(one.message for one in world.status.conditions if one.type == "Succeeded")


def created(world: World) -> dict[str, Any]:
    """The manifest of the last Job that a pass created."""
    return world.manifests[-1]


def images(world: World) -> list[str]:
    """What the Jobs ran, in the order of their creation."""
    return [m["spec"]["template"]["spec"]["containers"][0]["image"] for m in world.manifests]


# Forward


def test_the_fallback_follows_at_once_when_the_retries_of_the_own_way_are_used_up() -> None:
    world = started(step("a", retry={"limit": 1}, **other()))
    world.fail("a").settles()
    world.after(60).settles()
    assert images(world) == ["i", "i"]
    world.fail("a").settles()
    assert images(world) == ["i", "i", "other"]
    record = world.steps["a"]
    assert (record.way, record.attempt, record.fallback_from) == (Direction.FALLBACK, 3, 3)
    told = [message for reason, message in world.told if reason == "FallingBack"]
    assert told == ["step a, attempt 2: JobFailed: exit code 1: no luck; attempt 3 is by its fallback"]


def test_a_run_that_needed_a_fallback_succeeds_and_says_so() -> None:
    world = fallen()
    world.succeed("b").settles()
    assert reached(world) == ("Succeeded", "SucceededWithFallback")
    assert message(world) == "2 steps succeeded; by its fallback: a"
    assert world.passes().write == "None"


def test_what_is_optional_and_failed_says_more_than_a_fallback() -> None:
    world = fallen(other_undo=False)
    world = started(step("a", **other()), step("b", optional=True))
    world.fail("a", "b").settles()
    world.succeed("a").settles()
    assert reached(world) == ("Succeeded", "PartiallySucceeded")
    assert message(world) == "1 step succeeded; by its fallback: a; optional, and failed: b"


def test_the_fallback_gives_the_outputs_of_the_step() -> None:
    world = started(step("a", outputs=[{"name": "id"}], **other()), step("b", "a"))
    world.fail("a").settles()
    world.succeed("a", message='{"id": "x-1"}').settles()
    assert world.steps["a"].outputs == {"id": "x-1"}


def test_the_fallback_has_retries_of_its_own_and_fails_when_they_are_used_up() -> None:
    world = started(step("a", **other(retry={"limit": 1})))
    world.fail("a").settles()
    world.fail("a").settles()
    assert world.states() == {"a": "Retrying"}
    world.after(60).settles()
    world.fail("a").settles()
    assert images(world) == ["i", "other", "other"]
    assert reached(world) == ("Failed", "StepFailed")


def test_a_fallback_without_retries_of_its_own_has_those_of_the_defaults() -> None:
    world = started(step("a", retry={"limit": 0}, **other()), defaults={"retry": {"limit": 2}})
    world.fail("a").settles()
    world.fail("a").settles()
    assert world.states() == {"a": "Retrying"}


def test_no_fallback_begins_after_the_first_cause() -> None:
    world = started(step("a", **other()), step("b"))
    world.fail("b").settles()
    world.fail("a").settles()
    assert world.states() == {"a": "Failed", "b": "Failed"}
    assert images(world) == ["i", "i"]


def test_a_fallback_that_was_decided_does_not_begin_after_a_cancel() -> None:
    world = started(step("a", undo=UNDO, **other(undo=True)))
    world.fail("a").passes()
    assert (world.states(), world.steps["a"].way) == ({"a": "Starting"}, Direction.FALLBACK)
    world.jobs.pop(world.name("a"))
    assert request(world, "cancel")[0]
    world.settles()
    assert images(world)[-1] == "undo"
    assert world.steps["a"].fallback_from is None
    assert world.undo("a").way is Direction.FORWARD


def test_an_own_way_that_never_began_is_not_undone() -> None:
    world = World(step("a", undo=UNDO, **other(undo=True)), step("b", "a"))
    world.passes()
    world.jobs.clear()
    world.refusals[world.name("a")] = Refusal(422, "Invalid", "no such volume", world.now)
    world.settles()
    assert (world.steps["a"].way, world.steps["a"].attempted) == (Direction.FALLBACK, False)
    world.succeed("a").settles()
    world.fail("b").settles()
    assert world.undo("a").way is Direction.FALLBACK
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RolledBack", "RolledBack")


# Rollback


def test_the_fallback_is_undone_before_the_own_way() -> None:
    world = fallen()
    world.fail("b").settles()
    assert world.undo("a").way is Direction.FALLBACK
    first = created(world)
    world.succeed("a", direction=COMPENSATION).settles()
    undo = world.undo("a")
    assert (undo.way, undo.attempt, undo.fallback.state) == (Direction.FORWARD, 2, StepState.SUCCEEDED)
    assert first["metadata"]["name"] != created(world)["metadata"]["name"]
    assert world.status.rollback_progress == "0/1"
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RolledBack", "RolledBack")
    assert world.status.rollback_progress == "1/1"


def test_only_the_way_that_declares_an_undo_is_undone() -> None:
    for ways, undone in (({"undo": False}, Direction.FALLBACK), ({"other_undo": False}, Direction.FORWARD)):
        world = fallen(**ways)
        world.fail("b").settles()
        assert world.undo("a").way is undone
        world.succeed("a", direction=COMPENSATION).settles()
        assert reached(world) == ("RolledBack", "RolledBack")


def test_an_undo_of_what_succeeded_is_that_of_the_way_which_did() -> None:
    world = fallen(undo=UNDO | {"when": "Succeeded"}, other_undo=UNDO | {"when": "Succeeded"})
    world.fail("b").settles()
    assert world.undo("a").way is Direction.FALLBACK
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RolledBack", "RolledBack")


def test_a_fallback_that_failed_is_undone_too() -> None:
    world = started(step("a", undo=UNDO, **other(undo=True)))
    world.fail("a").settles()
    world.fail("a").settles()
    assert (world.states(), world.undo("a").way) == ({"a": "Failed/Running"}, Direction.FALLBACK)


def test_an_undo_of_a_fallback_that_fails_blocks_and_a_person_leads_on() -> None:
    world = fallen()
    world.fail("b").settles()
    world.fail("a", direction=COMPENSATION).settles()
    assert world.status.phase == "RollbackBlocked"
    assert request(world, "retry-compensation")[0]
    world.settles()
    assert (world.undo("a").way, world.undo("a").attempt) == (Direction.FALLBACK, 2)
    world.fail("a", direction=COMPENSATION).settles()
    assert request(world, "skip-compensation", "a@2", note="seen to")[0]
    world.settles()
    undo = world.undo("a")
    assert (undo.way, undo.fallback.state) == (Direction.FORWARD, StepState.SKIPPED)
    assert undo.message is None
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("PartiallyRolledBack", "ManuallyResolved")
    assert "left: a (the undo of its fallback was skipped: seen to (failed before: exit code 1: no luck))" in message(
        world
    )


def test_under_continue_a_failed_undo_of_a_fallback_holds_up_nothing_and_is_left() -> None:
    world = fallen(rollback={"onCompensationFailure": "Continue"})
    world.fail("b").settles()
    world.fail("a", direction=COMPENSATION).settles()
    assert world.undo("a").way is Direction.FORWARD
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RollbackFailed", "CompensationAbandoned")
    assert "left: a (the undo of its fallback failed: exit code 1: no luck)" in message(world)


def test_the_own_way_is_not_undone_while_a_pod_of_the_other_undo_runs() -> None:
    world = fallen(rollback={"onCompensationFailure": "Continue"})
    world.fail("b").settles()
    world.pod("a", COMPENSATION)
    world.jobs.pop(world.name("a", COMPENSATION))
    world.settles()
    assert world.undo("a").way is Direction.FALLBACK
    world.pods.clear()
    world.settles()
    assert world.undo("a").way is Direction.FORWARD


def test_nothing_before_a_step_is_undone_until_both_its_ways_are() -> None:
    world = started(step("before", undo=UNDO), step("a", "before", undo=UNDO, **other(undo=True)), step("b", "a"))
    world.succeed("before").settles()
    world.fail("a").settles()
    world.succeed("a").settles()
    world.fail("b").settles()
    world.pod("a", COMPENSATION, phase="Succeeded", exit_code=0)
    world.settles()
    assert (world.undo("a").way, world.undo("before")) == (Direction.FALLBACK, None), "its Job says nothing yet"
    assert world.status.rollback_progress == "0/2"
    world.succeed("a", direction=COMPENSATION).settles()
    assert world.undo("before") is None
    world.succeed("a", direction=COMPENSATION).settles()
    assert world.undo("before").state is StepState.RUNNING


def test_what_the_time_for_a_rollback_leaves_between_the_two_undos_waits_for_a_person() -> None:
    world = fallen(rollback={"timeoutSeconds": 60})
    world.fail("b").settles()
    world.after(61).settles()
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RollbackBlocked", "CompensationFailed")
    assert "a (its undo failed: its fallback is undone, the step itself is not)" in message(world)
    assert request(world, "retry-compensation")[0]
    world.settles()
    assert (world.undo("a").way, world.states()) == (Direction.FORWARD, {"a": "Succeeded/Running", "b": "Failed"})


# Again


def test_a_retry_begins_with_the_own_way_again() -> None:
    world = started(step("a", **other()))
    world.fail("a").settles()
    world.fail("a").settles()
    assert request(world, "retry")[0]
    world.settles()
    assert images(world) == ["i", "other", "i"]
    world.fail("a").settles()
    assert images(world) == ["i", "other", "i", "other"]


def test_what_was_undone_gets_a_new_key_and_what_was_not_keeps_its_own() -> None:
    world = fallen(undo=False)
    world.fail("b").settles()
    world.succeed("a", direction=COMPENSATION).settles()
    assert request(world, "retry")[0]
    assert (world.status.incarnations, world.status.fallback_incarnations) == ({}, {"a": 2})
