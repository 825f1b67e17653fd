"""Why a step does not run yet is said in its message, and does not flap."""

from world import World, step


def test_a_pod_that_cannot_be_scheduled_is_told_after_a_while() -> None:
    world = World(step("a"))
    world.passes()
    world.pod("a", phase="Pending", waiting="Unschedulable: 0/2 nodes are available")
    world.passes()
    assert world.steps["a"].message is None
    assert (world.last.wake_at - world.now).total_seconds() == 5
    world.after(5).passes()
    assert world.steps["a"].message == "Unschedulable: 0/2 nodes are available"
    world.pod("a")
    world.passes()
    assert world.steps["a"].message is None


def test_the_kubelet_swinging_between_two_words_for_one_thing_causes_no_writes() -> None:
    world = World(step("a"))
    world.passes()
    world.after(10).pod("a", phase="Pending", waiting="ErrImagePull: not found")
    world.passes()
    first = world.steps["a"].message
    world.pod("a", phase="Pending", waiting="ImagePullBackOff: Back-off pulling image")
    world.passes()
    assert world.steps["a"].message == first
    world.pod("a", phase="Pending", waiting="CreateContainerConfigError: secret not found")
    world.passes()
    assert world.steps["a"].message == "CreateContainerConfigError: secret not found"


def test_a_job_without_a_pod_is_told_after_half_a_minute() -> None:
    world = World(step("a"))
    world.passes()
    world.passes()
    assert (world.last.wake_at - world.now).total_seconds() == 30
    world.after(30).passes()
    assert f"no Pod for 30 s: kubectl describe job {world.name('a')}" in world.steps["a"].message


def test_a_container_that_does_not_begin_is_told_after_half_a_minute() -> None:
    world = World(step("a"))
    world.passes()
    world.pod("a", phase="Pending")
    assert (world.passes().wake_at - world.now).total_seconds() == 30
    world.after(30).passes()
    assert "does not begin on node node-1: kubectl describe pod a-pod" in world.steps["a"].message


def test_what_a_step_waits_for_stands_in_the_conditions() -> None:
    world = World(step("a"), step("b"))
    world.passes()
    world.pod("a", phase="Pending", waiting="ErrImagePull: no such image")
    world.after(5).passes()
    assert {c.message for c in world.status.conditions} == {"step a: ErrImagePull: no such image"}


def test_a_step_that_timed_out_while_it_waited_says_for_what() -> None:
    world = World(step("a", timeoutSeconds=25))
    world.passes()
    world.pod("a", phase="Pending", waiting="ErrImagePull: no such image")
    world.after(5).passes()
    world.pods.clear()
    world.job("a", active=0, failed=True, failed_reason="DeadlineExceeded")
    world.passes()
    assert world.steps["a"].message == "ran longer than 25 s; ErrImagePull: no such image"


def test_a_suspended_job_is_told() -> None:
    world = World(step("a"))
    world.passes()
    world.job("a", suspended=True)
    world.passes()
    assert world.steps["a"].message == "the Job is suspended"
