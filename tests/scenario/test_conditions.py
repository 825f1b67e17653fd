"""Conditions and trigger rules: which steps need not run, and why their records say so."""

from typing import Any

import pytest
from world import COMPENSATION, World, request, step

ID = [{"name": "id"}]


def reached(world: World) -> tuple[str, str]:
    return world.status.phase, world.status.reason


def message(world: World) -> str:
    return next(one.message for one in world.status.conditions if one.type == "Succeeded")


def became(world: World, name: str) -> tuple[str, str | None, str | None]:
    record = world.steps[name]
    return str(record.state), record.reason and str(record.reason), record.message


def started(*steps: dict[str, Any], **spec: Any) -> World:
    world = World(*steps, **spec)
    world.settles()
    return world


# Conditions


def test_a_step_whose_condition_is_true_runs() -> None:
    world = World(step("a", when="params.region == 'eu'"), parameters=[{"name": "region", "value": "eu"}])
    world.passes()
    assert world.actions() == ["create a"]


def test_a_step_whose_condition_is_false_is_skipped_with_what_need_not_wait_for_it() -> None:
    world = World(step("a", when="workflow.name == 'other'"), step("b", "a"))
    world.passes()
    assert world.actions() == ["create b"]
    assert became(world, "a") == ("Skipped", "ConditionFalse", None)
    assert not world.steps["a"].attempted
    world.succeed("b").settles()
    assert reached(world) == ("Succeeded", "Succeeded")
    assert message(world) == "1 step succeeded; 1 skipped, as their conditions or trigger rules say"
    assert world.status.progress == "2/2"


def test_a_run_of_which_every_step_is_skipped_has_succeeded() -> None:
    world = started(step("a", when="false"))
    assert (reached(world), world.jobs) == (("Succeeded", "Succeeded"), {})
    assert world.passes().write == "None"


def test_a_condition_sees_outcomes_and_outputs_of_the_steps_that_it_names() -> None:
    asks = "steps.a.outputs.id == 'x-1' && steps.a.outcome == 'Succeeded' && workflow.uid != ''"
    world = started(step("a", outputs=ID), {"name": "b", "container": {"image": "i"}, "when": asks})
    assert world.states() == {"a": "Running"}
    world.succeed("a", message='{"id": "x-1"}').passes()
    assert world.actions() == ["create b"]


def test_a_condition_may_ask_for_the_outcome_of_a_step_that_never_starts() -> None:
    world = started(
        step("a"),
        step("b", "a"),
        step("c", triggerRule="AllFinished", when="steps.b.outcome == 'NotStarted'"),
        onFailure="Continue",
    )
    world.fail("a").passes()
    assert world.actions() == ["create c"]


def test_a_condition_is_evaluated_when_there_is_room_for_the_step() -> None:
    world = started(step("a"), step("b", when="false"), step("c"), parallelism=1)
    assert world.states() == {"a": "Running"}
    world.succeed("a").passes()
    assert world.actions() == ["create c"]
    assert became(world, "b")[:2] == ("Skipped", "ConditionFalse")


def test_an_attempt_that_is_due_takes_its_room_before_a_condition_is_evaluated() -> None:
    world = started(
        step("a", retry={"limit": 1, "backoffSeconds": 5}), step("b"), step("c", when="false"), parallelism=1
    )
    world.fail("a").settles()
    assert world.states() == {"a": "Retrying", "b": "Running"}
    world.after(5).succeed("b").passes()
    assert (world.actions(), "c" in world.steps) == (["create a"], False)


def test_a_wait_takes_no_room_and_its_condition_waits_for_none() -> None:
    wait = {"name": "w", "wait": {"seconds": 5}, "when": "workflow.name == 'order'"}
    assert started(step("a"), step("b"), wait, parallelism=1).states() == {"a": "Running", "w": "Running"}


def test_a_skipped_wait_is_over_at_once() -> None:
    world = World({"name": "w", "wait": {"seconds": 5}, "when": "false"}, step("b", "w"))
    world.passes()
    assert world.actions() == ["create b"]


def test_a_condition_that_cannot_be_evaluated_fails_the_step_before_it_is_attempted() -> None:
    world = started(
        step("a", undo=True),
        step("b", "a", undo=True, when="int(params.size) > 3"),
        parameters=[{"name": "size", "value": "many"}],
    )
    world.succeed("a").passes()
    assert became(world, "b") == ("Failed", "ExpressionError", "when: cannot convert string to int")
    assert world.status.failure.message == "step b failed: when: cannot convert string to int"
    assert not world.steps["b"].attempted
    world.settles()
    world.succeed("a", direction=COMPENSATION).settles()
    assert (reached(world), world.undo("b")) == (("RolledBack", "RolledBack"), None)


def test_nothing_starts_beside_a_condition_that_cannot_be_evaluated() -> None:
    world = World(step("a"), step("b", when="1 / int(params.zero) == 1"), parameters=[{"name": "zero", "value": "0"}])
    world.passes()
    assert world.jobs == {}
    assert reached(world) == ("Failed", "StepFailed")


def test_an_optional_step_may_have_a_condition_that_cannot_be_evaluated() -> None:
    world = World(step("a", optional=True, when="1 / 0 == 1"), step("b", "a"))
    world.passes()
    assert world.actions() == ["create b"]
    assert world.steps["a"].reason == "ExpressionError"


def test_a_condition_that_asks_for_an_output_which_was_not_given_skips_the_step() -> None:
    world = started(step("a", optional=True, outputs=ID), step("b", "a", when="steps.a.outputs.id != ''"))
    world.fail("a").settles()
    said = "when asks for the output id, which step a ended without giving"
    assert became(world, "b") == ("Skipped", "OutputsUnavailable", said)
    assert reached(world) == ("Succeeded", "PartiallySucceeded")


