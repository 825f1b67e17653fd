"""Two operators believe that they are alone: one stands still between its status write and its create, and wakes late.

Meanwhile the other one cancels and undoes. It has closed the intent by a Job that never runs and has the name, so
that the late create meets it.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from cluster.audit import AuditLog
from cluster.faults.api_server import WORKFLOWS, ApiServer, Raw
from cluster.faults.operators import Moment, Operator
from cluster.faults.person import POLL_SECONDS
from cluster.faults.references import LONG_MS, job_kind
from cluster.faults.trial import Trial
from cluster.manifests import fake, fake_workflow

pytestmark = pytest.mark.timeout(120)

END_SECONDS = 60
QUIET_SECONDS = 4
"""How long the late operator has for whatever it does when it wakes."""

STEPS = (
    fake("a", undo=True),
    fake("b", "a", undo=True),
    fake("c", "b", undo=True, delay_ms=LONG_MS),
)
ENDED = ("RolledBack", "Cancelled")
TOGETHER = 5


@pytest.fixture
def namespace(trial: Trial) -> Iterator[str]:
    """A namespace for two operators."""
    with trial.namespace("two") as name:
        yield name


@pytest.mark.parametrize("wakes", ["in the middle of the rollback", "after its end"])
@pytest.mark.parametrize(("create", "tombstone"), [(2, "b-f1"), (3, "c-f1")])
def test_a_create_that_comes_after_the_first_undo_meets_a_tombstone(
    trial: Trial, audit_log: AuditLog, namespace: str, create: int, tombstone: str, wakes: str
) -> None:
    late = trial.operators.start(namespace, trial.api.kubeconfig, stops_before_create(create))
    begin(trial.api, namespace, "order")
    late.wait_until_stopped()
    cancel(trial.api, namespace, "order")
    other = trial.operators.start(namespace, trial.api.kubeconfig)
    wait(lambda: undos(trial.api, namespace) and (wakes.startswith("in") or ended(trial.api, namespace)))
    late.wake()
    wait(lambda: ended(trial.api, namespace))
    time.sleep(QUIET_SECONDS)  # Nothing is to happen: there is nothing to wait for.
    assert creates(late)[create - 1] == "Exists"
    assert forward_after_undo(trial.api, audit_log, namespace) == []
    [closed] = [job for job in trial.api.jobs(namespace) if job_kind(job["metadata"]["name"]) == tombstone]
    assert closed["spec"]["suspend"] is True
    assert closed["metadata"]["labels"]["kubesaga.dev/tombstone"] == "true"
    assert "startTime" not in closed.get("status", {}), "it never ran"
    assert {one["status"]["phase"] for one in trial.api.workflows(namespace).values()} == {"RolledBack"}
    assert (late.terminate(), other.terminate()) == (0, 0)


def test_a_create_of_what_was_cancelled_before_anything_ran_meets_a_tombstone(
    trial: Trial, audit_log: AuditLog, namespace: str
) -> None:
    late = trial.operators.start(namespace, trial.api.kubeconfig, stops_before_create(1))
    begin(trial.api, namespace, "order")
    late.wait_until_stopped()
    cancel(trial.api, namespace, "order")
    trial.operators.start(namespace, trial.api.kubeconfig)
    wait(lambda: ended(trial.api, namespace))
    late.wake()
    time.sleep(QUIET_SECONDS)
    assert creates(late) == ["Exists"]
    [closed] = trial.api.jobs(namespace)
    assert closed["spec"]["suspend"] is True
    assert trial.api.workflows(namespace)["order"]["status"]["phase"] == "Cancelled"


@pytest.mark.parametrize("call", ["create_job", "patch_status", "patch_job"])
@pytest.mark.parametrize("number", [2, 5])
def test_of_two_that_work_side_by_side_one_may_stand_still_at_any_write(
    trial: Trial, audit_log: AuditLog, namespace: str, call: str, number: int
) -> None:
    names = [f"order-{index}" for index in range(TOGETHER)]
    late = trial.operators.start(namespace, trial.api.kubeconfig, Moment(number, "before", call, "SIGSTOP"))
    other = trial.operators.start(namespace, trial.api.kubeconfig)
    begin(trial.api, namespace, *names)
    wait(lambda: late.stopped or all_run(trial.api, namespace, "c"))
    cancel(trial.api, namespace, *names)
    wait(lambda: ended(trial.api, namespace))
    if late.stopped:
        late.wake()
    time.sleep(QUIET_SECONDS)
    assert forward_after_undo(trial.api, audit_log, namespace) == []
    created = audit_log.jobs_created(namespace)
    assert sorted(created) == sorted(set(created)), "a Job was created twice"
    assert ended(trial.api, namespace)
    assert (late.terminate(), other.terminate()) == (0, 0)


def stops_before_create(number: int) -> Moment:
    """The moment after the status was written, and before the Job is created."""
    return Moment(number, "before", "create_job", "SIGSTOP")


def begin(api: ApiServer, namespace: str, *names: str) -> None:
    """Create Workflows."""
    for name in names:
        api.create(WORKFLOWS.format(namespace), fake_workflow(name, [*STEPS]))


def cancel(api: ApiServer, namespace: str, *names: str) -> None:
    """Ask for it, as a person does."""
    for name in names:
        api.patch(f"{WORKFLOWS.format(namespace)}/{name}", {"metadata": {"annotations": {"kubesaga.dev/cancel": "1"}}})


def wait(what: Callable[[], object], seconds: float = END_SECONDS) -> None:
    """Until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"it was not so in {seconds} s"
        time.sleep(POLL_SECONDS)


def statuses(api: ApiServer, namespace: str) -> list[Raw]:
    return [raw.get("status", {}) for raw in api.workflows(namespace).values()]


def ended(api: ApiServer, namespace: str) -> bool:
    """Whether all Workflows have."""
    return all(status.get("phase") in ENDED for status in statuses(api, namespace))


def all_run(api: ApiServer, namespace: str, step: str) -> bool:
    """Whether that step of all Workflows runs."""
    states = [{one["name"]: one["state"] for one in status.get("steps", ())} for status in statuses(api, namespace)]
    return all(one.get(step) == "Running" for one in states)


def undos(api: ApiServer, namespace: str) -> list[str]:
    """The Jobs that undo."""
    names = (job["metadata"]["name"] for job in api.jobs(namespace))
    return [name for name in names if "-c" in job_kind(name)]


def creates(operator: Operator) -> list[str]:
    """What came of each create of a Job that an operator made."""
    return [write.outcome for write in operator.writes if write.call == "create_job"]


def forward_after_undo(api: ApiServer, audit_log: AuditLog, namespace: str) -> list[str]:
    """The forward Jobs that were created after the first undo of their Workflow, by the order of the audit log."""
    owner = {job["metadata"]["name"]: job["metadata"]["ownerReferences"][0]["uid"] for job in api.jobs(namespace)}
    undone, late = set(), []
    for request in audit_log.requests(verb="create", resource="jobs", namespace=namespace, code=201):
        if "-c" in job_kind(request.name):
            undone.add(owner[request.name])
        elif owner[request.name] in undone:
            late.append(request.name)
    return late
