"""`retry.onExitCodes`: which failures are worth another attempt."""

from typing import Any

import pytest
from world import COMPENSATION, FINALLY, World, step

from kubesaga.api.names import Direction

UNDO = {"container": {"image": "undo"}}


def started(*steps: dict[str, Any], **spec: Any) -> World:
    world = World(*steps, **spec)
    world.settles()
    return world


def failed(world: World, exit_code: int, direction: Direction = Direction.FORWARD) -> World:
    """The Job of step a has failed with that exit code."""
    world.fail("a", direction=direction)
    world.pod("a", direction, phase="Failed", exit_code=exit_code, termination_message="no luck")
    world.settles()
    return world


def retry(**codes: Any) -> dict[str, Any]:
    return {"limit": 2, "backoffSeconds": 1, "onExitCodes": codes}


@pytest.mark.parametrize(
    ("codes", "exit_code", "state"),
    [
        ({"in": [3, 4]}, 4, "Retrying"),
        ({"in": [3, 4]}, 5, "Failed"),
        ({"notIn": [3, 4]}, 5, "Retrying"),
        ({"notIn": [3, 4]}, 3, "Failed"),
    ],
)
def test_the_exit_code_says_whether_another_attempt_follows(codes: dict[str, Any], exit_code: int, state: str) -> None:
    world = failed(started(step("a", retry=retry(**codes))), exit_code)
    assert world.states() == {"a": state}


def test_a_final_failure_says_so_and_is_the_cause() -> None:
    world = failed(started(step("a", retry=retry(notIn=[42]))), 42)
    assert world.status.failure.message == "step a failed: final by retry.onExitCodes: exit code 42: no luck"


def test_the_budget_of_retries_holds_all_the_same() -> None:
    world = started(step("a", retry=retry(**{"in": [1]})))
    for _ in range(2):
        failed(world, 1).after(9).settles()
    assert world.steps["a"].attempt == 3
    assert failed(world, 1).states() == {"a": "Failed"}
    assert world.steps["a"].message == "exit code 1: no luck"


def test_a_failure_without_an_exit_code_of_its_own_is_tried_again() -> None:
    world = started(step("a", timeoutSeconds=9, retry=retry(**{"in": [3]})))
    world.fail("a", reason="DeadlineExceeded").settles()
    assert (world.states(), world.steps["a"].reason) == ({"a": "Retrying"}, "DeadlineExceeded")


def test_an_exit_code_that_was_not_seen_is_looked_for() -> None:
    world = started(step("a", retry=retry(notIn=[42])))
    world.job("a", failed=True, failed_reason="BackoffLimitExceeded", active=0)
    world.passes()
    assert (world.actions(), world.states()) == (["confirm a"], {"a": "Running"})
    world.pod("a", phase="Failed", exit_code=42)
    world.passes(world.name("a"))
    assert world.states() == {"a": "Failed"}


def test_of_a_pod_that_somebody_deleted_no_exit_code_is_known_and_the_step_is_tried_again() -> None:
    world = started(step("a", retry=retry(notIn=[42])))
    world.job("a", failed=True, failed_reason="BackoffLimitExceeded", active=0)
    world.passes(world.name("a"))
    assert world.states() == {"a": "Retrying"}


def test_the_exit_code_of_an_evicted_pod_decides_nothing() -> None:
    world = started(step("a", retry=retry(notIn=[137])))
    world.job("a", failed=True, failed_reason="BackoffLimitExceeded", active=0)
    world.pod("a", phase="Failed", exit_code=137, disrupted=True)
    world.passes()
    assert world.actions() == ["confirm a"], "the Pod that took its place has another one"


def test_what_the_defaults_say_holds_where_the_step_says_nothing_and_is_replaced_as_a_whole() -> None:
    defaults = {"retry": retry(notIn=[7])}
    assert failed(started(step("a"), defaults=defaults), 7).states() == {"a": "Failed"}
    own = step("a", retry={"onExitCodes": {"in": [7]}})
    assert failed(started(own, defaults=defaults), 7).states() == {"a": "Retrying"}


def test_the_fallback_follows_a_final_failure_at_once() -> None:
    world = started(step("a", retry=retry(notIn=[42]), fallback={"container": {"image": "other"}}))
    failed(world, 42)
    assert (world.steps["a"].way, world.steps["a"].attempt, world.states()) == ("Fallback", 2, {"a": "Running"})


def test_an_undo_that_fails_for_good_at_once_blocks_the_rollback() -> None:
    world = started(step("a", compensate={**UNDO, "retry": {"onExitCodes": {"notIn": [42]}}}), step("b", "a"))
    world.succeed("a").settles()
    world.fail("b").settles()
    failed(world, 42, COMPENSATION)
    assert (world.states()["a"], world.status.phase) == ("Succeeded/Failed", "RollbackBlocked")


def test_a_finally_step_asks_too() -> None:
    last = [{"name": "z", "container": {"image": "i"}, "retry": retry(notIn=[42])}]
    world = started(step("a"), **{"finally": last})
    world.succeed("a").settles()
    world.fail("z", direction=FINALLY)
    world.pod("z", FINALLY, phase="Failed", exit_code=42)
    world.settles()
    assert world.status.reason == "FinallyFailed"
