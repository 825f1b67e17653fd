"""A thousand Workflows that have ended cost nothing: no write while all is quiet, and none when an operator begins."""

import time
import urllib.error
import urllib.request

import pytest

from cluster.audit import AuditLog, Request
from cluster.command import Command
from cluster.faults.operators import Operators
from cluster.faults.trial import Trial
from cluster.manifests import fake, fake_workflow, text
from cluster.operator_process import free_port
from cluster.waiting import wait_for_all, wait_for_jobs

COUNT = 1000
QUIET_SECONDS = 300
"""Five real minutes: as long as it takes until everything is listed anew."""
READY_SECONDS = 10
AFTERWARDS_SECONDS = 15
"""Within it an operator that is ready has passed over everything."""


@pytest.mark.timeout(900)
def test_a_thousand_ended_workflows_are_left_in_peace(trial: Trial, kubectl: Command, audit_log: AuditLog) -> None:
    with trial.namespace("quiet") as namespace:
        operator = trial.operators.start(namespace, trial.api.kubeconfig)
        sagas = [fake_workflow(f"saga-{index}", [fake("only")]) for index in range(COUNT)]
        kubectl("create", "-n", namespace, "-f", "-", stdin=text(*sagas), timeout=200)
        wait_for_all(kubectl, namespace, "saga", COUNT, ".status.phase", "Succeeded", 200)
        wait_for_jobs(kubectl, namespace, COUNT)
        time.sleep(AFTERWARDS_SECONDS)  # What is recorded late is recorded by then.

        mark = audit_log.mark()
        time.sleep(QUIET_SECONDS)  # Quiet is the absence of events: there is none to wait for.
        assert writes(audit_log, mark, namespace) == []

        assert operator.terminate() == 0
        mark = audit_log.mark()
        assert seconds_until_ready(trial.operators, namespace, trial) < READY_SECONDS
        time.sleep(AFTERWARDS_SECONDS)
        assert writes(audit_log, mark, namespace) == []


def writes(audit_log: AuditLog, mark: int, namespace: str) -> list[Request]:
    """What operators have written there."""
    return [one for one in audit_log.requests(mark, agent="kubesaga", namespace=namespace) if one.writes]


def seconds_until_ready(operators: Operators, namespace: str, trial: Trial) -> float:
    """Start an operator; how long it takes until it says that it is ready."""
    port = free_port()
    begun = time.monotonic()
    operators.start(namespace, trial.api.kubeconfig, port=port)
    while not ready(port):
        assert time.monotonic() < begun + 6 * READY_SECONDS, "it is never ready"
        time.sleep(0.05)
    return time.monotonic() - begun


def ready(port: int) -> bool:
    """Whether the operator on that port says so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
