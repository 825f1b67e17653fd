"""The way forward: steps start when all they depend on has succeeded, and at no other time."""

import pytest
from world import COMPENSATION, World, step

from kubesaga.engine.decision import Write


def test_the_first_pass_starts_every_step_without_dependencies() -> None:
    world = World(step("a"), step("b"), step("c", "a", "b"))
    world.passes()
    assert world.actions() == ["create a", "create b"]
    assert world.states() == {"a": "Starting", "b": "Starting"}
    assert (world.status.phase, world.status.progress, world.status.reason) == ("Running", "0/3", "Running")
    assert world.last.write is Write.NOW
    assert world.last.in_flight == 2


def test_a_step_starts_in_the_pass_that_sees_its_last_dependency_succeed() -> None:
    world = World(step("a"), step("b"), step("c", "a", "b"))
    world.passes()
    world.succeed("a").passes()
    assert world.actions() == []
    world.succeed("b").passes()
    assert world.actions() == ["create c"]
    assert world.states() == {"a": "Succeeded", "b": "Succeeded", "c": "Starting"}


def test_a_pod_seen_succeeded_is_enough_to_go_on_before_the_job_says_so() -> None:
    world = World(step("a"), step("b", "a"))
    world.passes()
    world.pod("a", phase="Succeeded", exit_code=0)
    world.passes()
    assert world.actions() == ["create b"]


def test_success_is_a_fact_also_where_the_job_says_deadline_exceeded() -> None:
    world = World(step("a", timeoutSeconds=5))
    world.passes()
    world.pod("a", phase="Succeeded", exit_code=0)
    world.job("a", failed=True, failed_reason="DeadlineExceeded", active=0)
    world.passes()
    assert world.status.phase == "Succeeded"


def test_the_run_succeeds_with_its_last_step_and_then_writes_nothing() -> None:
    world = World(step("a"))
    world.passes()
    world.succeed("a").passes()
    assert (world.status.phase, world.status.progress) == ("Succeeded", "1/1")
    assert world.condition("Succeeded") == ("True", "Succeeded")
    assert world.condition("Ready") == ("True", "Succeeded")
    assert [event.reason for event in world.last.events] == ["Succeeded"]
    for _ in range(3):
        decision = world.after(3600).passes()
        assert (decision.write, decision.actions, decision.wake_at) == (Write.NONE, (), None)


def test_parallelism_bounds_the_steps_in_flight() -> None:
    world = World(*(step(f"s{i}") for i in range(5)), parallelism=2)
    world.passes()
    assert world.actions() == ["create s0", "create s1"]
    world.succeed("s1").passes()
    assert world.actions() == ["create s2"]


def test_an_intent_without_a_job_is_created_again_by_every_pass_until_the_job_is_seen() -> None:
    world = World(step("a"))
    first = world.passes().actions
    world.jobs.clear()
    assert world.passes().actions == first, "the same manifest under the same name"
    assert world.last.write is Write.NONE


def test_the_uid_of_a_job_is_recorded_with_the_next_write() -> None:
    world = World(step("a"))
    world.passes()
    decision = world.passes()
    assert decision.write is Write.LAZY
    assert world.states() == {"a": "Running"}
    assert world.steps["a"].job_uid == world.jobs[world.name("a")].uid
    assert world.passes().write is Write.NONE


def test_nothing_starts_while_suspended_and_running_steps_go_on() -> None:
    world = World(step("a"), step("b", "a"))
    world.passes()
    world.spec["suspend"] = True
    world.succeed("a").passes()
    assert (world.actions(), world.status.phase) == ([], "Suspended")
    assert world.condition("Suspended") == ("True", "Suspended")
    world.spec["suspend"] = False
    world.after(60).passes()
    assert (world.actions(), world.status.phase) == (["create b"], "Running")
    assert world.condition("Suspended") is None
    assert world.status.suspended_seconds == 60


