"""Many and large Workflows on the fake node: all finish, in order, once, and then all is quiet."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from cluster.audit import AuditLog
from cluster.command import Command
from cluster.manifests import fake, fake_workflow, text
from cluster.waiting import wait_for_all, wait_for_jobs

pytestmark = pytest.mark.usefixtures("installed")
GRAPHS = Path(__file__).parents[3] / "shared/workflows"
QUIET_SECONDS = 60


def graph(name: str) -> list[dict]:
    """The tasks of a real graph, read in place."""
    if not GRAPHS.exists():
        pytest.skip(f"the real graphs are not here: {GRAPHS} is absent")
    path = GRAPHS / name
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return json.loads(content)["tasks"]


def finish(kubectl: Command, namespace: str, name: str, phase: str, seconds: int) -> None:
    done = f"--for=jsonpath={{.status.phase}}={phase}"
    kubectl("wait", f"saga/{name}", "-n", namespace, done, f"--timeout={seconds}s", timeout=seconds + 10)


def times(kubectl: Command, namespace: str) -> Iterator[tuple[str, str, datetime, datetime]]:
    """Step, direction, creation and completion of every Job."""
    for job in json.loads(kubectl("get", "jobs", "-n", namespace, "-o", "json"))["items"]:
        labels, status = job["metadata"]["labels"], job["status"]
        ended = status.get("completionTime") or status["conditions"][-1]["lastTransitionTime"]
        created = datetime.fromisoformat(job["metadata"]["creationTimestamp"])
        yield labels["kubesaga.dev/step"], labels["kubesaga.dev/direction"], created, datetime.fromisoformat(ended)


def pod_ends(kubectl: Command, namespace: str) -> dict[str, datetime]:
    """When the container of each forward step ended."""
    ends = {}
    for pod in json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]:
        if pod["metadata"]["labels"]["kubesaga.dev/direction"] == "Forward":
            ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
            ends[pod["metadata"]["labels"]["kubesaga.dev/step"]] = datetime.fromisoformat(ended)
    return ends


def test_two_hundred_workflows_at_once_finish_once_each_and_then_all_is_quiet(
    kubectl: Command, namespace: str, audit_log: AuditLog
) -> None:
    steps = [fake("a"), fake("b", "a"), fake("c", "b")]
    sagas = [fake_workflow(f"saga-{index}", steps) for index in range(200)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(*sagas))
    wait_for_all(kubectl, namespace, "saga", 200, ".status.phase", "Succeeded", 300)
    created = Counter(audit_log.jobs_created(namespace))
    assert len(created) == 600
    assert set(created.values()) == {1}
    assert not [r for r in audit_log.requests(resource="jobs", namespace=namespace, verb="create") if r.code >= 400]
    wait_for_jobs(kubectl, namespace, 600)
    mark = audit_log.mark()
    time.sleep(QUIET_SECONDS)  # Quiet is the absence of events: there is none to wait for.
    # Only here: Workflows of earlier tests may still be deleted with their namespaces.
    written = [r for r in audit_log.requests(mark, agent="kubesaga", namespace=namespace) if r.writes]
    assert written == []


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("1000genome-chameleon-4ch-100k-001.json", 120), ("seismology-chameleon-1100p-001.json.gz", 300)],
)
def test_a_real_graph_runs_and_no_step_starts_before_what_it_depends_on(
    kubectl: Command, namespace: str, name: str, seconds: int
) -> None:
    tasks = graph(name)
    steps = [fake(task["name"], *task["depends_on"]) for task in tasks]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow("graph", steps)))
    finish(kubectl, namespace, "graph", "Succeeded", seconds)
    wait_for_jobs(kubectl, namespace, len(tasks))
    begun = {step: created for step, _, created, _ in times(kubectl, namespace)}
    ended = pod_ends(kubectl, namespace)
    assert begun.keys() == {task["name"] for task in tasks}
    early = [(t["name"], d) for t in tasks for d in t["depends_on"] if begun[t["name"]] < ended[d]]
    assert early == []


def test_a_real_graph_that_fails_is_fully_undone(kubectl: Command, namespace: str) -> None:
    tasks = graph("1000genome-chameleon-4ch-100k-001.json")
    last = next(task["name"] for task in reversed(tasks) if task["depends_on"])
    steps = [fake(t["name"], *t["depends_on"], undo=True, fail=t["name"] == last) for t in tasks]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow("graph", steps)))
    finish(kubectl, namespace, "graph", "RolledBack", 240)
    created = kubectl("get", "jobs", "-n", namespace, "-o", "name").split()
    wait_for_jobs(kubectl, namespace, len(created) - 1)  # All but the one that failed.
    jobs = list(times(kubectl, namespace))
    forward = {step for step, direction, _, _ in jobs if direction == "Forward"}
    undone = {step: (begun, ended) for step, direction, begun, ended in jobs if direction == "Compensation"}
    assert undone.keys() == forward, "whatever was attempted is undone"
    for task in tasks:
        for dependency in task["depends_on"]:
            if task["name"] in undone and dependency in undone:
                assert undone[dependency][0] >= undone[task["name"]][0]
