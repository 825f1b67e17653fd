"""A Pod that does not end, as on a dead node: everything waits for it and says so, until a person asserts its end."""

from datetime import timedelta

from world import COMPENSATION, World, request, step

from kubesaga.engine.decision import Write

GRACE = timedelta(seconds=30)


def assume(world: World, token: str = "b@1", **said: str) -> tuple[bool, str]:
    return request(world, "assume-stopped", token, **said)


def stuck(**fields: object) -> World:
    """a is done, the Pod of b was deleted after a cancel and does not end."""
    world = World(step("a", undo=True), step("b", "a", undo=True, **fields))
    world.passes()
    world.succeed("a").passes()
    world.pod("b")
    world.annotations["kubesaga.dev/cancel"] = "1"
    world.passes()
    world.pod("b", deletion_time=world.now + GRACE)
    world.passes()
    return world


def test_a_rollback_waits_and_names_pod_and_node() -> None:
    world = stuck()
    message = "cancelled on request; waits for Pod b-pod on node node-1 of step b"
    assert (world.status.phase, world.status.conditions[0].message) == ("RollingBack", message)
    assert world.condition("Stalled") is None
    assert world.last.wake_at == world.now + GRACE + timedelta(minutes=2)


def test_after_two_minutes_it_is_stalled_and_says_what_helps() -> None:
    world = stuck().after(151)
    world.passes()
    assert world.condition("Stalled") == ("True", "WaitingForPodTermination")
    assert (world.condition("Reconciling"), world.condition("RollingBack")[0]) == (None, "True")
    [event] = world.last.events
    assert event.reason == "WaitingForPodTermination"
    assert "Pod b-pod on node node-1 of step b: deleted, and not ended for 120 s" in event.message
    assert "kubesaga.dev/assume-stopped" in event.message
    assert world.after(60).passes().events == ()


def test_it_goes_on_by_itself_when_the_pod_ends() -> None:
    world = stuck().after(151)
    world.passes()
    world.fail("b", reason="DeadlineExceeded").passes()
    assert (world.condition("Stalled"), world.actions()) == (None, ["undo b"])


def test_a_deleted_pod_is_no_reason_to_stall_while_it_has_time() -> None:
    assert stuck().after(149).passes().write is not Write.NOW


def test_an_assumption_lets_it_go_on() -> None:
    world = stuck()
    assert assume(world, note="the node burnt") == (
        True,
        "taken for ended: Pod b-pod on node node-1: the node burnt",
    )
    assert world.last.wake_at == world.now, "nothing else calls for the next pass"
    world.passes()
    assert (world.states()["b"], world.steps["b"].reason) == ("Cancelled/Starting", "AssumedStopped")
    assert world.actions() == ["undo b"]


def test_the_undo_of_what_was_assumed_stopped_runs_for_nobody_knows_how_far_it_came() -> None:
    world = stuck()
    assume(world)
    world.passes()
    for name in ("b", "a"):
        world.succeed(name, direction=COMPENSATION).passes()
    assert world.status.phase == "RolledBack"


def test_where_nothing_had_failed_the_step_tries_again_once_its_job_is_stopped() -> None:
    world = World(step("b", retry={"limit": 1, "backoffSeconds": 1}))
    world.passes()
    world.pod("b")
    world.passes()
    assume(world)
    assert (world.actions(), world.states()) == (["stop b"], {"b": "Running"})
    world.passes()
    world.after(1).passes()
    assert (world.actions(), world.steps["b"].attempt) == (["create b"], 2)
    assert world.steps["b"].assumed_stopped is False


def test_a_success_that_was_seen_counts_for_more_than_an_assumption() -> None:
    world = World(step("b"))
    world.passes()
    world.pod("b")
    world.passes()
    world.annotations["kubesaga.dev/assume-stopped"] = "b@1"
    world.succeed("b").passes()
    assert world.status.phase == "Succeeded"


def test_a_next_attempt_waits_for_the_pod_before_it_and_says_so() -> None:
    world = World(step("b", retry={"limit": 1, "backoffSeconds": 1}))
    world.passes()
    world.fail("b").passes()
    world.pod("b", deletion_time=world.now)
    world.after(2).passes()
    world.passes()
    assert world.actions() == []
    assert world.steps["b"].message == (
        "exit code 1: no luck; the next attempt waits for Pod b-pod on node node-1 to end"
    )
    assert assume(world)[0]
    assert world.actions() == ["create b"]


def test_the_pod_of_an_undo_may_be_assumed_stopped_too() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    world.pod("a", COMPENSATION)
    world.passes()
    assert assume(world, "a@1")[0]
    assert world.actions() == ["stop a"]
    world.passes()
    assert (world.undo("a").state, world.undo("a").reason) == ("Retrying", "AssumedStopped")
    world.after(10).passes()
    assert (world.actions(), world.undo("a").attempt) == (["undo a"], 2)


def test_a_pod_whose_job_is_gone_is_waited_for_and_may_be_assumed_stopped() -> None:
    world = World(step("a", undo=True), step("b", "a", undo=True))
    world.passes()
    world.succeed("a").passes()
    world.pod("b")
    world.passes()
    del world.jobs[world.name("b")]
    world.settles()
    assert (world.status.phase, world.undo("b")) == ("RollingBack", None)
    assert assume(world)[0]
    world.settles()
    assert world.undo("b") is not None


def test_where_no_pod_is_left_there_is_nothing_to_assume() -> None:
    world = World(step("a"), step("b", "a"))
    world.passes()
    assert assume(world, "a@1") == (False, "step a has no Pod that has not ended")
    assert assume(world, "b@1") == (False, "step b has no Pod that has not ended")


def test_one_assumption_is_enough() -> None:
    world = stuck()
    world.annotations["kubesaga.dev/assume-stopped"] = "b@1"
    world.passes()
    assert assume(world, "b@2") == (False, "step b has no Pod that has not ended")


def test_a_terminated_workflow_may_still_wait_for_a_dead_node() -> None:
    world = stuck()
    world.annotations["kubesaga.dev/terminate"] = "1"
    world.passes()
    assert assume(world)[0]
    world.passes()
    assert (world.status.phase, world.status.reason) == ("RollbackFailed", "Terminated")


def test_a_step_on_a_dead_node_stalls_also_where_nothing_has_failed() -> None:
    world = World(step("a"))
    world.passes()
    world.pod("a", deletion_time=world.now + GRACE)
    world.passes()
    said = "Pod a-pod on node node-1 was deleted, and has not ended"
    assert (world.steps["a"].message, world.status.phase) == (said, "Running")
    world.after(151).passes()
    assert world.condition("Stalled") == ("True", "WaitingForPodTermination")
    assert request(world, "assume-stopped", "a@1")[0]
    world.settles()
    assert (world.status.phase, world.condition("Stalled")) == ("Failed", ("True", "StepFailed"))


def test_so_does_an_undo() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    world.pod("a", COMPENSATION, deletion_time=world.now)
    world.after(121).passes()
    assert world.condition("Stalled") == ("True", "WaitingForPodTermination")
    assert "of the undo of step a" in world.last.events[-1].message
