"""Rollback: latched once, nothing undone before everything is settled, in reversed dependency order."""

import json

import pytest
from world import COMPENSATION, FORWARD, World, step

from kubesaga.api.limits import COMPENSATION_STATUS_BYTES, STEP_STATUS_BYTES, STEPS_MAX
from kubesaga.engine.decision import Write
from kubesaga.engine.plan import Plan


def order_saga(**spec: object) -> World:
    return World(
        step("check"),
        step("reserve", "check", undo=True),
        step("charge", "check", undo=True),
        step("ship", "reserve", "charge", undo=True),
        **spec,
    )


def failed_at_ship(**spec: object) -> World:
    world = order_saga(**spec)
    world.passes()
    world.succeed("check").passes()
    world.succeed("reserve", "charge").passes()
    world.fail("ship").passes()
    return world


def test_a_failed_saga_is_undone_in_reverse_independent_undos_side_by_side() -> None:
    world = failed_at_ship()
    assert world.actions() == ["undo ship"], "a failed step has an unknown effect: it is undone first"
    world.succeed("ship", direction=COMPENSATION).passes()
    assert world.actions() == ["undo charge", "undo reserve"]
    world.succeed("charge", direction=COMPENSATION).passes()
    assert (world.status.phase, world.status.rollback_progress) == ("RollingBack", "2/3")
    world.succeed("reserve", direction=COMPENSATION).passes()
    assert (world.status.phase, world.status.reason, world.status.rollback_progress) == (
        "RolledBack",
        "RolledBack",
        "3/3",
    )
    assert world.condition("Succeeded") == ("False", "RolledBack")
    assert world.condition("Stalled") == ("True", "RolledBack")
    assert world.condition("RollingBack") is None
    assert world.status.failure.step == "ship", "the first cause is kept"
    assert world.passes().write is Write.NONE


def test_the_order_is_transitive_through_steps_without_an_undo() -> None:
    world = World(step("a", undo=True), step("b", "a"), step("c", "b", undo=True), step("d", "c"))
    world.passes()
    for name in "abc":
        world.succeed(name).passes()
    world.fail("d").passes()
    assert world.actions() == ["undo c"]
    world.succeed("c", direction=COMPENSATION).passes()
    assert world.actions() == ["undo a"]


def test_the_next_undo_begins_when_the_one_before_has_succeeded_not_when_its_job_says_so() -> None:
    world = World(step("a", undo=True), step("b", "a", undo=True), step("c", "b"))
    world.passes()
    world.succeed("a").passes()
    world.succeed("b").passes()
    world.fail("c").passes()
    assert world.actions() == ["undo b"]
    world.pod("b", COMPENSATION, phase="Succeeded", exit_code=0)
    world.passes()
    assert (world.undo("b").state, world.actions()) == ("Succeeded", ["undo a"])
    world.succeed("a", direction=COMPENSATION).passes()
    assert world.status.phase == "RollingBack", "the run itself ends when every Job has"
    world.succeed("b", direction=COMPENSATION).passes()
    assert world.status.phase == "RolledBack"


def test_nothing_is_undone_while_a_forward_job_may_still_act() -> None:
    world = World(step("a", undo=True), step("b"))
    world.passes()
    world.fail("b").passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", [])
    assert "Job of step a" in world.status.conditions[0].message
    world.pod("a")
    world.passes()
    assert "Pod a-pod on node node-1 of step a" in world.status.conditions[0].message
    world.job("a", active=0, failed=True, failed_reason="BackoffLimitExceeded")
    world.passes()
    assert world.states() == {"a": "Failed", "b": "Failed"}
    assert world.actions() == [], "its Pod is still there"
    world.pod("a", phase="Failed", exit_code=1)
    world.passes()
    assert world.actions() == ["undo a"]
    assert world.status.rollback.quiesced_time is not None


def test_a_job_that_was_seen_succeeded_by_its_pod_is_waited_for_until_it_says_so_itself() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.pod("a", phase="Succeeded", exit_code=0)
    world.passes()
    world.fail("b").passes()
    assert world.actions() == []
    world.succeed("a").passes()
    assert world.actions() == ["undo a"]


