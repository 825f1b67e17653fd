"""A node that no longer answers: nobody can say that its step has ended, so nothing is undone until a person does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import ledger
from cluster.command import Command
from cluster.jobs import FAKE_NODE
from cluster.ledger import Ledger, Line
from cluster.manifests import shell, workflow
from cluster.reading import status

KIND = Command(Path(__file__).parent / "kind" / "kind")
PLACE = "kubesaga.test/place"
"""The label of the node that Pods are to run on; it moves from the real node to the fake one when the real one dies."""


@pytest.fixture
def real_node(kubectl: Command, kind_cluster, installed: str) -> Iterator[str]:
    """The real node, as the place where steps run; in the end no node is."""
    if "kubelet " not in KIND("get", "processes", f"--name={kind_cluster.name}"):
        pytest.skip("the kubelet of this cluster runs inside of Docker and cannot be ended from here")
    kubectl("label", "node", "real", f"{PLACE}=here")
    yield "real"
    kubectl("label", "node", "--all", f"{PLACE}-")


@pytest.fixture
def die(kubectl: Command, kind_cluster, installed: str, real_node: str) -> Iterator[Callable[[], None]]:
    """Ends the kubelet of the real node, whose containers go on; the fake node takes what comes then.

    Afterwards the kubelet runs, and has told that the node and the operator on it are ready.
    """
    kubelet = ("process", "kubelet", f"--name={kind_cluster.name}")

    def stop() -> None:
        KIND("stop", *kubelet)
        kubectl("label", "node", real_node, f"{PLACE}-")
        kubectl("label", "node", "fake", f"{PLACE}=here")

    yield stop
    KIND("restart", *kubelet)
    kubectl("wait", f"node/{real_node}", "--for=condition=Ready", "--timeout=60s")
    kubectl("rollout", "status", "deployment/kubesaga", "--namespace", installed, "--timeout=60s")


def test_nothing_is_undone_until_the_pod_on_a_dead_node_is_deleted_by_force(
    kubectl: Command, namespace: str, tmp_path: Path, real_node: str, die: Callable[[], None]
) -> None:
    with Ledger(tmp_path / "ledger") as charged:
        pod = hold(kubectl, namespace, charged)
        die()
        kubectl("annotate", "saga/order", "-n", namespace, "kubesaga.dev/cancel=1")
        kubectl("wait", pod, "-n", namespace, "--for=jsonpath={.metadata.deletionTimestamp}", "--timeout=30s")
        # The control plane needs longer to give up the node than a Pod has to end.
        kubectl("wait", f"node/{real_node}", "--for=condition=Ready=Unknown", "--timeout=90s")
        assert_waits_for(kubectl, namespace, pod, real_node)
        assert Line("Forward", "held", "ends") not in charged.lines, "it does run, and would meet its undo"
    kubectl("delete", pod, "-n", namespace, "--grace-period=0", "--force")
    assert_rolls_back(kubectl, namespace)


def test_nothing_is_undone_until_a_person_answers_for_the_pod_on_a_dead_node(
    kubectl: Command, namespace: str, tmp_path: Path, real_node: str, die: Callable[[], None], saga
) -> None:
    with Ledger(tmp_path / "ledger") as charged:
        pod = hold(kubectl, namespace, charged)
        die()
        assert saga("cancel", "order", "-n", namespace)[0] == 0
        kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Stalled", "--timeout=200s", timeout=210)
        assert_waits_for(kubectl, namespace, pod, real_node)
        stalled = next(c for c in status(kubectl, "order", namespace)["conditions"] if c["type"] == "Stalled")
        assert stalled["reason"] == "WaitingForPodTermination"
        assert f"{pod.removeprefix('pod/')} on node {real_node} of step held" in stalled["message"]
        code, out, _ = saga("assume-stopped", "order", "held", "-n", namespace, "--note", "it burnt")
    assert code == 0
    assert out.endswith(f"taken for ended: Pod {pod.removeprefix('pod/')} on node {real_node}: it burnt\n")
    assert_rolls_back(kubectl, namespace, "AssumedStopped")
    kubectl("get", pod, "-n", namespace)  # Nothing was deleted by force.


def hold(kubectl: Command, namespace: str, charged: Ledger) -> str:
    """A Workflow whose second step has charged and goes on; returns that step's Pod."""
    steps = [
        shell("first", ledger.CHARGE, undo=ledger.REFUND),
        shell("held", ledger.fails_after(ledger.HOLD), "first", undo=ledger.REFUND),
    ]
    pod = {"nodeSelector": {PLACE: "here"}, "tolerations": FAKE_NODE["tolerations"]}
    manifest = charged.for_steps_of(workflow("order", steps, defaults={"pod": pod}))
    kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))
    charged.wait_for_the_moment(60)
    return kubectl("get", "pod", "-n", namespace, "-l", "kubesaga.dev/step=held", "-o", "name").strip()


def assert_waits_for(kubectl: Command, namespace: str, pod: str, node: str) -> None:
    """The rollback waits and says for what; nothing is undone."""
    found = status(kubectl, "order", namespace)
    assert found["phase"] == "RollingBack"
    [condition] = [condition for condition in found["conditions"] if condition["type"] == "RollingBack"]
    assert f"waits for Pod {pod.removeprefix('pod/')} on node {node} of step held" in condition["message"]
    assert kubectl("get", "jobs", "-n", namespace, "-l", "kubesaga.dev/direction=Compensation", "-o", "name") == ""


def assert_rolls_back(kubectl: Command, namespace: str, reason: str = "Stopped") -> None:
    """The rollback goes on, and ends while the node is still dead."""
    kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=60s")
    ended = status(kubectl, "order", namespace)
    assert (ended["phase"], ended["rollbackProgress"]) == ("RolledBack", "2/2")
    assert [(step["name"], step.get("reason")) for step in ended["steps"]] == [("first", None), ("held", reason)]
    kubectl("wait", "node/real", "--for=condition=Ready=Unknown", "--timeout=1s")
