"""`kubesaga wait`: when it is over, and with which exit code."""

import json

import pytest

from fake_cluster import AWAY, CTRL_C, DELETED, MISSED, WATCH_ENDS, FakeCluster, ago, workflow
from order_story import STEPS, OrderStory, blocked, rolled_back, shipping, succeeded

ORDER = "workflow.kubesaga.dev/order: "


def failed() -> OrderStory:
    return OrderStory({**STEPS[0], "compensate": None}, onFailure="Stop").fails("check")


@pytest.mark.parametrize(
    ("story", "code", "said"),
    [
        (succeeded, 0, "Succeeded: 5 steps succeeded"),
        (failed, 1, "Failed (StepFailed): step check failed: exit code 1: no luck"),
        (rolled_back, 3, "RolledBack: 2 steps undone; step ship failed: exit code 1: no luck"),
        (blocked, 4, "RollbackBlocked (CompensationFailed): charge (its undo failed: exit code 1: no luck): kubesaga"),
        (lambda: OrderStory(*STEPS, suspend=True), 4, "Suspended: no step starts until spec.suspend is false"),
        (lambda: OrderStory({"name": "A"}), 1, "Failed (InvalidSpec): the spec has "),
    ],
    ids=lambda value: getattr(value, "__name__", None) if callable(value) else None,
)
def test_the_exit_code_says_how_it_ended(saga, story, code, said):
    for seen in (story().seen, story().seen[-1:]):
        result = saga(FakeCluster(*seen), "wait", "order")
        assert (result.exit_code, result.stderr) == (code, "")
        assert result.stdout.startswith(ORDER + said)
        assert result.stdout.count("\n") == 1


def changed(raw, version=70, **status):
    """A copy with another status, which a watch would tell."""
    made = json.loads(json.dumps(raw))
    made["status"] |= status
    made["metadata"]["resourceVersion"] = str(version)
    return made


def test_an_operator_that_cannot_go_on_ends_the_wait(saga):
    going = shipping().last
    stalled = {"type": "Stalled", "status": "True", "reason": "ReconcileFailed", "message": "KeyError: 'a'"}
    stalled |= {"lastTransitionTime": ago(3), "observedGeneration": 1}
    result = saga(
        FakeCluster(going, changed(going, conditions=[*going["status"]["conditions"], stalled])), "wait", "order"
    )
    assert (result.exit_code, result.stdout) == (1, f"{ORDER}Running (ReconcileFailed): KeyError: 'a'\n")


def test_what_was_said_of_an_older_spec_does_not_count(saga):
    """A refused spec was mended, a suspension lifted: the operator is about to see it."""
    refused, suspended = OrderStory({"name": "A"}).last, OrderStory(*STEPS, suspend=True).last
    for old in (refused, suspended):
        old["metadata"]["generation"] = 2
        result = saga(FakeCluster(old, *succeeded().seen[-1:]), "wait", "order")
        assert (result.exit_code, result.stdout) == (0, f"{ORDER}Succeeded: 5 steps succeeded\n")


def test_an_end_stays_one_whatever_is_changed_of_the_spec_later(saga):
    ended = succeeded().last
    ended["metadata"]["generation"] = 2
    assert saga(FakeCluster(ended), "wait", "order").exit_code == 0


def test_a_timeout_says_where_it_stands(saga):
    result = saga(FakeCluster(shipping().last), "wait", "order", "--timeout", "0.05")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"kubesaga: no end in 0.05 s: {ORDER}Running\n"
    result = saga(FakeCluster(workflow(None, {})), "wait", "order", "--timeout", "0.05")
    assert result.stderr == f"kubesaga: no end in 0.05 s: {ORDER}not seen by the operator yet\n"


def test_a_deleted_workflow_is_told(saga):
    result = saga(FakeCluster(shipping().last, DELETED), "wait", "order")
    assert (result.exit_code, result.stderr) == (1, f"kubesaga: {ORDER[:-2]} was deleted\n")


def test_it_goes_on_waiting_when_the_api_server_restarts(saga):
    result = saga(FakeCluster(shipping().last, AWAY, WATCH_ENDS, succeeded().last), "wait", "order")
    assert (result.exit_code, result.stderr) == (0, "")


def test_an_end_that_no_watch_has_told_is_read(saga):
    result = saga(FakeCluster(shipping().last, MISSED, succeeded().last), "wait", "order")
    assert (result.exit_code, result.stderr) == (0, "")


def test_ctrl_c_ends_it(saga):
    assert saga(FakeCluster(shipping().last, CTRL_C), "wait", "order").exit_code == 130


def test_no_such_workflow_is_one_line(saga):
    result = saga(FakeCluster(shipping().last), "wait", "nobody")
    assert (result.exit_code, result.stderr) == (1, 'kubesaga: workflows.kubesaga.dev "nobody" not found\n')


def test_with_no_time_it_looks_once(saga):
    result = saga(FakeCluster(*OrderStory(*STEPS, suspend=False).seen[:1]), "wait", "order", "--timeout", "0")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no end in 0 s" in result.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "soon"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(saga, seconds):
    assert saga(FakeCluster(), "wait", "order", "--timeout", seconds).exit_code == 2


@pytest.mark.parametrize("name", ["", "a/b", "../x", "saga/", "Order"])
def test_what_is_no_name_of_a_workflow_is_refused(saga, name):
    result = saga(FakeCluster(), "wait", name)
    assert (result.exit_code, "is no name of a Workflow" in result.stderr) == (2, True)


@pytest.mark.parametrize("kind", ["saga", "sagas", "workflow", "workflows.kubesaga.dev"])
def test_a_workflow_may_be_named_as_kubectl_does(saga, kind):
    assert saga(FakeCluster(*succeeded().seen), "wait", f"{kind}/order").exit_code == 0
