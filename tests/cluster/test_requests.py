"""What people ask of a Workflow that has ended, from the command line; the steps themselves count what was done."""

from pathlib import Path

import pytest

from cluster.command import Command
from cluster.manifests import shell, text, with_ledger, workflow
from cluster.reading import status

pytestmark = pytest.mark.usefixtures("installed")

DONE, UNDONE = 'echo "$KUBESAGA_STEP" >> $LEDGER', 'echo "undo-$KUBESAGA_STEP" >> $LEDGER'


def test_what_has_succeeded_is_undone_on_request(kubectl: Command, namespace: str, tmp_path: Path, saga) -> None:
    ledger = tmp_path / "ledger"
    steps = [shell("a", DONE, undo=UNDONE), shell("b", DONE, "a", undo=UNDONE)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(with_ledger(workflow("order", steps), ledger)))
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded", "--timeout=60s")
    code, out, err = saga("rollback", "order", "-n", namespace)
    assert (code, err) == (0, "")
    assert "rollback accepted: " in out
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=60s")
    ended = status(kubectl, "order", namespace)
    assert (ended["phase"], ended["reason"], ended["epoch"]) == ("RolledBack", "RolledBackOnRequest", 2)
    assert ledger.read_text().split() == ["a", "b", "undo-b", "undo-a"]
    code, _, err = saga("rollback", "order", "-n", namespace)
    assert code == 1
    assert err.endswith("rollback refused: there was a rollback already: the Workflow is RolledBack\n")


def test_what_has_failed_goes_on_where_it_stopped(kubectl: Command, namespace: str, tmp_path: Path, saga) -> None:
    ledger = tmp_path / "ledger"
    steps = [shell("a", DONE), shell("b", f"[ -e $LEDGER.mended ]; {DONE}", "a"), shell("c", DONE, "b")]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(with_ledger(workflow("order", steps), ledger)))
    kubectl("wait", "saga/order", "-n", namespace, "--for=jsonpath={.status.phase}=Failed", "--timeout=60s")
    Path(f"{ledger}.mended").touch()
    code, out, err = saga("retry", "order", "-n", namespace)
    assert (code, err) == (0, "")
    assert "retry accepted: epoch 2: b again, after step b failed: exit code 1" in out
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded", "--timeout=60s")
    assert ledger.read_text().split() == ["a", "b", "c"]
