"""Finally steps: they run once everything else has ended, whatever came of it, and change nothing of what did."""

from dataclasses import replace
from typing import Any

import pytest
from world import COMPENSATION, FINALLY, World, request, step

from kubesaga.api.status import WorkflowStatus
from kubesaga.engine.action import CreateJob
from kubesaga.engine.finalizer import FINALIZER
from kubesaga.engine.observation import Refusal


def last(name: str, **fields: Any) -> dict[str, Any]:
    """A finally step without retries."""
    return {"name": name, "container": {"image": "i"}, "retry": {"limit": 0}, **fields}


def succeeded(*endings: dict[str, Any], **spec: Any) -> World:
    """Its one step, which can be undone, has succeeded, and its finally steps run: z, unless others are given."""
    world = World(step("a", undo=True), **{"finally": list(endings or [last("z")]), **spec})
    world.settles()
    world.succeed("a").settles()
    return world


def message(world: World) -> str:
    return next(one.message for one in world.status.conditions if one.type == "Succeeded")


def reached(world: World) -> tuple[str, str]:
    return world.status.phase, world.status.reason


def last_states(world: World) -> dict[str, str]:
    return {name: str(record.state) for name, record in world.last_steps.items()}


def job(world: World, name: str = "z") -> CreateJob:
    """The Job that the last pass creates for a finally step."""
    return next(a for a in world.last.actions if isinstance(a, CreateJob) and a.step == name)


# When they start


