"""Between the operator and the API server every fourth request meets a fault: nothing is doubled, nothing is lost.

Requests are refused, reset, never sent on, or done and never answered; watches are cut, delayed, repeated, and ended
by 410. Copies of the references run on the fake node, wave after wave, until enough faults were met; beside them sagas
in real containers count their own steps.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from cluster.faults.api_server import WORKFLOWS, ApiServer, Raw
from cluster.faults.faulty_proxy import Fault, FaultyProxy, Kind
from cluster.faults.person import see_to_the_end
from cluster.faults.references import REFERENCES, Reference
from cluster.faults.trial import Trial, Undisturbed
from cluster.manifests import shell, with_ledger, workflow

FAULTS_MIN = 500
"""Those of requests for Events do not count."""
RATE = 0.25
SEED = 1
COPIES = 8
"""Of each reference in one wave."""
REAL = 3
WAVES_MAX = 8
WAVE_SECONDS = 100
DONE, UNDONE = 'echo "$KUBESAGA_STEP" >> $LEDGER', 'echo "undo-$KUBESAGA_STEP" >> $LEDGER'


class RealSaga(Reference):
    """The saga of three steps that is rolled back, in real containers."""

    def manifest(self, name: str) -> Raw:
        return workflow(name, [*self.steps])


ROLLED_BACK = RealSaga(
    "real",
    (shell("a", DONE, undo=UNDONE), shell("b", DONE, "a", undo=UNDONE), shell("c", f"{DONE}; exit 1", "b")),
    "RolledBack",
    ("a-c1", "a-f1", "b-c1", "b-f1", "c-f1"),
)
LEDGER = ["a", "b", "c", "undo-b", "undo-a"]


@pytest.mark.timeout(420)
def test_500_faults_of_the_api_server_double_nothing_and_lose_nothing(
    trial: Trial, undisturbed: Mapping[str, Undisturbed], tmp_path: Path
) -> None:
    right = {name: one.digest for name, one in undisturbed.items()}
    with FaultyProxy(trial.api, tmp_path, seed=SEED, rate=RATE) as proxy, trial.namespace("faults") as namespace:
        operator = trial.operators.start(namespace, proxy.kubeconfig, hasty=True)
        begin_real(trial.api, namespace, tmp_path)
        begun: dict[str, Reference] = {f"real-{index}": ROLLED_BACK for index in range(REAL)}
        for wave in range(WAVES_MAX):
            new = {f"{one}-{wave}-{copy}": one for one in REFERENCES for copy in range(COPIES)}
            trial.begin(namespace, new)
            begun |= new
            ended = see_to_the_end(trial.api, namespace, begun, WAVE_SECONDS)
            if len(counted(proxy.faults)) >= FAULTS_MIN:
                break
        assert operator.exit_code is None, f"the operator has ended: {operator.log[-3000:]}"
        faults = Counter(fault.kind for fault in counted(proxy.faults))
        print(f"{len(begun)} Workflows, faults: {dict(faults)}")
        assert faults.total() >= FAULTS_MIN
        assert faults.keys() == set(Kind), "each kind of fault was met"
        right["real"] = right["rolled-back"]
        assert trial.problems(namespace, begun, ended, right) == []
    assert [(tmp_path / f"real-{index}" / "ledger").read_text().split() for index in range(REAL)] == [LEDGER] * REAL


def begin_real(api: ApiServer, namespace: str, folder: Path) -> None:
    """The sagas that count their own steps."""
    for index in range(REAL):
        name = f"real-{index}"
        ledger = folder / name / "ledger"
        api.create(WORKFLOWS.format(namespace), with_ledger(ROLLED_BACK.manifest(name), ledger))


def counted(faults: list[Fault]) -> list[Fault]:
    """Those that are no matter of Events, which are best effort."""
    return [fault for fault in faults if not fault.request.endswith("/events")]