def test_a_condition_may_ask_whether_an_output_was_given() -> None:
    world = started(step("a", optional=True, outputs=ID), step("b", when="!has(steps.a.outputs.id)"))
    world.fail("a").passes()
    assert world.actions() == ["create b"]


def test_a_step_that_refers_to_an_output_which_was_not_given_is_skipped() -> None:
    refers = {"image": "i", "args": ["$(steps.a.outputs.id)"]}
    world = started(step("a", optional=True, outputs=ID), step("b", container=refers), step("c", "b"))
    world.fail("a").passes()
    assert became(world, "b") == ("Skipped", "OutputsUnavailable", "step a ended without giving the output id")
    assert world.actions() == ["create c"]


def test_a_step_may_refer_to_the_outcome_of_a_step_that_failed() -> None:
    refers = {"image": "i", "args": ["$(steps.a.outcome)"]}
    world = started(step("a", optional=True), step("b", container=refers))
    world.fail("a").passes()
    manifest = next(action.manifest for action in world.last.actions)
    assert manifest["spec"]["template"]["spec"]["containers"][0]["args"] == ["Failed"]


# Trigger rules


def test_a_step_that_waits_for_a_failure_is_skipped_when_there_is_none() -> None:
    world = started(step("a", optional=True), step("b", "a", triggerRule="AnyFailed"), step("c", "b"))
    world.succeed("a").passes()
    assert became(world, "b") == ("Skipped", "TriggerRuleNotMet", None)
    assert world.actions() == ["create c"]


def test_a_step_starts_with_the_first_success_before_it() -> None:
    world = started(step("a"), step("b"), step("c", "a", "b", triggerRule="AnySucceeded"))
    world.succeed("b").passes()
    assert world.actions() == ["create c"]


def test_a_failure_halts_the_run_whatever_trigger_rules_say() -> None:
    world = started(step("a"), step("b"), step("c", "a", "b", triggerRule="AllFinished"))
    world.fail("a").settles()
    world.succeed("b").settles()
    assert world.states() == {"a": "Failed", "b": "Succeeded"}
    assert reached(world) == ("Failed", "StepFailed")


def test_what_was_skipped_is_left_out_of_a_rollback() -> None:
    world = started(step("a", undo=True), step("b", "a", undo=True, when="false"), step("c", "b"))
    world.succeed("a").passes()
    world.fail("c").settles()
    assert world.states() == {"a": "Succeeded/Running", "b": "Skipped", "c": "Failed"}
    world.succeed("a", direction=COMPENSATION).settles()
    assert reached(world) == ("RolledBack", "RolledBack")
    assert world.status.rollback_progress == "1/1"


def test_a_pivot_that_is_skipped_decides_nothing() -> None:
    world = started(step("a", undo=True), step("p", "a", boundary="Pivot", when="false"), step("b", "p"))
    world.succeed("a").passes()
    world.fail("b").settles()
    assert world.status.phase == "RollingBack"


# What people request


def test_a_retry_looks_anew_at_conditions_and_keeps_what_a_person_skipped() -> None:
    world = started(
        step("a", retry={"limit": 1}),
        step("b", when="steps.a.outcome != 'Succeeded'"),
        step("p"),
        step("z", "b", "p"),
    )
    world.succeed("a").settles()
    world.fail("p").settles()
    assert became(world, "b")[:2] == ("Skipped", "ConditionFalse")
    assert reached(world) == ("Failed", "StepFailed")
    assert request(world, "skip-step", "p@1")[0]
    assert became(world, "p")[0] == "Skipped"
    assert world.steps["b"].epoch == 2
    world.succeed("z").settles()
    assert reached(world) == ("Succeeded", "Succeeded")


def test_a_retry_does_not_look_anew_where_something_behind_it_has_gone_on() -> None:
    world = started(step("a", when="false"), step("b", "a"), step("c", "b"))
    world.succeed("b").passes()
    world.fail("c").settles()
    assert request(world, "retry")[0]
    assert (world.steps["a"].epoch, world.steps["c"].attempt) == (1, 2)


def test_a_retry_evaluates_a_condition_that_failed_anew() -> None:
    world = World(step("a", when="int(params.n) > 0"), parameters=[{"name": "n", "value": "x"}])
    world.settles()
    assert reached(world) == ("Failed", "StepFailed")
    assert request(world, "retry")[0]
    assert became(world, "a")[:2] == ("Failed", "ExpressionError")
    assert (world.status.epoch, world.jobs, world.steps["a"].epoch) == (2, {}, 2)


@pytest.mark.parametrize("reason", ["ConditionFalse", "TriggerRuleNotMet"])
def test_what_the_graph_skipped_is_not_skipped_by_a_person_too(reason: str) -> None:
    fields = {"when": "false"} if reason == "ConditionFalse" else {"triggerRule": "AnyFailed"}
    world = started(step("a", optional=True), step("b", "a", **fields), step("c"))
    world.succeed("a").settles()
    answer = f"step b was skipped already: {reason}; retry looks at that anew after a failure"
    assert request(world, "skip-step", "b@1") == (False, answer)


def test_a_step_that_a_person_skipped_counts_as_succeeded_for_the_rules_after_it() -> None:
    world = started(step("a"), step("b"), step("c", "b", triggerRule="AnySucceeded"), parallelism=1)
    assert request(world, "skip-step", "b@1")[0]
    world.succeed("a").passes()
    assert world.actions() == ["create c"]