def test_drained_steps_keep_what_they_did_and_get_no_further_attempt() -> None:
    world = World(step("a", undo=True), step("b"), step("c", undo=True, retry={"limit": 9}), step("d", "a"))
    world.passes()
    world.fail("b").passes()
    world.succeed("a").fail("c").passes()
    assert world.states() == {"a": "Succeeded/Starting", "b": "Failed", "c": "Failed/Starting"}, "d never starts"


def test_a_step_that_waits_for_its_next_attempt_has_failed_when_another_fails_for_good() -> None:
    world = World(step("a", undo=True, retry={"limit": 3}), step("b"))
    world.passes()
    world.fail("a").passes()
    assert world.states()["a"] == "Retrying"
    world.fail("b").passes()
    assert world.states() == {"a": "Failed/Starting", "b": "Failed"}


def test_an_intent_without_a_job_is_closed_by_a_tombstone_before_anything_is_undone() -> None:
    world = World(step("a", undo=True), step("b", undo=True), step("c", "a", undo=True))
    world.passes()
    world.succeed("a").passes()
    world.jobs.pop(world.name("c"))  # Decided, and the operator crashed before it created the Job.
    world.fail("b").passes()
    assert world.actions() == ["tombstone c"]
    manifest = world.last.actions[0].manifest
    assert (manifest["spec"]["suspend"], manifest["spec"]["parallelism"]) == (True, 0)
    assert manifest["metadata"]["labels"]["kubesaga.dev/tombstone"] == "true"
    world.passes()
    assert world.steps["c"].state == "Cancelled"
    assert (world.steps["c"].reason, world.steps["c"].attempted) == ("NotStarted", False)
    assert world.actions() == ["undo a", "undo b"], "what never started is not undone"


def test_in_flight_cancel_stops_running_jobs_and_never_deletes_them() -> None:
    world = World(step("a", undo=True), step("b"), inFlight="Cancel")
    world.passes()
    world.fail("b").passes()
    assert world.actions() == ["stop a"]
    assert world.last.actions[0].patch["spec"] == {"activeDeadlineSeconds": 1}
    world.job("a", active_deadline_seconds=1)
    assert world.passes().actions == ()
    world.fail("a", reason="DeadlineExceeded").passes()
    assert world.states() == {"a": "Cancelled/Starting", "b": "Failed"}
    assert world.steps["a"].reason == "Stopped"


def test_a_suspended_job_is_stopped_by_resuming_it_without_pods() -> None:
    world = World(step("a", undo=True), step("b"), inFlight="Cancel")
    world.passes()
    world.job("a", suspended=True, active=0)
    world.fail("b").passes()
    assert world.last.actions[0].patch["spec"] == {"activeDeadlineSeconds": 1, "suspend": False, "parallelism": 0}


