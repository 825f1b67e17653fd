"""The operator is killed before and after each of its own writes: whatever the moment, the end is the same.

Six references run on the fake node, each as often as its undisturbed run makes writes, and twice: the operator is
killed at that write and started again. The order saga does so in real containers at some of its moments, and while
nobody looks what was running ends.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.faults.api_server import WORKFLOWS, ApiServer, Raw
from cluster.faults.operators import Moment, Replaced
from cluster.faults.person import see_to_the_end
from cluster.faults.references import REFERENCES, Reference, differences, doubled_and_lost
from cluster.faults.trial import Trial, Undisturbed
from cluster.manifests import example

pytestmark = pytest.mark.timeout(540)  # All runs together count as the time of the first test.

AT_ONCE = 8
RUN_SECONDS = 60
LATE_WRITES_MAX = 2

ORDER = "order-saga-failing"
ORDER_STEPS = ["charge-card", "check-order", "refund-card", "release-stock", "reserve-stock"]
ORDER_JOBS = ("charge-card-c1", "charge-card-f1", "check-order-f1", "reserve-stock-c1", "reserve-stock-f1", "ship-f1")
ORDER_END = {
    "charge-card": ("Succeeded", "Succeeded"),
    "check-order": ("Succeeded", None),
    "reserve-stock": ("Succeeded", "Succeeded"),
    "ship": ("Failed", None),
}
ORDER_MOMENTS = (
    Moment(1, "after"),  # The first status is written, its Job is not created.
    Moment(2, "after"),  # The Job is created, nothing is told; the step ends while the operator is down.
    Moment(4, "before"),
    Moment(4, "after"),
    Moment(6, "after"),
    Moment(9, "before"),
    Moment(12, "after"),  # In mid rollback.
)
REAL_AT_ONCE = 4


@dataclass(frozen=True)
class Run:
    """A reference whose operator was killed at a moment."""

    reference: Reference
    moment: Moment
    killed: bool
    """Whether the moment came: what is recorded late may go with another write."""
    problems: list[str]

    def __str__(self) -> str:
        return f"{self.reference}, killed {self.moment}"


@pytest.fixture(scope="module")
def runs(trial: Trial, undisturbed: Mapping[str, Undisturbed]) -> list[Run]:
    """Every reference, killed at every moment."""
    right = {name: one.digest for name, one in undisturbed.items()}

    def run(case: tuple[Reference, Moment]) -> Run:
        reference, moment = case
        references = {reference.name: reference}
        with trial.namespace("killed", reference.name, moment.when, str(moment.number)) as namespace:
            operator = Replaced(trial.operators, namespace, trial.api.kubeconfig, moment)
            trial.begin(namespace, references)
            ended = see_to_the_end(trial.api, namespace, references, RUN_SECONDS, operator.look)
            killed = operator.was_killed
            operator.terminate()
            return Run(reference, moment, killed, trial.problems(namespace, references, ended, right))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, moments(undisturbed)))


def moments(undisturbed: Mapping[str, Undisturbed]) -> Iterator[tuple[Reference, Moment]]:
    """Before and after each write of the undisturbed runs."""
    for reference in REFERENCES:
        for number in range(1, len(undisturbed[reference.name].writes) + 1):
            for when in ("before", "after"):
                yield reference, Moment(number, when)


def test_the_operator_is_killed_at_every_write(runs: list[Run], undisturbed: Mapping[str, Undisturbed]) -> None:
    """What is recorded late may go with another write, so the last moments may not come."""
    print(f"{sum(run.killed for run in runs)} of {len(runs)} moments came")
    for reference in REFERENCES:
        came = {(run.moment.number, run.moment.when) for run in runs if run.reference is reference and run.killed}
        first = range(1, len(undisturbed[reference.name].writes) - LATE_WRITES_MAX + 1)
        missed = {(number, when) for number in first for when in ("before", "after")} - came
        assert missed == set(), f"{reference}: the operator was not killed at these moments"


def test_every_run_comes_to_the_same_end_by_the_same_jobs(runs: list[Run]) -> None:
    assert {str(run): run.problems for run in runs if run.problems} == {}


def test_in_real_containers_each_step_and_each_undo_runs_once(trial: Trial, tmp_path: Path) -> None:
    """What was running ends while there is no operator."""

    def run(moment: Moment) -> list[str]:
        with trial.namespace("killed", "order", moment.when, str(moment.number)) as namespace:
            ledger = tmp_path / namespace / "ledger"
            order = {ORDER: Reference(ORDER, (), "RolledBack", ORDER_JOBS)}
            operator = Replaced(
                trial.operators, namespace, trial.api.kubeconfig, moment, lambda: nothing_runs(trial.api, namespace)
            )
            trial.api.create(WORKFLOWS.format(namespace), example(ORDER, ledger))
            ended = see_to_the_end(trial.api, namespace, order, RUN_SECONDS, operator.look)
            problems = [] if operator.was_killed else ["it was not killed"]
            assert operator.terminate() == 0
            problems += doubled_and_lost(trial.jobs_created(namespace), ORDER_JOBS)
            problems += differences(states(ended[ORDER]), ORDER_END)
            written = sorted(line.split(":")[0] for line in ledger.read_text().splitlines())
            problems += [] if written == ORDER_STEPS else [f"the steps wrote {written}"]
        return [f"{moment}: {one}" for one in problems]

    with ThreadPoolExecutor(REAL_AT_ONCE) as pool:
        assert [problem for found in pool.map(run, ORDER_MOMENTS) for problem in found] == []


def nothing_runs(api: ApiServer, namespace: str) -> bool:
    """Whether every Pod there has ended."""
    pods = api.get(f"api/v1/namespaces/{namespace}/pods")["items"]
    return all(pod["status"].get("phase") in ("Succeeded", "Failed") for pod in pods)


def states(raw: Raw) -> dict[str, tuple[str, str | None]]:
    """The state of each step and of its undo."""
    return {
        step["name"]: (step["state"], (step.get("compensation") or {}).get("state")) for step in raw["status"]["steps"]
    }
