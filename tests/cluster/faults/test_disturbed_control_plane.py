"""The control plane is disturbed while Workflows run: all come to the end that they would have come to."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pytest_kind import KindCluster

from cluster.command import Command
from cluster.faults.api_server import ApiServer
from cluster.faults.person import POLL_SECONDS, see_to_the_end
from cluster.faults.references import REFERENCES
from cluster.faults.trial import Trial, Undisturbed

pytestmark = pytest.mark.timeout(180)

KIND = Command(Path(__file__).parents[1] / "kind" / "kind")
COPIES = 4
PAUSE_SECONDS = 8
"""Longer than a short hiccup, shorter than the 10 s after which the API server gives up on etcd."""
END_SECONDS = 90


class ControlPlane:
    """The processes of the control plane."""

    def __init__(self, cluster: str, api: ApiServer) -> None:
        self._cluster = cluster
        self._api = api

    def kill_and_restart(self, process: str) -> None:
        """Kill a process without asking, and start it again."""
        self._call("kill", process)
        self._call("restart", process)
        self._api.wait_until_ready()

    def pause(self, process: str) -> None:
        """Let a process stand still for a while."""
        self._call("pause", process)
        time.sleep(PAUSE_SECONDS)  # It is the time itself that disturbs.
        self.mend(process)

    def mend(self, process: str) -> None:
        """Let it go on, and wait until all is well."""
        self._call("resume", process)
        self._api.wait_until_ready()

    def _call(self, verb: str, process: str) -> None:
        KIND(verb, "process", process, f"--name={self._cluster}")


@pytest.fixture
def control_plane(kind_cluster: KindCluster, api: ApiServer) -> Iterator[ControlPlane]:
    """The control plane; afterwards all of it runs."""
    if "etcd " not in KIND("get", "processes", f"--name={kind_cluster.name}"):
        pytest.skip("the control plane of this cluster runs inside of Docker and cannot be ended from here")
    plane = ControlPlane(kind_cluster.name, api)
    yield plane
    plane.mend("etcd")


DISTURBANCES: Mapping[str, Callable[[ControlPlane], None]] = {
    "the controller manager is killed and started again": lambda plane: plane.kill_and_restart(
        "kube-controller-manager"
    ),
    "the scheduler is killed and started again": lambda plane: plane.kill_and_restart("kube-scheduler"),
    "the API server is killed and started again": lambda plane: plane.kill_and_restart("kube-apiserver"),
    "etcd stands still": lambda plane: plane.pause("etcd"),
}


@pytest.mark.parametrize("disturb", DISTURBANCES.values(), ids=DISTURBANCES)
def test_every_workflow_ends_as_it_would_have(
    trial: Trial,
    undisturbed: Mapping[str, Undisturbed],
    control_plane: ControlPlane,
    disturb: Callable[[ControlPlane], None],
) -> None:
    right = {name: one.digest for name, one in undisturbed.items()}
    references = {f"{one}-{copy}": one for one in REFERENCES for copy in range(COPIES)}
    with trial.namespace("disturbed") as namespace:
        operator = trial.operators.start(namespace, trial.api.kubeconfig)
        trial.begin(namespace, references)
        wait_for_the_middle(trial.api, namespace, sum(len(one.jobs) for one in references.values()))
        disturb(control_plane)
        ended = see_to_the_end(trial.api, namespace, references, END_SECONDS)
        assert operator.terminate() == 0, operator.log[-3000:]
        assert trial.problems(namespace, references, ended, right) == []


def wait_for_the_middle(api: ApiServer, namespace: str, jobs: int) -> None:
    """Wait until a third of all Jobs are there."""
    end = time.monotonic() + END_SECONDS
    while len(api.jobs(namespace)) < jobs / 3:
        assert time.monotonic() < end, "the Workflows do not get going"
        time.sleep(POLL_SECONDS)
