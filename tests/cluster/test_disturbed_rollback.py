"""Whatever disturbs a rollback, it ends as it would have: counted by the steps themselves, on real containers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.command import Command
from cluster.manifests import shell, text, with_ledger, workflow
from cluster.operator_process import OperatorProcess
from cluster.reading import status
from gate import Gate

DONE, UNDONE = 'echo "$KUBESAGA_STEP" >> $LEDGER', 'echo "undo-$KUBESAGA_STEP" >> $LEDGER'
HELD = {"deletionPolicy": "RollbackUnfinished"}
UNDISTURBED = ["a", "b", "undo-b", "undo-a"]


class Saga:
    """A saga that fails, and whose second undo stands at a gate."""

    def __init__(self, kubectl: Command, namespace: str, ledger: Path) -> None:
        self.kubectl, self.namespace, self.ledger = kubectl, namespace, ledger
        self.gate = Gate(Path(f"{ledger}.gate"))
        b = shell("b", DONE, "a", undo=f"cat $LEDGER.gate; {UNDONE}")
        manifest = workflow("order", [shell("a", DONE, undo=UNDONE), b, shell("c", "exit 1", "b")], **HELD)
        kubectl("create", "-n", namespace, "-f", "-", stdin=text(with_ledger(manifest, ledger)))
        running = '--for=jsonpath={.status.steps[?(@.name=="b")].compensation.state}=Running'
        kubectl("wait", "saga/order", "-n", namespace, running, "--timeout=60s")

    def goes_on(self) -> None:
        """Open the gate, and see the rollback end."""
        self.gate.open()
        self.kubectl("wait", "saga/order", "-n", self.namespace, "--for=condition=Succeeded=False", "--timeout=60s")

    @property
    def effects(self) -> list[str]:
        """What the steps did, in order."""
        return self.ledger.read_text().split()


@pytest.mark.usefixtures("installed")
def test_a_cancel_changes_nothing(kubectl: Command, namespace: str, tmp_path: Path, saga) -> None:
    rolling_back = Saga(kubectl, namespace, tmp_path / "ledger")
    code, _, err = saga("cancel", "order", "-n", namespace)
    assert (code, "a rollback is never cancelled" in err) == (1, True)
    rolling_back.goes_on()
    ended = status(kubectl, "order", namespace)
    assert (ended["phase"], ended["failure"]["step"]) == ("RolledBack", "c")
    assert rolling_back.effects == UNDISTURBED


@pytest.mark.usefixtures("paused")
def test_a_killed_operator_changes_nothing(
    kubectl: Command, namespace: str, tmp_path: Path, start_operator: Callable[..., OperatorProcess]
) -> None:
    arguments = ("-m", "kubesaga", "operator", "--namespace", namespace)
    first = start_operator(*arguments)
    rolling_back = Saga(kubectl, namespace, tmp_path / "ledger")
    first.kill()
    rolling_back.gate.open()
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/direction=Compensation",
            "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")  # fmt: skip
    start_operator(*arguments)
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=60s")
    assert status(kubectl, "order", namespace)["phase"] == "RolledBack"
    assert rolling_back.effects == UNDISTURBED


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_a_deletion_changes_nothing_but_that_it_goes_in_the_end(
    kubectl: Command, namespace: str, tmp_path: Path, cascade: str
) -> None:
    rolling_back = Saga(kubectl, namespace, tmp_path / "ledger")
    kubectl("delete", "saga/order", "-n", namespace, f"--cascade={cascade}", "--wait=false")
    assert status(kubectl, "order", namespace)["phase"] == "RollingBack"
    rolling_back.gate.open()
    gone(kubectl, namespace)
    assert rolling_back.effects[:2] == UNDISTURBED[:2]
    assert sorted(set(rolling_back.effects)) == sorted(UNDISTURBED)


def gone(kubectl: Command, namespace: str, cascade: str = "background") -> None:
    """It goes, and nothing is left of it, unless somebody wants its Jobs to stay."""
    kubectl("wait", "saga/order", "-n", namespace, "--for=delete", "--timeout=60s")
    if cascade == "orphan":
        return
    kubectl("wait", "jobs", "--all", "-n", namespace, "--for=delete", "--timeout=60s")
    kubectl("wait", "pods", "--all", "-n", namespace, "--for=delete", "--timeout=60s")


@pytest.fixture
def running(kubectl: Command, namespace: str, tmp_path: Path, installed: str) -> Path:
    """A saga of which one step is done, and one runs; its ledger."""
    ledger = tmp_path / "ledger"
    steps = [
        shell("a", DONE, undo=UNDONE),
        shell("b", f"{DONE}; trap 'exit 143' TERM; sleep 1000 & wait", "a", undo=UNDONE),
    ]
    manifest = with_ledger(workflow("order", steps, **HELD), ledger)
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(manifest))
    state = '--for=jsonpath={.status.steps[?(@.name=="b")].jobUID}'
    kubectl("wait", "saga/order", "-n", namespace, state, "--timeout=60s")
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/step=b", "--for=condition=Ready", "--timeout=60s")
    return ledger


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_what_runs_when_it_is_deleted_is_stopped_and_undone(
    kubectl: Command, namespace: str, running: Path, cascade: str
) -> None:
    kubectl("delete", "saga/order", "-n", namespace, f"--cascade={cascade}", "--wait=false")
    gone(kubectl, namespace, cascade)
    assert running.read_text().split() == ["a", "b", "undo-b", "undo-a"]


def test_a_namespace_that_is_deleted_takes_it_along_and_that_is_told(
    kubectl: Command, namespace: str, running: Path
) -> None:
    kubectl("delete", "namespace", namespace, "--timeout=100s")
    told = kubectl("get", "events", "-n", "default", "-o", "json", f"--field-selector=involvedObject.name={namespace}")
    [event] = [event for event in json.loads(told)["items"] if event["reason"] == "Released"]
    assert "nothing more can be undone; left: a, b" in event["message"]
    assert running.read_text().split() == ["a", "b"]
