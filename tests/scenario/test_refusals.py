"""What the API server does not accept: quotas wait, all else is final, and nothing is adopted."""

from world import COMPENSATION, World, step

from kubesaga.engine.observation import Refusal


def refuse(world: World, step_: str, code: int, reason: str, message: str, direction=None) -> None:
    name = world.name(step_, direction) if direction else world.name(step_)
    world.jobs.pop(name, None)
    world.refusals[name] = Refusal(code, reason, message, world.now)


def test_a_quota_is_waited_for_and_named() -> None:
    world = World(step("a"))
    world.passes()
    refuse(world, "a", 403, "Forbidden", "exceeded quota: small, requested: count/jobs.batch=1")
    world.passes()
    assert (world.actions(), world.states()) == ([], {"a": "Starting"})
    assert "waits for quota" in world.steps["a"].message
    assert world.last.wake_at is not None
    world.after(10).passes()
    assert world.actions() == ["create a"]


def test_a_webhook_that_fails_is_waited_for_and_named() -> None:
    world = World(step("a"))
    world.passes()
    refuse(world, "a", 500, "InternalError", 'failed calling webhook "jobs.example.org"')
    world.passes()
    assert (world.actions(), world.states()) == ([], {"a": "Starting"})
    assert "failed calling webhook" in world.steps["a"].message
    world.after(10).passes()
    assert world.actions() == ["create a"]


def test_a_cancel_says_that_it_waits_for_a_job_that_is_refused() -> None:
    world = World(step("a", undo=True))
    world.passes()
    refuse(world, "a", 403, "Forbidden", "exceeded quota: small")
    world.passes()
    world.annotations["kubesaga.dev/cancel"] = "1"
    world.passes()
    ready = next(c for c in world.status.conditions if c.type == "Ready")
    assert "waits for the Job of step a (waits for quota: exceeded quota: small)" in ready.message


def test_a_rejected_job_is_a_failure_that_was_not_attempted() -> None:
    world = World(step("a", undo=True, retry={"limit": 5}))
    world.passes()
    refuse(world, "a", 422, "Invalid", "spec.template: bad image")
    world.passes()
    assert (world.steps["a"].reason, world.steps["a"].attempted) == ("CreateRejected", False)
    assert world.status.phase == "Failed", "nothing was attempted, so nothing is undone"
    assert world.status.rollback is None


def test_a_name_that_belongs_to_somebody_else_is_not_adopted() -> None:
    world = World(step("a", undo=True))
    world.passes()
    refuse(world, "a", 409, "AlreadyExists", "jobs.batch already exists")
    world.passes()
    assert (world.steps["a"].reason, world.steps["a"].attempted) == ("NameConflict", False)


def test_a_job_of_our_name_and_another_owner_is_not_adopted() -> None:
    world = World(step("a"))
    world.passes()
    world.job("a", owner_uid="somebody", succeeded=1)
    world.passes()
    assert world.steps["a"].reason == "NameConflict"


def test_a_second_attempt_that_is_rejected_leaves_the_step_attempted() -> None:
    world = World(step("a", undo=True, retry={"limit": 1, "backoffSeconds": 1}))
    world.passes()
    world.fail("a").passes()
    world.after(1).passes()
    refuse(world, "a", 422, "Invalid", "no")
    world.passes()
    assert world.steps["a"].attempted
    assert world.status.phase == "RollingBack"


def test_an_undo_that_is_rejected_blocks_the_rollback_at_once() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    refuse(world, "a", 422, "Invalid", "no", COMPENSATION)
    world.passes()
    assert world.status.phase == "RollbackBlocked"
    assert world.undo("a").reason == "CreateRejected"
    world.annotations["kubesaga.dev/retry-compensation"] = "1"
    world.settles()
    assert world.undo("a").attempt == 2, "a new name, after a live read found no Job under the old one"


def test_an_undo_waits_for_quota_too() -> None:
    world = World(step("a", undo=True), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    refuse(world, "a", 403, "Forbidden", "exceeded quota: small", COMPENSATION)
    world.passes()
    assert (world.status.phase, world.actions()) == ("RollingBack", [])
