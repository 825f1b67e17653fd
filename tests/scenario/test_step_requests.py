"""The requests `retry-step` and `skip-step`: what people decide of a single step."""

import json

import pytest
from world import World, request, step


def running(**fields: object) -> World:
    """a runs, b follows it."""
    world = World(step("a", **fields), step("b", "a"))
    world.passes()
    return world


def retrying() -> World:
    world = running(retry={"limit": 2, "backoffSeconds": 300})
    world.fail("a").passes()
    assert world.states() == {"a": "Retrying"}
    return world


def failed() -> World:
    world = running()
    world.fail("a").passes()
    assert world.status.phase == "Failed"
    return world


def test_a_step_that_waits_for_its_next_attempt_begins_at_once() -> None:
    world = retrying()
    assert request(world, "retry-step", "a@1") == (True, "step a tries again")
    assert (world.actions(), world.steps["a"].attempt) == (["create a"], 2)


@pytest.mark.parametrize(
    ("sentence", "world", "token", "message"),
    [
        ("it runs", running, "a@1", "step a has not failed: it is Running"),
        ("it is pending", running, "b@1", "step b has not failed: it is pending"),
        ("there is no such step", running, "x@1", 'there is no step "x"'),
        ("no step is named", running, "1", "retry-step needs a target: STEP@N"),
        ("it has ended", failed, "a@1", "the Workflow has ended: Failed"),
    ],
)
def test_a_retry_that_does_not_apply_is_refused(sentence: str, world: object, token: str, message: str) -> None:
    assert request(world(), "retry-step", token) == (False, message)


def test_a_step_is_not_retried_alone_while_the_workflow_ends() -> None:
    world = World(step("a"), step("b"))
    world.passes()
    world.fail("a").passes()
    message = "step a is not retried alone: request retry once the Workflow has ended"
    assert request(world, "retry-step", "a@1") == (False, message)


def test_a_pending_step_is_skipped_and_never_runs() -> None:
    world = running()
    assert request(world, "skip-step", "b@1") == (True, "step b is taken for done")
    world.succeed("a").passes()
    assert (world.status.phase, world.states()) == ("Succeeded", {"b": "Skipped", "a": "Succeeded"})
    assert len(world.jobs) == 1


def test_a_step_that_waits_for_its_next_attempt_is_skipped() -> None:
    world = retrying()
    assert request(world, "skip-step", "a@1", note="done by hand")[0]
    assert (world.states(), world.actions()) == ({"a": "Skipped", "b": "Starting"}, ["create b"])
    assert (world.steps["a"].message, world.steps["a"].next_attempt_time) == ("done by hand", None)


def test_a_failed_workflow_goes_on_behind_the_skipped_step() -> None:
    world = failed()
    assert request(world, "skip-step", "a@1")[0]
    assert (world.status.phase, world.status.epoch, world.actions()) == ("Running", 2, ["create b"])


def test_what_is_skipped_gives_the_outputs_that_a_person_says() -> None:
    world = World(
        step("a", outputs=[{"name": "id"}]),
        step("b", container={"image": "i", "args": ["$(steps.a.outputs.id)"]}),
    )
    world.passes()
    world.fail("a").passes()
    assert request(world, "skip-step", "a@1")[1].startswith("the step did not give id: give a JSON object")
    assert world.status.phase == "Failed"
    assert request(world, "skip-step", "a@2", outputs=json.dumps({"id": "r-17"}))[0]
    container = world.last.actions[0].manifest["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["r-17"]


def test_outputs_that_are_no_json_are_refused_in_words() -> None:
    world = World(step("a", outputs=[{"name": "id"}]), suspend=True)
    world.passes()
    assert "is not a JSON object of strings" in request(world, "skip-step", "a@1", outputs="r-17")[1]


@pytest.mark.parametrize(
    ("sentence", "prepare", "token", "message"),
    [
        ("it runs", running, "a@1", "step a is Running: only one that does not run and is not done can be skipped"),
        ("there is no such step", running, "x@1", 'there is no step "x"'),
        ("no step is named", running, "1", "skip-step needs a target: STEP@N"),
    ],
)
def test_a_skip_that_does_not_apply_is_refused(sentence: str, prepare: object, token: str, message: str) -> None:
    assert request(prepare(), "skip-step", token) == (False, message)


def test_a_step_that_is_done_is_not_skipped() -> None:
    world = running()
    world.succeed("a").passes()
    assert request(world, "skip-step", "a@1")[1].startswith("step a is Succeeded")


def test_nothing_is_skipped_while_the_workflow_ends() -> None:
    world = World(step("a"), step("b"), step("c", "a"))
    world.passes()
    world.fail("a").passes()
    assert request(world, "skip-step", "c@1") == (False, "no step starts any more; skip it once the Workflow has ended")


def test_nothing_is_skipped_in_what_has_succeeded_or_was_rolled_back() -> None:
    world = World(step("a", undo=True), step("b"))
    world.passes()
    world.succeed("b").fail("a").passes()
    world.succeed("a", direction="Compensation").passes()
    assert request(world, "skip-step", "a@1") == (False, "the Workflow has ended: RolledBack")


def test_a_skipped_step_that_was_tried_is_undone_and_one_that_was_not_is_left_out() -> None:
    world = World(
        step("a", undo=True, retry={"limit": 1, "backoffSeconds": 300}), step("b", undo=True), step("c", "a", "b")
    )
    world.annotations["kubesaga.dev/skip-step"] = "b@1"
    world.passes()
    world.fail("a").passes()
    request(world, "skip-step", "a@1")
    world.fail("c").passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])


def test_a_skipped_savepoint_is_kept() -> None:
    world = World(step("a", undo=True), step("b", "a", boundary="Savepoint"), step("c", "b"))
    world.passes()
    request(world, "skip-step", "b@1")
    world.succeed("a").passes()
    world.fail("c").passes()
    assert (world.status.phase, world.undo("a")) == ("Failed", None)


def test_what_runs_again_with_it_is_told() -> None:
    world = World(step("a"), step("b"), step("c", "a"))
    world.passes()
    world.fail("a").fail("b").passes()
    assert request(world, "skip-step", "a@1") == (True, "step a is taken for done, and b again")
