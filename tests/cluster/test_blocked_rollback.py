"""A rollback that is blocked, and what a person asks for from the command line."""

import pytest

from cluster.command import Command
from cluster.manifests import fake, fake_workflow, text
from cluster.reading import status

pytestmark = pytest.mark.usefixtures("installed")


def block(kubectl: Command, namespace: str, name: str) -> None:
    """A Workflow whose rollback is blocked at the undo of b; that of c is done, that of a waits for it."""
    failing = {"image": "fake", "env": [{"name": "FAKE_FAIL", "value": "true"}]}
    b = {**fake("b", "a"), "compensate": {"container": failing, "retry": {"limit": 0}}}
    steps = [fake("a", undo=True), b, fake("c", "b", undo=True), fake("d", "c", fail=True)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow(name, steps, ttlSecondsAfterFinished=3600)))
    kubectl("wait", f"saga/{name}", "-n", namespace, "--for=jsonpath={.status.phase}=RollbackBlocked", "--timeout=60s")
    kubectl("wait", f"saga/{name}", "-n", namespace, "--for=condition=Stalled", "--timeout=1s")


def test_a_skipped_undo_leads_on_to_a_partial_rollback(kubectl: Command, namespace: str, saga) -> None:
    block(kubectl, namespace, "order")
    code, out, err = saga("skip-compensation", "order", "a", "-n", namespace)
    assert (code, out) == (1, "")
    assert err == "workflow.kubesaga.dev/order: skip-compensation a refused: the undo of a is not blocked\n"
    code, out, err = saga("skip-compensation", "order", "b", "-n", namespace, "--note", "refunded by hand")
    assert (code, err) == (0, "")
    assert out.endswith("skip-compensation b accepted: the undo of b is taken for done: refunded by hand\n")
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=60s")
    ended = status(kubectl, "order", namespace)
    assert (ended["phase"], ended["reason"], ended["rollbackProgress"]) == (
        "PartiallyRolledBack",
        "ManuallyResolved",
        "2/3",
    )
    assert "refunded by hand" in kubectl("describe", "saga/order", "-n", namespace)


def test_an_abandoned_rollback_fails_and_names_what_is_left(kubectl: Command, namespace: str, saga) -> None:
    block(kubectl, namespace, "order")
    code, _, err = saga("retry-compensation", "order", "b", "-n", namespace)
    assert (code, err) == (0, "")
    blocked = '--for=jsonpath={.status.steps[?(@.name=="b")].compensation.attempt}=2'
    kubectl("wait", "saga/order", "-n", namespace, blocked, "--timeout=30s")
    kubectl("wait", "saga/order", "-n", namespace, "--for=jsonpath={.status.phase}=RollbackBlocked", "--timeout=60s")
    assert saga("abandon", "order", "-n", namespace)[0] == 0
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=60s")
    ended = status(kubectl, "order", namespace)
    assert (ended["phase"], ended["reason"]) == ("RollbackFailed", "CompensationAbandoned")
    assert ended["failure"]["step"] == "d", "the first cause is kept"
    assert "left: a (its undo has not begun), b (its undo failed" in ended["conditions"][0]["message"]


def test_a_savepoint_keeps_what_leads_to_it(kubectl: Command, namespace: str) -> None:
    kept = {**fake("b", "a", undo=True), "boundary": "Savepoint"}
    steps = [fake("a", undo=True), kept, fake("c", "b", undo=True), fake("d", "c", fail=True)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow("order", steps)))
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=60s")
    ended = status(kubectl, "order", namespace)
    assert (ended["phase"], ended["reason"], ended["rollbackProgress"]) == (
        "PartiallyRolledBack",
        "SavepointReached",
        "1/1",
    )


def test_who_asks_for_the_impossible_is_told_so(kubectl: Command, namespace: str, saga) -> None:
    code, _, err = saga("cancel", "nobody", "-n", namespace)
    assert (code, err) == (1, 'kubesaga: workflows.kubesaga.dev "nobody" not found\n')
    code, _, err = saga("cancel", "nobody", "--context", "elsewhere")
    assert code == 1
    assert err.startswith("kubesaga: kubeconfig: ")


@pytest.mark.usefixtures("paused")
def test_a_request_without_an_operator_stands_and_is_answered_later(kubectl: Command, namespace: str, saga) -> None:
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow("order", [fake("a")])))
    code, _, err = saga("cancel", "order", "-n", namespace, "--timeout", "0.5")
    assert code == 1
    assert "no answer in 0.5 s; the request stands" in err
    code, out, _ = saga("cancel", "order", "-n", namespace, "--timeout", "0")
    assert (code, out) == (0, "workflow.kubesaga.dev/order: cancel requested\n")