def test_outputs_reach_the_steps_that_refer_to_them_as_data() -> None:
    env = [{"name": "ID", "value": "$(steps.a.outputs.id)"}]
    world = World(step("a", outputs=[{"name": "id"}]), step("b", container={"image": "i", "env": env}))
    world.passes()
    world.succeed("a", message='{"id": "$(HOME)", "other": "ignored"}').passes()
    assert world.steps["a"].outputs == {"id": "$(HOME)"}
    job = world.last.actions[0].manifest
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "ID", "value": "$$(HOME)"} in variables


@pytest.mark.parametrize(
    ("sentence", "message", "reason", "says"),
    [
        ("no message at all", "", "OutputsMissing", "id"),
        ("another key", '{"other": "1"}', "OutputsMissing", "id"),
        ("no JSON", "done", "OutputsInvalid", "not a JSON object"),
        ("a list", "[1]", "OutputsInvalid", "JSON array"),
        ("no object at all", "null", "OutputsInvalid", "JSON null"),
        ("a key twice", '{"id": "1", "id": "2"}', "OutputsInvalid", "the key id stands there twice"),
        ("a number", '{"id": 1}', "OutputsInvalid", "id is not a string"),
        ("too long a value", '{"id": "123456789"}', "OutputsInvalid", "9 bytes, more than 8"),
        ("half a surrogate", '{"id": "\\ud800"}', "OutputsInvalid", "not valid Unicode"),
        ("a NUL byte", '{"id": "\\u0000"}', "OutputsInvalid", "NUL"),
        ("JSON nested without end", "[" * 100_000, "OutputsInvalid", "not a JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_a_step_that_does_not_give_what_it_declares_has_failed(
    sentence: str, message: str, reason: str, says: str
) -> None:
    world = World(step("a", outputs=[{"name": "id", "maxBytes": 8}]))
    world.passes()
    world.succeed("a", message=message).passes()
    assert world.steps["a"].reason == reason
    assert says in (world.steps["a"].message or "")


def test_outputs_are_lost_only_after_a_live_read_found_no_pod() -> None:
    world = World(step("a", outputs=[{"name": "id"}]))
    world.passes()
    world.succeed("a")
    world.pods.clear()
    world.passes()
    assert world.actions() == ["confirm a"]
    assert world.states() == {"a": "Starting"}
    world.passes(world.name("a"))
    assert world.steps["a"].reason == "OutputsLost"


def test_a_workflow_that_is_being_deleted_is_left_alone() -> None:
    world = World(step("a"))
    world.deleting = True
    decision = world.passes()
    assert (decision.write, decision.actions) == (Write.NONE, ())


def test_the_time_to_live_deletes_the_workflow_that_ended_with_preconditions() -> None:
    world = World(step("a"), ttlSecondsAfterFinished=60)
    world.passes()
    world.succeed("a").passes()
    world.after(59).passes()
    assert world.actions() == []
    assert (world.last.wake_at - world.status.completion_time).total_seconds() == 60
    world.after(1).passes()
    assert world.actions() == ["delete workflow"]
    (action,) = world.last.actions
    assert (action.uid, action.resource_version) == (world.workflow().uid, "7")


def test_a_change_of_the_spec_after_the_end_is_acknowledged_once() -> None:
    world = World(step("a"))
    world.passes()
    world.succeed("a").passes()
    world.generation = 2
    assert world.passes().write is Write.NOW
    assert world.status.observed_generation == 2
    assert {c.observed_generation for c in world.status.conditions} == {2}
    assert world.passes().write is Write.NONE


def test_a_retry_waits_for_its_time_and_for_the_job_before_it_to_be_settled() -> None:
    world = World(step("a", retry={"limit": 2, "backoffSeconds": 10}))
    world.passes()
    world.fail("a").passes()
    assert (world.states(), world.actions()) == ({"a": "Retrying"}, [])
    assert [event.message for event in world.last.events] == [
        "step a, attempt 1: JobFailed: exit code 1: no luck; attempt 2 in 10 s"
    ]
    assert world.last.wake_at == world.steps["a"].next_attempt_time
    world.job("a", terminating=1)
    world.after(10).passes()
    assert world.actions() == [], "a Pod of the last attempt still terminates"
    world.job("a", terminating=0)
    world.passes()
    assert world.actions() == ["create a"]
    assert world.steps["a"].attempt == 2
    assert world.steps["a"].message is None


def test_the_pauses_between_attempts_grow_up_to_their_limit() -> None:
    world = World(step("a", retry={"limit": 4, "backoffSeconds": 10, "factor": 3, "maxBackoffSeconds": 60}))
    world.passes()
    pauses = []
    for _ in range(4):
        world.fail("a").passes()
        due = world.steps["a"].next_attempt_time
        pauses.append((due - world.now).total_seconds())
        world.after(pauses[-1]).passes()
    assert pauses == [10, 30, 60, 60]
    world.fail("a").passes()
    assert world.status.phase == "Failed"
    assert world.status.failure.message == "step a failed after 5 attempts: exit code 1: no luck"


def test_every_attempt_and_direction_has_a_job_of_its_own_name() -> None:
    world = World(step("a", undo=True, retry={"limit": 1, "backoffSeconds": 1}))
    world.passes()
    world.fail("a").passes()
    world.after(1).passes()
    world.fail("a").passes()
    assert len(world.jobs) == 3
    assert world.name("a", COMPENSATION) in world.jobs


def test_a_lost_job_is_a_failed_attempt_never_a_silent_second_one() -> None:
    world = World(step("a", undo=True))
    world.passes()
    world.passes()  # Its uid is recorded.
    name = world.vanish("a")
    world.passes()
    assert (world.actions(), world.states()) == (["confirm a"], {"a": "Running"})
    world.passes(name)
    assert world.steps["a"].reason == "Lost"
    assert world.status.phase == "RollingBack", "its effect is unknown, so it is undone"


def test_a_job_that_was_replaced_by_another_is_lost_too() -> None:
    world = World(step("a"))
    world.passes()
    world.passes()
    world.job("a", uid="another")
    world.passes()
    assert world.steps["a"].reason == "Lost"


def test_a_request_that_comes_when_the_time_to_live_is_over_is_answered_before_the_end() -> None:
    world = World(step("a"), ttlSecondsAfterFinished=0)
    world.passes()
    world.succeed("a").passes()
    world.annotations["kubesaga.dev/cancel"] = "1"
    world.passes()
    assert (world.actions(), world.last.write) == ([], Write.NOW)
    world.passes()
    assert world.actions() == ["delete workflow"]


def test_a_job_that_somebody_stopped_is_a_failed_attempt_like_any_other() -> None:
    world = World(step("a", retry={"limit": 1}))
    world.passes()
    world.job("a", active_deadline_seconds=1)
    world.fail("a", reason="DeadlineExceeded").passes()
    assert world.states() == {"a": "Retrying"}


def test_a_success_that_nothing_waited_for_goes_with_the_next_write() -> None:
    world = World(step("a"), step("b"), step("c"), step("d", "c"))
    world.passes()
    world.passes()
    world.succeed("a").passes()
    assert (world.states()["a"], world.last.write) == ("Succeeded", Write.LAZY)
    world.succeed("c").passes()
    assert (world.actions(), world.last.write) == (["create d"], Write.NOW)


def test_a_success_with_outputs_is_written_at_once_as_its_pod_may_go() -> None:
    world = World(step("a", outputs=[{"name": "id"}]), step("b"))
    world.passes()
    world.passes()
    world.succeed("a", message='{"id": "7"}').passes()
    assert (world.steps["a"].outputs, world.last.write) == ({"id": "7"}, Write.NOW)


def test_the_last_success_is_the_end_and_is_written_at_once() -> None:
    world = World(step("a"), step("b"))
    world.passes()
    world.passes()
    world.succeed("a").succeed("b").passes()
    assert (world.status.phase, world.last.write) == ("Succeeded", Write.NOW)
