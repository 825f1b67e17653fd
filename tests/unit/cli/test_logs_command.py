"""`kubesaga logs`: whose log is printed, and why there is none."""

import io

import pytest
from world import step

from fake_cluster import UID, FakeCluster, ago
from kubesaga.api.names import Direction, job_name
from kubesaga.cli.logs_command import Shown
from order_story import OrderStory, blocked, rolled_back, shipping

FORWARD, COMPENSATION = Direction.FORWARD, Direction.COMPENSATION


def pod(name: str, state: dict | None = None, age: float = 5, **status):
    """A Pod as the API server has it, its container running."""
    containers = [{"name": "step", "state": {"running": {}} if state is None else state}]
    return {
        "metadata": {"name": name, "uid": name, "resourceVersion": "1", "creationTimestamp": ago(age)},
        "status": {"phase": "Running", "containerStatuses": containers, **status},
    }


@pytest.fixture
def cluster():
    """Where the blocked order is, with the Pods of all attempts."""
    made = FakeCluster(blocked().last)
    for name, direction, attempt in [
        ("ship", FORWARD, 1),
        ("reserve", FORWARD, 1),
        ("reserve", FORWARD, 2),
        ("charge", COMPENSATION, 1),
        ("charge", COMPENSATION, 2),
    ]:
        job = job_name(UID, name, direction, attempt)
        made.pods = {**made.pods, job: [pod(job)]}
        made.logs = {**made.logs, job: [f"{name} {direction} {attempt}\n".encode()]}
    return made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ship"], "ship Forward 1\n"),
        (["reserve"], "reserve Forward 2\n"),
        (["reserve", "--attempt", "1"], "reserve Forward 1\n"),
        (["charge", "--compensation"], "charge Compensation 2\n"),
        (["charge", "--compensation", "--attempt", "1"], "charge Compensation 1\n"),
    ],
)
def test_the_log_is_that_of_the_attempt_that_was_asked_for(saga, cluster, arguments, said):
    result = saga(cluster, "logs", "order", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (0, said, "")
    assert cluster.followed is False


def test_a_log_can_be_followed(saga, cluster):
    assert saga(cluster, "logs", "order", "ship", "-f").exit_code == 0
    assert cluster.followed is True


def test_of_several_pods_the_last_one_speaks(saga, cluster):
    job = job_name(UID, "ship", FORWARD, 1)
    cluster.pods = {job: [pod("b", age=1), pod("a", age=50)]}
    cluster.logs = {"b": [b"the second\n"]}
    assert saga(cluster, "logs", "order", "ship").stdout == "the second\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shp"], 'there is no step "shp"; did you mean "ship"?'),
        (["x"], 'there is no step "x"; there are check, charge, reserve, ship, notify'),
        (["notify"], "step notify has not started"),
        (["reserve", "--attempt", "3"], "step reserve has no attempt 3: there are attempts 1 to 2"),
        (["ship", "--attempt", "2"], "step ship has no attempt 2: there is attempt 1"),
        (["ship", "--compensation"], "step ship has no undo"),
        (["check"], "the Pod of attempt 1 of step check is gone"),
        (
            ["charge", "--compensation"],
            "the Pod of attempt 2 of the undo of charge is gone; its last message: exit code 1: no luck",
        ),
        (["charge", "--compensation", "--attempt", "1"], "the Pod of attempt 1 of the undo of charge is gone"),
    ],
)
def test_why_there_is_no_log_is_one_line(saga, cluster, arguments, said):
    cluster.pods = {}
    result = saga(cluster, "logs", "order", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"kubesaga: {said}\n")


def test_what_has_not_started_says_what_it_waits_for(saga):
    result = saga(FakeCluster(shipping().last), "logs", "order", "notify")
    assert result.stderr == "kubesaga: step notify has not started: it waits for ship\n"
    result = saga(FakeCluster(shipping().last), "logs", "order", "charge", "--compensation")
    assert result.stderr == "kubesaga: the undo of charge has not started\n"


def test_an_undo_by_deletion_has_no_log(saga):
    story = OrderStory(step("a", undo={"deleteJob": {}}), step("b", "a")).succeeds("a")
    result = saga(FakeCluster(story.last), "logs", "order", "a", "--compensation")
    assert result.exit_code == 1
    assert result.stderr == "kubesaga: the undo of a deletes its Job: it runs nothing, and has no log\n"


@pytest.mark.parametrize(
    ("state", "status", "said"),
    [
        (
            {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
            {},
            "ImagePullBackOff: no such image",
        ),
        ({"waiting": {"reason": "ContainerCreating"}}, {}, "its container is being prepared"),
        (
            {},
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
                ]
            },
            "Unschedulable: no node",
        ),
    ],
)
def test_a_pod_that_waits_says_for_what(saga, state, status, said):
    cluster = FakeCluster(shipping().last)
    cluster.pods = {job_name(UID, "ship", FORWARD, 1): [pod("ship-pod", state, phase="Pending", **status)]}
    result = saga(cluster, "logs", "order", "ship")
    assert (result.exit_code, result.stderr) == (1, f"kubesaga: the Pod ship-pod of step ship still waits: {said}\n")


def test_an_attempt_without_a_pod_says_why(saga):
    going = shipping().last
    result = saga(FakeCluster(going), "logs", "order", "ship")
    assert result.stderr == "kubesaga: attempt 1 of step ship has no Pod yet\n"
    going["status"]["steps"][-1]["message"] = "waits for quota: exceeded"
    result = saga(FakeCluster(going), "logs", "order", "ship")
    assert result.stderr == "kubesaga: attempt 1 of step ship has no Pod yet: waits for quota: exceeded\n"
    going["status"]["steps"][-1] |= {"state": "Cancelled", "reason": "NotStarted", "message": "closed"}
    result = saga(FakeCluster(going), "logs", "order", "ship")
    assert result.stderr == "kubesaga: attempt 1 of step ship never began: closed\n"


def test_a_refused_spec_has_no_logs(saga):
    result = saga(FakeCluster(OrderStory({"name": "A"}).last), "logs", "order", "A")
    assert result.stderr == "kubesaga: the spec has errors, so no step has a log: kubesaga get order shows them\n"


def test_no_such_workflow_is_one_line(saga):
    result = saga(FakeCluster(rolled_back().last), "logs", "nobody", "ship")
    assert (result.exit_code, result.stderr) == (1, 'kubesaga: workflows.kubesaga.dev "nobody" not found\n')


def test_a_pipe_gets_every_byte_and_a_terminal_nothing_that_moves_its_cursor():
    chunks = [b"a\x1b[", b"2Jb\r\n10%\r", b"20%\nend\xff"]
    for plain, expected in [(True, b"".join(chunks)), (False, "ab\n20%\nend\N{REPLACEMENT CHARACTER}\n".encode())]:
        stream = io.BytesIO()
        shown = Shown(stream, plain=plain)
        for chunk in chunks:
            shown.write(chunk)
        shown.finish()
        assert stream.getvalue() == expected
