"""Undo by deletion: the step's Jobs go with all they own, and tombstones take their names."""

from dataclasses import replace

from world import COMPENSATION, World, step

from kubesaga.engine.observation import Refusal

DELETE = {"deleteJob": {}}


def failed_after_a(**fields: object) -> World:
    world = World(step("a", undo=DELETE, **fields), step("b", "a"))
    world.passes()
    return world


def test_the_job_is_deleted_and_a_tombstone_takes_its_name() -> None:
    world = failed_after_a()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert world.actions() == ["delete a"]
    assert world.last.actions[0].uid == world.jobs[world.name("a")].uid
    world.job("a", deleting=True)
    world.passes()
    assert (world.actions(), world.undo("a").message) == ([], "waits for the deletion of the step's Jobs")
    world.vanish("a")
    world.passes()
    assert world.actions() == ["tombstone a"]
    world.passes()
    assert (world.status.phase, world.undo("a").state) == ("RolledBack", "Succeeded")
    assert world.jobs[world.name("a")].tombstone


def test_the_jobs_of_all_attempts_are_deleted() -> None:
    world = failed_after_a(retry={"limit": 1, "backoffSeconds": 1})
    world.fail("a").passes()
    world.after(1).passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert world.actions() == ["delete a", "delete a"]


def test_a_job_of_somebody_else_is_left_alone() -> None:
    world = failed_after_a()
    world.succeed("a").passes()
    name = world.name("a")
    world.jobs[name] = replace(world.jobs[name], owner_uid="somebody")
    world.fail("b").passes()
    assert world.actions() == []
    world.passes()
    assert world.status.phase == "RolledBack"


def test_a_name_that_somebody_else_took_needs_no_tombstone() -> None:
    world = failed_after_a()
    world.succeed("a").passes()
    world.fail("b").passes()
    name = world.vanish("a")
    world.refusals[name] = Refusal(409, "AlreadyExists", "taken", world.now)
    world.passes()
    assert world.status.phase == "RolledBack"


def test_a_tombstone_that_is_refused_blocks_the_rollback() -> None:
    world = failed_after_a()
    world.succeed("a").passes()
    world.fail("b").passes()
    name = world.vanish("a")
    world.refusals[name] = Refusal(422, "Invalid", "no", world.now)
    world.passes()
    assert (world.status.phase, world.undo("a").reason) == ("RollbackBlocked", "CreateRejected")


def test_a_tombstone_waits_for_quota() -> None:
    world = failed_after_a()
    world.succeed("a").passes()
    world.fail("b").passes()
    name = world.vanish("a")
    world.refusals[name] = Refusal(403, "Forbidden", "exceeded quota: x", world.now)
    world.passes()
    assert (world.actions(), world.status.phase) == ([], "RollingBack")
    assert world.undo("a") is not None
    assert world.name("a", COMPENSATION) not in world.jobs


def test_a_name_taken_by_somebody_else_is_not_asked_for_again_while_other_jobs_go() -> None:
    world = failed_after_a(retry={"limit": 1, "backoffSeconds": 1})
    first = world.name("a")
    world.fail("a").passes()
    world.after(1).passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    del world.jobs[first]
    world.refusals[first] = Refusal(409, "AlreadyExists", "taken", world.now)
    world.job("a", deleting=True)
    world.passes()
    assert (world.actions(), world.status.phase) == ([], "RollingBack")
