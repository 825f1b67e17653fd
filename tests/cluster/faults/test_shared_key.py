"""Two operators, both of which lead, share out the places of one concurrency key: never more than there are.

Every change of a line is bound to the version it was computed from, so it does not matter who makes it, nor whether
they are there to see it through.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from cluster.faults.api_server import WORKFLOWS, ApiServer, Raw
from cluster.faults.operators import Moment, Replaced
from cluster.faults.test_two_operators import wait
from cluster.faults.trial import Trial
from cluster.manifests import fake, fake_workflow

pytestmark = pytest.mark.timeout(400)

COUNT, LIMIT = 50, 3
STEP_MS = 2500
"""Longer than two seconds: a status tells the time in whole ones, and every run is to be seen in one of them."""

END_SECONDS = 240
LEASES = "apis/coordination.k8s.io/v1/namespaces/{}/leases"


@pytest.fixture
def namespace(trial: Trial) -> Iterator[str]:
    """A namespace for two operators."""
    with trial.namespace("line") as name:
        yield name


def test_two_operators_let_no_more_run_at_once_than_are_allowed_and_everybody_has_their_turn(
    trial: Trial, namespace: str
) -> None:
    names = [f"order-{number}" for number in range(COUNT)]
    begin(trial.api, namespace, names[: COUNT // 2])
    both = [trial.operators.start(namespace, trial.api.kubeconfig) for _ in range(2)]
    begin(trial.api, namespace, names[COUNT // 2 :])
    wait(lambda: succeeded(trial.api, namespace) == COUNT, END_SECONDS)
    workflows = trial.api.workflows(namespace)
    assert most_at_once(workflows) == LIMIT
    assert set(Counter(trial.jobs_created(namespace)).values()) == {1}
    assert len(trial.jobs_created(namespace)) == COUNT
    wait(lambda: not lines(trial.api, namespace))
    assert [operator.terminate() for operator in both] == [0, 0]


@pytest.mark.parametrize(
    "moment",
    [
        Moment(1, "after", "create_lease"),
        Moment(1, "before", "patch_lease"),
        Moment(2, "after", "patch_lease"),
        Moment(5, "after", "patch_lease"),
        Moment(1, "before", "delete_lease"),
        Moment(1, "after", "delete_lease"),
    ],
    ids=lambda one: f"{one.when}-{one.number_of}-{one.number}",
)
def test_an_operator_that_is_killed_at_a_change_of_the_line_leaves_nobody_waiting(
    trial: Trial, namespace: str, moment: Moment
) -> None:
    names = [f"order-{number}" for number in range(6)]
    begin(trial.api, namespace, names)
    operator = Replaced(trial.operators, namespace, trial.api.kubeconfig, moment)

    def all_over() -> bool:
        operator.look()
        ended = succeeded(trial.api, namespace) == len(names) and not lines(trial.api, namespace)
        return ended and operator.was_killed

    wait(all_over, 120)
    assert most_at_once(trial.api.workflows(namespace)) <= LIMIT
    assert set(Counter(trial.jobs_created(namespace)).values()) == {1}
    operator.terminate()


def test_one_that_is_deleted_while_no_operator_is_there_makes_room_when_there_is_one(
    trial: Trial, namespace: str
) -> None:
    first = trial.operators.start(namespace, trial.api.kubeconfig)
    begin(trial.api, namespace, ["goes"], limit=1, delay_ms=600_000)
    wait(lambda: phase(trial.api, namespace, "goes") == "Running")
    begin(trial.api, namespace, ["comes"], limit=1)
    wait(lambda: phase(trial.api, namespace, "comes") == "Queued")
    assert first.terminate() == 0
    trial.api.delete(f"{WORKFLOWS.format(namespace)}/goes")
    wait(lambda: "goes" not in trial.api.workflows(namespace))
    second = trial.operators.start(namespace, trial.api.kubeconfig)
    wait(lambda: phase(trial.api, namespace, "comes") == "Succeeded")
    wait(lambda: not lines(trial.api, namespace))
    assert second.terminate() == 0


def begin(api: ApiServer, namespace: str, names: list[str], limit: int = LIMIT, delay_ms: int = STEP_MS) -> None:
    """Create Workflows of one step and one key, side by side."""

    def create(name: str) -> None:
        concurrency = {"key": "till", "limit": limit}
        manifest = fake_workflow(name, [fake("a", delay_ms=delay_ms)], concurrency=concurrency)
        api.create(WORKFLOWS.format(namespace), manifest)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, names))


def phase(api: ApiServer, namespace: str, name: str) -> str | None:
    return api.workflows(namespace)[name].get("status", {}).get("phase")


def succeeded(api: ApiServer, namespace: str) -> int:
    """How many have."""
    return sum(raw.get("status", {}).get("phase") == "Succeeded" for raw in api.workflows(namespace).values())


def lines(api: ApiServer, namespace: str) -> list[Raw]:
    """The Leases that keep a line."""
    found: list[Raw] = api.get(f"{LEASES.format(namespace)}?labelSelector=kubesaga.dev/concurrency-key")["items"]
    return found


def most_at_once(workflows: dict[str, Raw]) -> int:
    """Most of them that had a place and had not ended at the full second."""
    spans = [
        tuple(datetime.fromisoformat(raw["status"][which]) for which in ("placeTime", "completionTime"))
        for raw in workflows.values()
    ]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    seconds = (first + timedelta(seconds=number) for number in range(int((last - first).total_seconds()) + 1))
    return max(sum(start < second < end for start, end in spans) for second in seconds)
