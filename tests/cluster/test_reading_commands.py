"""What people read of a Workflow from the command line: `kubesaga get`, `logs` and `wait`."""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.audit import AuditLog
from cluster.command import Command
from cluster.manifests import fake, fake_workflow, shell, text, with_ledger, workflow

pytestmark = pytest.mark.usefixtures("installed")

Saga = Callable[..., tuple[int, str, str]]

GATE = 'until [ -e "$LEDGER.$KUBESAGA_STEP" ]; do sleep 0.1; done'
"""A script waits here until the test makes that file."""


def create(kubectl: Command, namespace: str, *manifests: dict) -> None:
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(*manifests))


def state(step: str, wanted: str) -> str:
    """What `kubectl wait` waits for until a step is in that state."""
    return f'--for=jsonpath={{.status.steps[?(@.name=="{step}")].state}}={wanted}'


def rows(out: str) -> list[list[str]]:
    """The words of each line."""
    return [line.split() for line in out.splitlines()]


def following(kubectl: Command, *arguments: str):
    """The lines of `kubesaga` as they come."""
    return Command(Path(sys.executable), kubectl.environment).lines("-m", "kubesaga", *arguments)


def test_a_running_workflow_is_shown_and_watched_to_its_end(
    kubectl: Command, namespace: str, tmp_path: Path, saga: Saga
) -> None:
    ledger = tmp_path / "ledger"
    steps = [shell("a", "true"), shell("b", GATE, "a"), shell("c", "true", "b")]
    create(kubectl, namespace, with_ledger(workflow("order", steps), ledger))
    kubectl("wait", "saga/order", "-n", namespace, state("b", "Running"), "--timeout=60s")
    code, out, err = saga("get", "order", "-n", namespace)
    assert (code, err) == (0, "")
    head, _, a, b, c = rows(out)
    assert head[:4] == ["order", "Running", "1/3", "steps"]
    assert (a[1:3], b[1:3], c[1:]) == (["a", "succeeded"], ["b", "running"], ["c", "waits", "for", "b"])
    with following(kubectl, "get", "order", "-n", namespace, "--watch") as lines:
        assert next(lines) == "order: Running"
        Path(f"{ledger}.b").touch()
        told = list(lines)
    assert told[-2].startswith("order: Succeeded: 3/3 steps, took ")
    of_c = [line.split()[0] for line in told if line.split()[1] == "c"]
    assert of_c in (["Starting", "Running", "Succeeded"], ["Running", "Succeeded"], ["Starting", "Succeeded"])


def test_a_rollback_is_shown_with_the_logs_of_every_attempt(kubectl: Command, namespace: str, saga: Saga) -> None:
    retried = {"limit": 1, "backoffSeconds": 1}
    steps = [
        shell("pay", 'echo "paid at attempt $KUBESAGA_ATTEMPT"', undo="echo refunded"),
        shell("ship", 'echo "no courier at attempt $KUBESAGA_ATTEMPT"; exit 3', "pay", retry=retried),
    ]
    create(kubectl, namespace, workflow("order", steps))
    code, out, err = saga("wait", "order", "-n", namespace, "--timeout", "50")
    cause = "step ship failed after 2 attempts: exit code 3: no courier at attempt 2"
    assert (code, err) == (3, "")
    assert out == f"workflow.kubesaga.dev/order: RolledBack: 1 step undone; {cause}\n"
    _, out, _ = saga("get", "order", "-n", namespace)
    head, first, message, _, pay, undo, ship = rows(out)
    assert head[:6] == ["order", "RolledBack", "1/2", "steps,", "1/1", "undone"]
    assert (first, message) == (["cause", *cause.split()], ["message", "1", "step", "undone"])
    assert (pay[1:3], undo[1:3], ship[1:5]) == (
        ["pay", "succeeded"],
        ["undo", "undone"],
        ["ship", "failed", "(attempt", "2)"],
    )
    for arguments, said in [
        (("pay",), "paid at attempt 1\n"),
        (("pay", "--compensation"), "refunded\n"),
        (("ship",), "no courier at attempt 2\n"),
        (("ship", "--attempt", "1"), "no courier at attempt 1\n"),
    ]:
        assert saga("logs", "order", *arguments, "-n", namespace) == (0, said, "")
    code, _, err = saga("logs", "order", "shp", "-n", namespace)
    assert (code, err) == (1, 'kubesaga: there is no step "shp"; did you mean "ship"?\n')
    kubectl("delete", "pods", "-n", namespace, "-l", "kubesaga.dev/step=ship")
    code, _, err = saga("logs", "order", "ship", "-n", namespace)
    gone = "the Pod of attempt 2 of step ship is gone; its last message: exit code 3: no courier at attempt 2"
    assert (code, err) == (1, f"kubesaga: {gone}\n")