def test_they_start_when_every_step_has_succeeded_and_not_before() -> None:
    world = World(step("a"), step("b", "a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").settles()
    assert (world.status.finally_, world.status.phase) == (None, "Running")
    world.succeed("b").passes()
    assert world.actions() == ["finally z"]
    assert reached(world) == ("Running", "Finally")
    assert world.status.completion_time is None
    assert world.status.progress == "2/2"
    assert message(world).startswith("ends as Succeeded when its finally steps have ended: z runs")
    world.succeed("z", direction=FINALLY).settles()
    assert reached(world) == ("Succeeded", "Succeeded")
    assert message(world) == "2 steps succeeded"
    assert world.status.completion_time is not None


def test_how_the_run_ends_is_written_with_the_first_of_them_and_never_changes() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").passes()
    decided = world.status.finally_
    assert (decided.phase, decided.reason, decided.message) == ("Succeeded", "Succeeded", "1 step succeeded")
    assert next(iter(world.last.events)).reason == "Finally"
    world.after(60).settles()
    assert world.status.finally_.model_copy(update={"steps": ()}) == decided.model_copy(update={"steps": ()})


def test_a_pass_whose_effects_were_lost_decides_the_same_names_again() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").passes()
    name = world.name("z", FINALLY)
    del world.jobs[name]
    world.after(20).settles()
    assert name in world.jobs


def test_at_rest_nothing_is_written() -> None:
    assert succeeded().passes().write == "None"


def test_they_wait_for_undos_to_end() -> None:
    world = World(step("a", undo=True), step("b", "a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").passes()
    world.fail("b").settles()
    assert (reached(world), world.status.finally_) == (("RollingBack", "RollingBack"), None)
    world.succeed("a", direction=COMPENSATION).settles()
    assert (reached(world), world.condition("RollingBack")) == (("RollingBack", "Finally"), ("True", "Finally"))
    world.succeed("z", direction=FINALLY).settles()
    assert reached(world) == ("RolledBack", "RolledBack")


def test_they_wait_until_the_pods_of_the_last_job_have_ended() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a")
    world.pod("a", phase="Running")
    world.settles()
    assert reached(world) == ("Running", "Finally")
    assert last_states(world) == {}
    assert message(world) == "ends as Succeeded when the Job of step a has ended"
    world.succeed("a").settles()
    assert last_states(world) == {"z": "Running"}


def test_they_wait_until_the_pods_of_the_last_undo_have_ended() -> None:
    world = World(step("a", undo=True), step("b", "a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").passes()
    world.fail("b").settles()
    world.succeed("a", direction=COMPENSATION)
    world.pod("a", COMPENSATION, phase="Running")
    world.settles()
    assert message(world).endswith("waits for the Job of the undo of step a")
    world.succeed("a", direction=COMPENSATION).settles()
    assert last_states(world) == {"z": "Running"}


def test_a_job_that_somebody_deleted_is_asked_for_once() -> None:
    world = World(step("a"), step("b"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").passes()
    world.vanish("a")
    world.succeed("b").settles()
    assert last_states(world) == {"z": "Running"}


def test_after_an_undo_by_deletion_they_run() -> None:
    world = World(step("a", undo={"deleteJob": {}}), step("b", "a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    name = world.vanish("a")
    world.settles()
    assert world.jobs[name].tombstone
    assert last_states(world) == {"z": "Running"}


def test_a_refused_job_of_a_step_is_nothing_to_wait_for() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    world.refusals[world.name("a")] = Refusal(422, "Invalid", "no", world.now)
    world.vanish("a")
    world.settles()
    assert reached(world) == ("Running", "Finally")
    assert world.status.finally_.phase == "Failed"


@pytest.mark.parametrize(
    ("verb", "phase"), [("cancel", "Cancelled"), ("stop", "Cancelled")], ids=["a cancel", "a stop"]
)
def test_they_run_after_what_ends_a_run_early(verb: str, phase: str) -> None:
    world = World(step("a"), step("b", "a"), **{"finally": [last("z")]})
    world.passes()
    request(world, verb)
    world.settles()
    if verb == "stop":
        world.succeed("a").settles()
    else:
        world.fail("a", reason="DeadlineExceeded").settles()
    assert last_states(world) == {"z": "Running"}
    world.succeed("z", direction=FINALLY).settles()
    assert world.status.phase == phase


def test_after_a_terminate_they_never_start() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    request(world, "terminate")
    world.settles()
    world.fail("a", reason="DeadlineExceeded").settles()
    assert (reached(world), world.status.finally_) == (("Cancelled", "Terminated"), None)


def test_after_a_terminate_before_the_last_pod_has_ended_they_are_not_begun() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a")
    world.pod("a", phase="Running")
    world.settles()
    assert request(world, "terminate")[0]
    world.succeed("a").settles()
    assert (reached(world), last_states(world)) == (("Failed", "FinallyFailed"), {})
    assert "the finally step z was never started: terminated on request; 1 step succeeded" in message(world)


def test_a_terminate_with_the_last_success_comes_too_late_for_the_steps_and_too_soon_for_them() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    accepted, said = request(world.succeed("a"), "terminate")
    assert (accepted, said) == (False, "every step has succeeded; the finally steps begin, and can be ended then")
    assert last_states(world) == {"z": "Starting"}


def test_a_blocked_rollback_does_not_start_them_and_its_end_does() -> None:
    world = World(
        step("a", undo={"container": {"image": "i"}, "retry": {"limit": 0}}), step("b", "a"), **{"finally": [last("z")]}
    )
    world.passes()
    world.succeed("a").passes()
    world.fail("b").settles()
    world.fail("a", direction=COMPENSATION).settles()
    assert (world.status.phase, world.status.finally_) == ("RollbackBlocked", None)
    request(world, "abandon")
    world.settles()
    assert last_states(world) == {"z": "Running"}
    world.succeed("z", direction=FINALLY).settles()
    assert reached(world) == ("RollbackFailed", "CompensationAbandoned")


def test_a_refused_spec_runs_none() -> None:
    world = World(step("a", "b"), **{"finally": [last("z")]})
    world.settles()
    assert (world.status.phase, world.jobs) == ("Failed", {})


# How they run


def test_they_run_side_by_side_under_parallelism() -> None:
    world = succeeded(last("x"), last("y"), last("z"), parallelism=2)
    assert last_states(world) == {"x": "Running", "y": "Running"}
    assert "x runs, y runs, z waits" in message(world)
    assert world.last.in_flight == 2
    world.succeed("x", direction=FINALLY).settles()
    assert last_states(world) == {"x": "Succeeded", "y": "Running", "z": "Running"}


def test_one_that_fails_is_retried_before_others_begin() -> None:
    world = succeeded(last("y", retry={"limit": 1, "backoffSeconds": 10}), last("z"), parallelism=1)
    world.fail("y", direction=FINALLY).settles()
    assert last_states(world) == {"y": "Retrying", "z": "Running"}
    assert "y waits for its next attempt" in message(world)
    world.after(30).settles()
    assert last_states(world) == {"y": "Retrying", "z": "Running"}
    world.succeed("z", direction=FINALLY).settles()
    assert (last_states(world)["y"], world.last_steps["y"].attempt) == ("Running", 2)


def test_they_keep_neither_the_deadline_nor_the_suspension_of_the_run() -> None:
    world = succeeded(timeoutSeconds=10)
    world.spec["suspend"] = True
    world.after(1000).settles()
    assert reached(world) == ("Running", "Finally")
    world.succeed("z", direction=FINALLY).settles()
    assert world.status.phase == "Succeeded"


def test_each_attempt_has_the_timeout_of_its_step_or_of_the_defaults() -> None:
    for endings, spec in (([last("z", timeoutSeconds=5)], {}), ([last("z")], {"defaults": {"timeoutSeconds": 5}})):
        world = World(step("a"), **{"finally": endings, **spec})
        world.passes()
        world.succeed("a").passes()
        assert job(world).manifest["spec"]["activeDeadlineSeconds"] == 5


def test_a_pod_of_a_finally_step_on_a_dead_node_is_told_of_and_can_be_assumed_stopped() -> None:
    world = succeeded()
    world.pod("z", FINALLY, deletion_time=world.now)
    world.after(200).settles()
    assert world.condition("Stalled") == ("True", "WaitingForPodTermination")
    assert request(world, "assume-stopped", "z@1")[0]
    world.settles()
    assert world.last_steps["z"].assumed_stopped


# What they see


def test_they_see_how_it_ended_what_failed_and_what_was_given() -> None:
    args = [
        "$(workflow.phase)",
        "$(workflow.reason)",
        "$(failure.step)",
        "$(failure.reason)",
        "$(steps.a.outcome)",
        "$(steps.a.outputs.k)",
        "$(steps.b.outcome)",
        "$(steps.c.outcome)",
    ]
    world = World(
        step("a", undo=True, outputs=[{"name": "k"}]),
        step("b", "a"),
        step("c", "b"),
        **{"finally": [last("z", container={"image": "i", "args": args})]},
    )
    world.passes()
    world.succeed("a", message='{"k": "v"}').passes()
    world.fail("b").settles()
    world.succeed("a", direction=COMPENSATION).passes()
    container = job(world).manifest["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["RolledBack", "RolledBack", "b", "StepFailed", "Succeeded", "v", "Failed", ""]


def test_after_success_there_is_no_failure_to_see() -> None:
    args = ["$(workflow.phase)", "$(failure.step)", "$(failure.message)", "$(attempt)"]
    world = World(step("a"), **{"finally": [last("z", container={"image": "i", "args": args})]})
    world.passes()
    world.succeed("a").passes()
    assert job(world).manifest["spec"]["template"]["spec"]["containers"][0]["args"] == ["Succeeded", "", "", "1"]


# What comes of it


def test_one_that_failed_makes_a_success_a_failure_and_nothing_is_undone() -> None:
    world = succeeded()
    world.fail("z", direction=FINALLY).settles()
    assert reached(world) == ("Failed", "FinallyFailed")
    assert message(world).startswith("the finally step z failed: ")
    assert message(world).endswith("; 1 step succeeded")
    assert world.states() == {"a": "Succeeded"}
    assert world.status.failure is None


def test_several_that_failed_are_counted() -> None:
    world = succeeded(last("x", retry={"limit": 1, "backoffSeconds": 1}), last("y"))
    world.fail("x", "y", direction=FINALLY).settles()
    world.after(60).settles()
    world.fail("x", direction=FINALLY).settles()
    assert message(world).startswith("the finally step x failed after 2 attempts: ")
    assert " (and 1 more)" in message(world)


def test_beside_another_end_a_failed_one_is_only_told_of() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    world.fail("a").settles()
    world.fail("z", direction=FINALLY).settles()
    assert reached(world) == ("Failed", "StepFailed")
    assert message(world).startswith("step a failed: ")
    assert "; the finally step z failed: " in message(world)


@pytest.mark.parametrize("how", ["runs", "waits for its next attempt", "has not begun"])
def test_a_terminate_stops_them(how: str) -> None:
    world = succeeded(last("y", retry={"limit": 3, "backoffSeconds": 300}), last("z"), parallelism=1)
    if how == "waits for its next attempt":
        world.fail("y", direction=FINALLY).settles()
        world.succeed("z", direction=FINALLY).settles()
    said = request(world, "terminate")
    assert said == (True, "the finally steps are stopped; what came of the steps stays as it is")
    assert request(world, "terminate", "2") == (
        False,
        "the Workflow is being terminated already"
        if how != "waits for its next attempt"
        else "the Workflow has ended: Failed",
    )
    world.settles()
    if how != "waits for its next attempt":
        assert world.jobs[world.name("y", FINALLY)].active_deadline_seconds == 1
        world.fail("y", direction=FINALLY, reason="DeadlineExceeded").settles()
        assert "the finally step y was stopped" in message(world)
        assert "z" not in world.last_steps
    assert reached(world) == ("Failed", "FinallyFailed")
    assert world.states() == {"a": "Succeeded"}


def test_a_terminate_of_those_that_all_succeed_all_the_same_changes_nothing() -> None:
    world = succeeded()
    request(world, "terminate")
    world.succeed("z", direction=FINALLY).settles()
    assert reached(world) == ("Succeeded", "Succeeded")


def test_one_that_a_terminate_found_not_begun_is_named() -> None:
    world = succeeded(last("y"), last("z"), parallelism=1)
    request(world, "terminate")
    world.succeed("y", direction=FINALLY).settles()
    assert message(world).startswith("the finally step z was never started: terminated on request")


# Requests


@pytest.mark.parametrize(
    ("verb", "token"),
    [
        ("rollback", "1"),
        ("retry", "1"),
        ("skip-step", "a@1"),
        ("suspend", "1"),
        ("cancel", "1"),
        ("stop", "1"),
        ("resubmit", "1"),
        ("resume", "1"),
        ("retry-step", "a@1"),
    ],
)
def test_other_requests_are_refused_while_they_run(verb: str, token: str) -> None:
    said = "the finally steps run, and go on: the Workflow ends as Succeeded after them"
    world = succeeded()
    assert request(world, verb, token) == (False, said)
    assert reached(world) == ("Running", "Finally")


def test_retry_step_lets_one_that_waits_try_again_at_once() -> None:
    world = succeeded(last("z", retry={"limit": 1, "backoffSeconds": 300}))
    assert request(world, "retry-step", "z@1") == (
        False,
        "the finally step z is Running: only one that waits for its next attempt tries again",
    )
    world.fail("z", direction=FINALLY).settles()
    assert request(world, "retry-step", "z@2") == (True, "step z tries again")
    assert world.last_steps["z"].attempt == 2


def test_one_that_has_not_begun_is_not_retried() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    assert request(world, "retry-step", "z@1") == (
        False,
        "the finally step z has not begun: only one that waits for its next attempt tries again",
    )


def test_no_finally_step_is_skipped() -> None:
    said = "z is a finally step, and such a step is never skipped or undone"
    assert request(succeeded(), "skip-step", "z@1") == (False, said)


def test_after_a_failed_one_a_rollback_undoes_and_they_run_again() -> None:
    world = succeeded()
    first = world.name("z", FINALLY)
    world.fail("z", direction=FINALLY).settles()
    assert request(world, "rollback")[0]
    world.settles()
    assert (world.states(), world.status.finally_) == ({"a": "Succeeded/Running"}, None)
    world.succeed("a", direction=COMPENSATION).settles()
    assert (world.status.epoch, last_states(world)) == (2, {"z": "Running"})
    assert world.name("z", FINALLY) != first
    world.succeed("z", direction=FINALLY).settles()
    assert reached(world) == ("RolledBack", "RolledBackOnRequest")


def test_after_a_failed_one_a_retry_runs_only_them_again() -> None:
    world = succeeded()
    world.fail("z", direction=FINALLY).settles()
    forward = set(world.jobs)
    assert request(world, "retry") == (True, "epoch 2: it goes on where it stopped")
    world.settles()
    assert world.jobs.keys() - forward == {world.name("z", FINALLY)}
    assert (world.status.epoch, reached(world)) == (2, ("Running", "Finally"))
    world.succeed("z", direction=FINALLY).settles()
    assert reached(world) == ("Succeeded", "Succeeded")


def test_the_effect_of_each_epoch_is_wanted_anew() -> None:
    world = World(step("a"), **{"finally": [last("z")]})
    world.passes()
    world.succeed("a").passes()
    first = job(world).manifest
    world.settles()
    world.fail("z", direction=FINALLY).settles()
    request(world, "retry")
    second = job(world).manifest
    assert idempotency_key(first) != idempotency_key(second)


def idempotency_key(manifest: dict[str, Any]) -> str:
    env = manifest["spec"]["template"]["spec"]["containers"][0]["env"]
    return next(one["value"] for one in env if one["name"].endswith("IDEMPOTENCY_KEY"))


# Deletion


def held(world: World) -> World:
    world.spec["deletionPolicy"] = "RollbackUnfinished"
    world.settles()
    return world


def test_a_workflow_that_is_deleted_runs_them_before_it_is_let_go() -> None:
    world = held(World(step("a", undo=True), step("b", "a"), **{"finally": [last("z")]}))
    world.succeed("a").settles()
    world.deleting = True
    world.passes(namespace_read=True)
    world.fail("b", reason="DeadlineExceeded")
    for _ in range(5):
        world.passes(namespace_read=True)
    world.succeed("a", direction=COMPENSATION)
    for _ in range(5):
        world.passes(namespace_read=True)
    assert (last_states(world), world.finalizers) == ({"z": "Running"}, (FINALIZER,))
    world.succeed("z", direction=FINALLY)
    for _ in range(5):
        world.passes(namespace_read=True)
    assert (world.status.phase, world.finalizers) == ("RolledBack", ())


def test_a_deletion_that_comes_later_does_not_stop_them() -> None:
    world = held(World(step("a"), **{"finally": [last("z")]}))
    world.succeed("a").settles()
    world.deleting, world.finalizers = True, (*world.finalizers, "foregroundDeletion")
    world.passes(namespace_read=True)
    assert world.finalizers[0] == FINALIZER
    assert "they wait for the garbage collector" in message(world)
    world.succeed("z", direction=FINALLY)
    world.passes(namespace_read=True)
    assert world.status.phase == "Succeeded"


def test_in_a_namespace_that_goes_nothing_is_started_for_them() -> None:
    world = held(World(step("a"), **{"finally": [last("z")]}))
    world.deleting = world.namespace_terminating = True
    world.passes(namespace_read=True)
    assert (world.finalizers, world.status.finally_) == ((), None)


# The status


def test_a_status_without_them_still_parses_and_one_with_them_reads_as_it_was_written() -> None:
    assert WorkflowStatus.model_validate({"phase": "Running"}).finally_ is None
    status = succeeded().status
    assert "finally" in status.wire()
    assert WorkflowStatus.model_validate(status.wire()) == status


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (("z", "z"), "status.finally has 2 records of step z"),
        (("y",), "status.finally names y, which the spec does not"),
    ],
    ids=["one is recorded twice", "one is unknown"],
)
def test_a_status_that_contradicts_the_spec_stops_it(records: tuple[str, ...], said: str) -> None:
    world = succeeded()
    one = world.last_steps["z"]
    steps = tuple(one.model_copy(update={"name": name}) for name in records)
    world.status = world.status.model_copy(
        update={"finally_": world.status.finally_.model_copy(update={"steps": steps})}
    )
    world.passes()
    assert world.condition("Stalled") == ("True", "StateInconsistent")
    assert said in next(one.message for one in world.status.conditions if one.type == "Stalled")


def test_the_run_ends_when_the_pod_of_a_deleted_finally_job_has_ended() -> None:
    world = succeeded()
    world.pod("z", FINALLY, phase="Running")
    world.passes()
    deleted = world.jobs.pop(world.name("z", FINALLY))
    world.passes(deleted.name)
    assert last_states(world) == {"z": "Failed"}
    assert message(world) == "ends as Succeeded when the Job of step z has ended"
    [pod] = world.pods[deleted.uid]
    world.pods[deleted.uid] = (replace(pod, phase="Failed", exit_code=137),)
    world.settles()
    assert reached(world) == ("Failed", "FinallyFailed")
