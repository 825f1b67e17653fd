"""The request `retry`: a run that ended without success goes on where it stopped."""

from world import COMPENSATION, FORWARD, World, step

from kubesaga.api.names import Direction
from kubesaga.engine.decision import Write

RETRY = "kubesaga.dev/retry"


def failed(**spec: object) -> World:
    """a has succeeded, b has failed for good, c never began."""
    world = World(step("a", undo=True), step("b", "a", undo=True), step("c", "b"), onFailure="Stop", **spec)
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert world.status.phase == "Failed"
    return world


def retry(world: World, token: str = "1") -> World:
    world.annotations[RETRY] = token
    world.passes()
    return world


def test_what_succeeded_is_kept_and_what_failed_runs_again() -> None:
    world = retry(failed())
    assert (world.status.phase, world.status.epoch, world.actions()) == ("Running", 2, ["create b"])
    assert (world.steps["b"].attempt, world.status.failure, world.status.completion_time) == (2, None, None)
    assert world.condition("Succeeded") == ("Unknown", "Running")
    assert world.status.handled_requests[-1].message == ("epoch 2: b again, after step b failed: exit code 1: no luck")
    world.succeed("b").passes()
    world.succeed("c").passes()
    assert (world.status.phase, world.status.progress) == ("Succeeded", "3/3")
    assert len(world.jobs) == 4, "a, b twice, c"


def test_the_retries_of_a_step_are_counted_anew() -> None:
    world = World(step("a", retry={"limit": 1, "backoffSeconds": 1}))
    world.passes()
    world.fail("a").passes()
    world.after(1).passes()
    world.fail("a").passes()
    assert world.status.phase == "Failed"
    retry(world)
    world.fail("a").passes()
    assert (world.steps["a"].state, world.steps["a"].attempt) == ("Retrying", 3)
    world.after(1).passes()
    world.fail("a").passes()
    assert (world.status.phase, world.steps["a"].attempt) == ("Failed", 4)


def test_the_next_attempt_waits_until_the_one_before_is_settled() -> None:
    world = failed()
    world.job("b", terminating=1)
    retry(world)
    assert (world.status.phase, world.actions()) == ("Running", [])
    world.job("b", terminating=0)
    world.passes()
    assert world.actions() == ["create b"]


def test_a_cancelled_run_goes_on_with_the_steps_that_were_stopped() -> None:
    world = World(step("a"), step("b", "a"))
    world.passes()
    world.annotations["kubesaga.dev/cancel"] = "1"
    world.passes()
    world.job("a", active_deadline_seconds=1)
    world.fail("a", reason="DeadlineExceeded").passes()
    assert world.status.phase == "Cancelled"
    retry(world)
    assert (world.actions(), world.status.cancel_time) == (["create a"], None)
    assert world.passes().write is not Write.NOW, "the old request is not answered again"


def test_the_deadline_begins_anew() -> None:
    world = World(step("a"), timeoutSeconds=60)
    world.passes()
    world.after(60).passes()
    world.job("a", active_deadline_seconds=1)
    world.fail("a", reason="DeadlineExceeded").passes()
    assert world.status.failure.reason == "DeadlineExceeded"
    retry(world.after(1_000))
    assert (world.status.phase, world.status.failure) == ("Running", None)
    assert (world.last.wake_at - world.now).total_seconds() == 60


def test_a_later_rollback_undoes_what_was_done_in_every_epoch() -> None:
    steps = (step("a", undo=True), step("b", undo=True), step("c", "a", "b"), step("d", "c", undo=True))
    world = World(*steps, onFailure="Stop")
    world.passes()
    world.succeed("a")
    world.fail("b").passes()
    retry(world)
    world.succeed("b").passes()
    world.succeed("c").passes()
    world.fail("d").passes()
    world.annotations["kubesaga.dev/rollback"] = "1"
    world.passes()
    assert (world.actions(), world.status.epoch) == (["undo d"], 3)
    world.succeed("d", direction=COMPENSATION).passes()
    assert world.actions() == ["undo a", "undo b"]


def test_a_step_that_was_attempted_is_undone_even_if_it_never_began_again() -> None:
    """Its effect is unknown since the first epoch."""
    world = World(step("a"), step("b", undo=True), onFailure="Stop")
    world.passes()
    world.fail("a", "b").passes()
    world.spec["suspend"] = True
    retry(world)
    assert (world.status.phase, world.actions()) == ("Suspended", [])
    world.annotations["kubesaga.dev/rollback"] = "1"
    world.passes()
    assert world.actions() == ["undo b"]


def test_an_undo_by_deletion_deletes_the_jobs_of_every_epoch() -> None:
    world = World(step("a", undo={"deleteJob": {}}), onFailure="Stop")
    world.passes()
    world.fail("a").passes()
    retry(world)
    world.succeed("a").passes()
    assert world.status.phase == "Succeeded"
    world.annotations["kubesaga.dev/rollback"] = "1"
    world.passes()
    assert world.actions() == ["delete a", "delete a"]