def test_nothing_to_undo_ends_failed() -> None:
    world = World(step("a"), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert (world.status.phase, world.status.reason, world.status.rollback) == ("Failed", "StepFailed", None)
    assert world.condition("Stalled") == ("True", "StepFailed")


def test_a_rollback_with_nothing_attempted_after_all_ends_failed() -> None:
    world = World(step("a"), step("b", undo=True))
    world.passes()
    world.jobs.pop(world.name("b"))
    world.fail("a").passes()
    assert world.status.phase == "RollingBack"
    world.passes()
    assert world.status.phase == "Failed"


def test_on_failure_stop_undoes_nothing() -> None:
    world = World(step("a", undo=True), step("b"), step("c", "a"), onFailure="Stop")
    world.passes()
    world.fail("b").passes()
    assert (world.status.phase, world.status.reason) == ("Running", "Draining")
    world.succeed("a").passes()
    assert world.status.phase == "Failed"
    assert world.states() == {"a": "Succeeded", "b": "Failed"}, "c is not started, a is not undone"


def test_on_failure_stop_may_stop_what_runs() -> None:
    world = World(step("a"), step("b"), onFailure="Stop", inFlight="Cancel")
    world.passes()
    world.fail("b").passes()
    assert (world.status.reason, world.actions()) == ("Stopping", ["stop a"])


def test_an_undo_is_tried_again_and_then_blocks_only_what_comes_after_it() -> None:
    undo = {"container": {"image": "i"}, "retry": {"limit": 1, "backoffSeconds": 1}}
    world = World(step("a", undo=True), step("b", "a", undo=undo), step("x", undo=True), step("z", "b", "x"))
    world.passes()
    world.succeed("a", "x").passes()
    world.succeed("b").passes()
    world.fail("z").passes()
    assert world.actions() == ["undo b", "undo x"]
    world.fail("b", direction=COMPENSATION).passes()
    assert (world.undo("b").state, world.status.phase) == ("Retrying", "RollingBack")
    world.after(1).passes()
    world.fail("b", direction=COMPENSATION).passes()
    assert (world.status.phase, world.status.reason) == ("RollbackBlocked", "CompensationFailed")
    assert world.condition("Stalled") == ("True", "CompensationFailed")
    assert world.condition("RollingBack") == ("True", "CompensationFailed")
    assert world.condition("Succeeded") == ("Unknown", "CompensationFailed")
    assert "RollbackBlocked" in [event.reason for event in world.last.events]
    world.succeed("x", direction=COMPENSATION).passes()
    assert world.states() == {"a": "Succeeded", "x": "Succeeded/Succeeded", "b": "Succeeded/Failed", "z": "Failed"}


def test_a_blocked_rollback_is_not_terminal_and_has_no_time_to_live() -> None:
    undo = {"container": {"image": "i"}, "retry": {"limit": 0}}
    world = World(step("a", undo=undo), step("b", "a"), ttlSecondsAfterFinished=0)
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    world.fail("a", direction=COMPENSATION).passes()
    world.after(10_000).passes()
    assert (world.status.phase, world.actions(), world.last.write) == ("RollbackBlocked", [], Write.NONE)


@pytest.mark.parametrize("target", ["", "a@"])
def test_retry_compensation_gives_a_blocked_undo_new_retries(target: str) -> None:
    undo = {"container": {"image": "i"}, "retry": {"limit": 1, "backoffSeconds": 1}}
    world = World(step("a", undo=undo), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    world.fail("a", direction=COMPENSATION).passes()
    world.after(1).passes()
    world.fail("a", direction=COMPENSATION).passes()
    world.annotations["kubesaga.dev/retry-compensation"] = f"{target}1"
    world.passes()
    assert (world.undo("a").attempt, world.undo("a").state, world.status.phase) == (3, "Starting", "RollingBack")
    world.fail("a", direction=COMPENSATION).passes()
    assert world.undo("a").state == "Retrying", "the retries are counted anew"
    world.after(1).passes()
    world.succeed("a", direction=COMPENSATION).passes()
    assert world.status.phase == "RolledBack"


def test_a_failure_can_be_named_by_its_undos() -> None:
    env = [{"name": "WHY", "value": "$(failure.step): $(failure.reason): $(failure.message)"}]
    world = World(step("a", undo={"container": {"image": "i", "env": env}}), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    container = world.last.actions[0].manifest["spec"]["template"]["spec"]["containers"][0]
    value = next(variable["value"] for variable in container["env"] if variable["name"] == "WHY")
    assert value == "b: StepFailed: step b failed: exit code 1: no luck"


def test_an_undo_gets_what_its_step_never_gave_as_nothing() -> None:
    env = [{"name": "ID", "value": "<$(steps.a.outputs.id)>"}]
    world = World(step("a", outputs=[{"name": "id"}], undo={"container": {"image": "i", "env": env}}))
    world.passes()
    world.fail("a").passes()
    container = world.last.actions[0].manifest["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "ID", "value": "<>"} in container["env"]


def test_a_lost_forward_job_is_settled_only_when_its_pods_have_ended() -> None:
    world = World(step("a", undo=True), step("b"))
    world.passes()
    world.pod("a")
    world.passes()
    job = world.jobs.pop(world.name("a"))
    world.fail("b").passes()
    assert world.actions() == ["confirm a"]
    name = world.name("a")
    world.passes(name)
    assert world.states()["a"] == "Failed"
    assert "undo a" not in world.actions(), "its Pod runs on without it"
    world.pods.pop(job.uid)
    world.settles()
    assert world.undo("a") is not None


def test_a_stalled_quiescence_names_at_most_a_few() -> None:
    world = World(*(step(f"s{i}", undo=True) for i in range(6)), step("z"))
    world.passes()
    world.fail("z").passes()
    assert "and 3 more" in world.status.conditions[0].message


def test_an_undo_that_somebody_stopped_is_tried_again() -> None:
    world = failed_at_ship()
    world.job("ship", COMPENSATION, active_deadline_seconds=1)
    world.fail("ship", direction=COMPENSATION, reason="DeadlineExceeded").passes()
    assert world.undo("ship").state == "Retrying"


def test_an_undo_that_somebody_turned_into_a_tombstone_is_tried_again() -> None:
    world = failed_at_ship()
    world.job("ship", COMPENSATION, tombstone=True, suspended=True)
    world.passes()
    assert (world.undo("ship").state, world.undo("ship").reason) == ("Retrying", "NotStarted")


def test_a_lost_undo_is_tried_again() -> None:
    world = failed_at_ship()
    world.passes()
    name = world.vanish("ship", COMPENSATION)
    world.passes()
    assert world.actions() == ["confirm ship"]
    world.passes(name)
    assert (world.undo("ship").state, world.undo("ship").reason) == ("Retrying", "Lost")


def test_there_is_room_for_every_record_of_a_full_rollback() -> None:
    names = [f"step-{index:03}" for index in range(50)]
    policy = {"retry": {"limit": 20}}
    undo = {"container": {"image": "i"}, "retry": {"limit": 20}}
    world = World(*(step(name, undo=undo, **policy) for name in names), step("last", *names))
    world.passes()
    for direction in (FORWARD, COMPENSATION):
        for _ in range(11):
            world.fail(*names, direction=direction).passes()
            world.after(10_000).passes()
        world.succeed(*names, direction=direction).passes()
        if direction is FORWARD:
            world.fail("last").passes()
    assert world.status.phase == "RolledBack"
    records = len(json.dumps(world.status.wire()["steps"], separators=(",", ":")))
    assert records <= sum(STEP_STATUS_BYTES + len(name) + COMPENSATION_STATUS_BYTES for name in names) + 500


def test_a_graph_of_as_many_steps_as_there_may_be_is_planned() -> None:
    plan = World(*(step(f"s{index}") for index in range(STEPS_MAX))).plan()
    assert isinstance(plan, Plan)


ETCD_BYTES_MAX = 1_572_864
"""Largest request that etcd takes by default."""


def test_a_run_in_which_everything_failed_with_long_messages_can_be_written() -> None:
    once = {"container": {"image": "i"}, "retry": {"limit": 0}}
    world = World(*(step(f"step-{index:04}", undo=once) for index in range(1_900)))
    world.passes()
    for direction in (FORWARD, COMPENSATION):
        for name in list(world.steps):
            world.fail(name, direction=direction)
            world.pod(name, direction, phase="Failed", exit_code=123, termination_message="no luck " * 100)
        world.passes()
    assert world.status.phase == "RollbackBlocked"
    written = json.dumps({"spec": world.spec, "status": world.status.wire()}, separators=(",", ":"))
    assert len(written) < ETCD_BYTES_MAX


def test_jobs_that_are_gone_together_do_not_hold_each_other_up() -> None:
    """As after a foreground deletion: what one pass confirmed must still count when the next one has heard the rest."""
    world = World(step("a", undo=True), step("b", "a", undo=True))
    world.passes()
    world.succeed("a").passes()
    world.passes()
    world.annotations["kubesaga.dev/cancel"] = "1"
    gone = world.vanish("a")
    world.passes()
    assert world.actions() == ["confirm a", "stop b"]
    world.vanish("b")
    world.passes(gone)
    assert world.actions() == ["confirm a", "confirm b"]
    world.passes(*[action.name for action in world.last.actions])
    assert world.actions() == ["undo b"]


def test_a_rollback_waits_for_the_pod_of_a_job_that_was_replaced() -> None:
    """Somebody deleted the Job, and a leader that was paused made it once more: the first one's Pod still runs."""
    world = World(step("a", undo=True))
    world.passes()
    world.pod("a")
    world.passes()
    world.job("a", uid="uid-of-the-second", failed=True, failed_reason="BackoffLimitExceeded", active=0)
    world.passes()
    assert (world.states(), world.steps["a"].reason) == ({"a": "Failed"}, "Lost")
    assert "waits for Pod a-pod on node node-1 of step a" in world.status.conditions[0].message
    world.pods.clear()
    world.passes()
    assert world.actions() == ["undo a"]
