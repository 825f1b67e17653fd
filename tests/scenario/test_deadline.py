"""The deadline of the whole Workflow: stops what runs, undoes what was done, and does not tick while suspended."""

from world import COMPENSATION, World, step


def test_the_deadline_stops_and_undoes() -> None:
    world = World(step("a", undo=True), step("b", "a"), timeoutSeconds=60)
    world.passes()
    world.succeed("a").passes()
    assert (world.last.wake_at - world.status.start_time).total_seconds() == 60
    world.after(60).passes()
    assert (world.status.failure.reason, world.actions()) == ("DeadlineExceeded", ["stop b"])
    world.job("b", active_deadline_seconds=1)
    world.fail("b", reason="DeadlineExceeded").passes()
    assert world.actions() == ["undo a"]
    world.after(3600).succeed("a", direction=COMPENSATION).passes()
    assert world.status.phase == "RolledBack", "an undo ignores the deadline"


def test_the_deadline_without_an_undo_ends_failed() -> None:
    world = World(step("a"), timeoutSeconds=60)
    world.passes()
    world.after(61).passes()
    world.job("a", active_deadline_seconds=1)
    world.fail("a", reason="DeadlineExceeded").passes()
    assert (world.status.phase, world.status.reason) == ("Failed", "DeadlineExceeded")


def test_a_run_that_succeeds_after_its_deadline_has_succeeded() -> None:
    world = World(step("a"), timeoutSeconds=60)
    world.passes()
    world.succeed("a").after(61).passes()
    assert world.status.phase == "Succeeded"


def test_time_spent_suspended_does_not_count() -> None:
    world = World(step("a"), step("b", "a"), timeoutSeconds=60)
    world.passes()
    world.spec["suspend"] = True
    world.succeed("a").passes()
    world.after(500).passes()
    assert (world.status.phase, world.status.failure) == ("Suspended", None)
    world.spec["suspend"] = False
    world.passes()
    assert (world.last.wake_at - world.status.start_time).total_seconds() == 560


def test_draining_ends_at_the_deadline() -> None:
    world = World(step("a", undo=True), step("b"), timeoutSeconds=60)
    world.passes()
    world.fail("b").passes()
    assert world.actions() == []
    world.after(60).passes()
    assert world.actions() == ["stop a"]
    assert world.status.failure.reason == "StepFailed", "the first cause is kept"


def test_an_attempt_that_runs_too_long_has_failed_by_its_own_deadline() -> None:
    world = World(step("a", timeoutSeconds=5))
    world.passes()
    assert world.last.actions[0].manifest["spec"]["activeDeadlineSeconds"] == 5
    world.job("a", active=0, failed=True, failed_reason="DeadlineExceeded")
    world.passes()
    assert (world.steps["a"].reason, world.steps["a"].message) == ("DeadlineExceeded", "ran longer than 5 s")


def test_a_step_of_one_second_times_out_as_itself_not_as_stopped() -> None:
    world = World(step("a", timeoutSeconds=1))
    world.passes()
    world.job("a", active=0, failed=True, failed_reason="DeadlineExceeded")
    world.passes()
    assert world.steps["a"].reason == "DeadlineExceeded"


def test_an_undo_has_a_timeout_of_its_own() -> None:
    world = World(step("a", undo={"container": {"image": "i"}, "timeoutSeconds": 7}), step("b", "a"))
    world.passes()
    world.succeed("a").passes()
    world.fail("b").passes()
    assert world.last.actions[0].manifest["spec"]["activeDeadlineSeconds"] == 7
    world.job("a", COMPENSATION, active=0, failed=True, failed_reason="DeadlineExceeded", failed_message="late")
    world.passes()
    assert world.undo("a").state == "Retrying"


def test_a_pod_that_never_ran_fails_with_what_the_job_says() -> None:
    world = World(step("a"))
    world.passes()
    world.job("a", active=0, failed=True, failed_reason="PodFailurePolicy", failed_message="the Pod was refused")
    world.passes()
    assert world.steps["a"].message == "the Pod was refused"


def test_a_failed_container_without_words_is_told_by_its_exit_code() -> None:
    world = World(step("a"))
    world.passes()
    world.pod("a", phase="Failed", exit_code=3)
    world.job("a", active=0, failed=True, failed_reason="BackoffLimitExceeded")
    world.passes()
    assert (world.steps["a"].message, world.steps["a"].exit_code) == ("exit code 3", 3)