def test_a_step_that_was_rejected_before_it_ran_is_undone_once_it_ran() -> None:
    world = failed()
    stored = world.status.steps[1].model_copy(update={"attempted": False})
    world.status = world.status.model_copy(update={"steps": (world.status.steps[0], stored)})
    retry(world)
    assert world.steps["b"].attempted


def test_a_target_is_refused() -> None:
    world = retry(failed(), "b@1")
    assert (world.status.handled_requests[-1].accepted, world.status.epoch) == (False, 1)
    assert "retry takes no target" in world.status.handled_requests[-1].message


def test_a_run_that_has_not_ended_is_not_retried() -> None:
    world = World(step("a"))
    world.passes()
    retry(world)
    assert world.status.handled_requests[-1].message.endswith("it is Running")
    assert world.passes().write is not Write.NOW


def rolled_back() -> World:
    """a is done and undone, b has failed."""
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    world.succeed("a", direction=COMPENSATION).passes()
    return world


def keys(world: World, name: str, direction: Direction = FORWARD) -> dict[str, str]:
    """The idempotency keys of the Job that the last pass created."""
    created = next(a for a in world.last.actions if (a.step, a.direction) == (name, direction))
    container = created.manifest["spec"]["template"]["spec"]["containers"][0]
    return {one["name"]: one["value"] for one in container["env"] if one["name"].endswith("IDEMPOTENCY_KEY")}


def test_what_was_rolled_back_begins_anew_from_the_first_step() -> None:
    world = rolled_back()
    assert world.status.phase == "RolledBack"
    retry(world)
    assert world.status.handled_requests[-1].message == "epoch 2: a, b again, after step b failed: exit code 1: no luck"
    assert (world.status.phase, world.status.epoch, world.actions()) == ("Running", 2, ["create a"])
    assert (world.status.rollback, world.status.failure, world.status.rollback_progress) == (None, None, None)
    assert world.states() == {"a": "Starting"}
    world.succeed("a").passes()
    world.succeed("b").passes()
    assert (world.status.phase, world.status.progress) == ("Succeeded", "2/2")


def test_only_what_was_undone_gets_a_new_key() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    first = keys(world, "a")
    world.succeed("a").passes()
    second = keys(world, "b")
    world.fail("b").passes()
    world.succeed("a", direction=COMPENSATION).passes()
    retry(world)
    assert keys(world, "a") != first
    world.succeed("a").passes()
    assert keys(world, "b") == second, "its effect was never undone: done twice it must count once"
    assert world.status.incarnations == {"a": 2}


def test_what_begins_anew_is_undone_anew_under_its_new_key() -> None:
    world = retry(rolled_back())
    forward = keys(world, "a")["KUBESAGA_IDEMPOTENCY_KEY"]
    world.succeed("a").passes()
    world.fail("b").passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", ["undo a"])
    assert keys(world, "a", COMPENSATION)["KUBESAGA_FORWARD_IDEMPOTENCY_KEY"] == forward
    world.succeed("a", direction=COMPENSATION).passes()
    assert (world.status.phase, len(world.jobs)) == ("RolledBack", 6)
    assert retry(world, "2").status.incarnations == {"a": 3}


def test_a_savepoint_is_kept_and_what_follows_begins_anew() -> None:
    steps = (step("a", undo=True), step("b", "a", boundary="Savepoint"), step("c", "b", undo=True), step("d", "c"))
    world = World(*steps)
    for name in ("a", "b", "c"):
        world.passes()
        world.succeed(name)
    world.passes()
    world.fail("d").passes()
    world.succeed("c", direction=COMPENSATION).passes()
    assert (world.status.phase, world.status.reason) == ("PartiallyRolledBack", "SavepointReached")
    retry(world)
    assert world.states() == {"a": "Succeeded", "b": "Succeeded", "c": "Starting"}
    assert world.status.incarnations == {"c": 2}


def test_what_left_something_behind_is_not_begun_anew() -> None:
    world = World(step("a", undo=True), step("x", boundary="Irreversible"), step("b", "x"))
    world.passes()
    world.succeed("a", "x").passes()
    world.fail("b").passes()
    world.succeed("a", direction=COMPENSATION).passes()
    assert world.status.reason == "IrreversibleStep"
    assert retry(world).status.handled_requests[-1].message.endswith("it is PartiallyRolledBack")


def test_a_retry_is_done_once() -> None:
    world = retry(failed())
    world.fail("b").passes()
    assert world.status.phase == "Failed"
    assert world.passes().write is Write.NONE
    assert retry(world, "2").status.epoch == 3


def test_where_a_rollback_found_nothing_to_undo_what_succeeded_is_kept() -> None:
    undo = {"container": {"image": "i"}, "when": "Succeeded"}
    world = World(step("x"), step("a", undo=undo), step("b"))
    world.passes()
    world.succeed("x").fail("b").passes()
    assert world.status.rollback is not None
    world.fail("a").passes()
    assert (world.status.phase, world.status.reason) == ("Failed", "StepFailed")
    retry(world)
    assert world.actions() == ["create a", "create b"]
    assert world.states()["x"] == "Succeeded"
