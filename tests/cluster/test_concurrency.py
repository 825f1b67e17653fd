"""Concurrency on a real API server, with the operator as users get it: its rights suffice, kubectl shows the line."""

import json

import pytest

from cluster.command import Command
from cluster.manifests import fake, fake_workflow, text
from cluster.reading import status

pytestmark = pytest.mark.usefixtures("installed")
LONG_MS = 600_000


def begin(kubectl: Command, namespace: str, name: str, *, delay_ms: int = 0, **concurrency: str) -> None:
    steps = [fake("a", delay_ms=delay_ms)]
    manifest = fake_workflow(name, steps, concurrency={"key": "till", **concurrency})
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(manifest))


def wait(kubectl: Command, namespace: str, name: str, phase: str) -> None:
    kubectl("wait", f"saga/{name}", "-n", namespace, f"--for=jsonpath={{.status.phase}}={phase}", "--timeout=60s")


def leases(kubectl: Command, namespace: str) -> list[dict]:
    return json.loads(
        kubectl("get", "leases", "-n", namespace, "-l", "kubesaga.dev/concurrency-key=till", "-o", "json")
    )["items"]


def test_a_workflow_waits_in_line_and_begins_when_the_one_before_it_is_gone(kubectl: Command, namespace: str) -> None:
    begin(kubectl, namespace, "first", delay_ms=LONG_MS)
    wait(kubectl, namespace, "first", "Running")
    begin(kubectl, namespace, "second")
    wait(kubectl, namespace, "second", "Queued")
    [lease] = leases(kubectl, namespace)
    assert lease["spec"]["holderIdentity"] == "first"
    line = lease["metadata"]["annotations"]["kubesaga.dev/line"].splitlines()
    assert [one.split()[0] for one in line] == ["first", "second"]
    assert "startTime" not in status(kubectl, "second", namespace)
    kubectl("delete", "saga/first", "-n", namespace)
    wait(kubectl, namespace, "second", "Succeeded")
    kubectl("wait", f"lease/{lease['metadata']['name']}", "-n", namespace, "--for=delete", "--timeout=60s")


def test_one_that_may_not_wait_fails_while_another_runs_and_runs_when_that_has_ended(
    kubectl: Command, namespace: str
) -> None:
    begin(kubectl, namespace, "first", delay_ms=LONG_MS)
    wait(kubectl, namespace, "first", "Running")
    begin(kubectl, namespace, "second", policy="Forbid")
    wait(kubectl, namespace, "second", "Failed")
    failure = status(kubectl, "second", namespace)["failure"]
    assert failure["reason"] == "ConcurrencyForbidden"
    assert failure["message"].endswith("its policy is Forbid: first ran")
    kubectl("annotate", "saga/first", "-n", namespace, "kubesaga.dev/cancel=1")
    wait(kubectl, namespace, "first", "Cancelled")
    begin(kubectl, namespace, "third", policy="Forbid")
    wait(kubectl, namespace, "third", "Succeeded")


def test_a_retry_of_one_that_was_forbidden_waits_for_its_turn(kubectl: Command, namespace: str) -> None:
    begin(kubectl, namespace, "first", delay_ms=LONG_MS)
    wait(kubectl, namespace, "first", "Running")
    begin(kubectl, namespace, "second", policy="Forbid")
    wait(kubectl, namespace, "second", "Failed")
    kubectl("annotate", "saga/second", "-n", namespace, "kubesaga.dev/retry=1")
    wait(kubectl, namespace, "second", "Queued")
    kubectl("annotate", "saga/first", "-n", namespace, "kubesaga.dev/cancel=1")
    wait(kubectl, namespace, "second", "Succeeded")


def test_the_key_cannot_change_once_the_workflow_has_started(kubectl: Command, namespace: str) -> None:
    begin(kubectl, namespace, "first", delay_ms=LONG_MS)
    wait(kubectl, namespace, "first", "Running")
    patch = json.dumps({"spec": {"concurrency": {"key": "other"}}})
    with pytest.raises(Exception, match=r"spec\.concurrency cannot change once the Workflow has started"):
        kubectl("patch", "saga/first", "-n", namespace, "--type=merge", "-p", patch)