def test_a_log_is_followed_until_the_container_ends(kubectl: Command, namespace: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    create(kubectl, namespace, with_ledger(workflow("order", [shell("a", f"echo begun; {GATE}; echo done")]), ledger))
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/step=a", "--for=create", "--timeout=60s")
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/step=a", "--for=condition=Ready", "--timeout=60s")
    with following(kubectl, "logs", "order", "a", "-n", namespace, "--follow") as lines:
        assert next(lines) == "begun"
        Path(f"{ledger}.a").touch()
        assert list(lines) == ["done"]


def test_a_pod_that_cannot_start_says_why_instead_of_a_log(kubectl: Command, namespace: str, saga: Saga) -> None:
    lost = {"nodeSelector": {"nowhere": "true"}}
    create(kubectl, namespace, workflow("order", [shell("a", "true")], defaults={"pod": lost}))
    unschedulable = '--for=jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}=Unschedulable'
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/step=a", "--for=create", "--timeout=60s")
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/step=a", unschedulable, "--timeout=60s")
    code, out, err = saga("logs", "order", "a", "-n", namespace)
    assert (code, out) == (1, "")
    assert " of step a still waits: Unschedulable: 0/" in err


def test_a_refused_spec_is_shown_with_every_error(kubectl: Command, namespace: str, saga: Saga) -> None:
    create(kubectl, namespace, fake_workflow("order", [fake("a", "ghost"), fake("b", "spirit")]))
    code, out, err = saga("wait", "order", "-n", namespace, "--timeout", "20")
    assert (code, err) == (1, "")
    assert out.startswith("workflow.kubesaga.dev/order: Failed (InvalidSpec): the spec has 2 errors: ")
    code, out, err = saga("get", "order", "-n", namespace)
    assert (code, err) == (0, "")
    head, cause, first, second = rows(out)
    assert head[:3] == ["order", "Failed", "(InvalidSpec)"]
    assert cause == ["cause", "the", "spec", "has", "2", "errors"]
    assert (first[0], second[0]) == ("spec.steps[0].dependsOn[0]:", "spec.steps[1].dependsOn[0]:")
    code, out, _ = saga("get", "order", "-n", namespace, "-o", "json")
    assert json.loads(out)["status"]["reason"] == "InvalidSpec"


def test_a_success_ends_the_wait(kubectl: Command, namespace: str, saga: Saga) -> None:
    create(kubectl, namespace, fake_workflow("order", [fake("a"), fake("b", "a")]))
    done = "workflow.kubesaga.dev/order: Succeeded: 2 steps succeeded\n"
    assert saga("wait", "order", "-n", namespace, "--timeout", "50") == (0, done, "")


def test_a_blocked_rollback_ends_the_wait(kubectl: Command, namespace: str, saga: Saga) -> None:
    failing = {"image": "fake", "env": [{"name": "FAKE_FAIL", "value": "true"}]}
    a = {**fake("a"), "compensate": {"container": failing, "retry": {"limit": 0}}}
    create(kubectl, namespace, fake_workflow("order", [a, fake("b", "a", fail=True)]))
    code, out, err = saga("wait", "order", "-n", namespace, "--timeout", "50")
    assert (code, err) == (4, "")
    assert out.startswith("workflow.kubesaga.dev/order: RollbackBlocked (CompensationFailed): a (its undo failed")


def test_a_deleted_workflow_ends_the_wait(kubectl: Command, namespace: str, audit_log: AuditLog, saga: Saga) -> None:
    create(kubectl, namespace, fake_workflow("order", [fake("a", delay_ms=600_000)]))
    kubectl("wait", "saga/order", "-n", namespace, state("a", "Running"), "--timeout=60s")
    mark = audit_log.mark()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(saga, "wait", "order", "-n", namespace, "--timeout", "50")
        audit_log.wait_for(1, mark, 30, verb="get", resource="workflows", namespace=namespace, user="admin")
        kubectl("delete", "saga/order", "-n", namespace)
        assert waiting.result() == (1, "", "kubesaga: workflow.kubesaga.dev/order was deleted\n")
