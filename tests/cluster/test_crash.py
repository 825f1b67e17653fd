"""The operator is killed at its own writes: whatever the moment, each step and each undo runs exactly once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.audit import AuditLog
from cluster.command import Command
from cluster.manifests import example, text
from cluster.operator_process import OperatorProcess

CRASHING = str(Path(__file__).with_name("crashing_operator.py"))
STEPS = ["charge-card", "check-order", "refund-card", "release-stock", "reserve-stock"]
JOBS = ["charge-card-c1", "charge-card-f1", "check-order-f1", "reserve-stock-c1", "reserve-stock-f1", "ship-f1"]
MOMENTS = [
    (1, "before"),  # nothing is written yet
    (1, "after"),  # the first status is written, its Job is not created
    (2, "before"),
    (2, "after"),  # the Job is created, nothing is told; the step ends while the operator is down
    (3, "after"),
    (4, "before"),
    (4, "after"),
    (5, "after"),
    (6, "before"),
    (6, "after"),
    (7, "after"),
    (8, "before"),
    (9, "after"),
    (10, "after"),
    (11, "before"),
    (12, "after"),  # in mid rollback
]
AT_ONCE = 4


@pytest.mark.usefixtures("paused")
def test_a_kill_at_any_write_leads_to_the_same_end(
    kubectl: Command, audit_log: AuditLog, start_operator: Callable[..., OperatorProcess], tmp_path: Path
) -> None:
    """Killed before or after each of its first twelve writes, and started again after what was running has ended."""

    def run(moment: tuple[int, str]) -> str | None:
        number, when = moment
        namespace = f"crash-{number}-{when}"
        kubectl("create", "namespace", namespace)
        kubectl("wait", "--for=create", "serviceaccount/default", "-n", namespace)
        ledger = tmp_path / namespace / "ledger"
        arguments = ("--namespace", namespace)
        crashing = start_operator(CRASHING, *arguments, CRASH_AT=str(number), CRASH_WHEN=when)
        kubectl("apply", "-n", namespace, "-f", "-", stdin=text(example("order-saga-failing", ledger)))
        assert crashing.wait(90) == -9, f"{namespace}: it was not killed: {crashing.log.read_text()[-2000:]}"
        for pod in kubectl("get", "pods", "-n", namespace, "-o", "name").split():  # They end while nobody looks.
            kubectl("wait", pod, "-n", namespace, "--for=condition=Ready=False", "--timeout=60s")
        again = start_operator("-m", "kubesaga", "operator", *arguments)
        rolled_back = "--for=jsonpath={.status.phase}=RolledBack"
        kubectl("wait", "saga/order-saga-failing", "-n", namespace, rolled_back, "--timeout=120s")
        assert again.terminate() == 0
        problems = list(_problems(kubectl, audit_log, namespace, ledger))
        kubectl("delete", "namespace", namespace, "--wait=false")
        return f"{namespace}: {'; '.join(problems)}" if problems else None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        failed = [problem for problem in pool.map(run, MOMENTS) if problem]
    assert failed == []


def _problems(kubectl: Command, audit_log: AuditLog, namespace: str, ledger: Path):
    """What differs from the undisturbed run."""
    written = sorted(line.split(":")[0] for line in ledger.read_text().splitlines())
    if written != STEPS:
        yield f"the steps wrote {written}"
    standing = kubectl("get", "jobs", "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}").split()
    created = [name.rpartition("-")[0] for name in audit_log.jobs_created(namespace, standing)]
    if created != JOBS:
        yield f"created Jobs {created}"
    states = "{range .status.steps[*]}{.name}={.state}/{.compensation.state} {end}"
    found = kubectl("get", "saga/order-saga-failing", "-n", namespace, "-o", f"jsonpath={states}")
    expected = [
        "charge-card=Succeeded/Succeeded",
        "check-order=Succeeded/",
        "reserve-stock=Succeeded/Succeeded",
        "ship=Failed/",
    ]
    if sorted(found.split()) != expected:
        yield f"ended as {found}"
