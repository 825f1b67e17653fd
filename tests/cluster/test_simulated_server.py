"""A real cluster does what `simulation.server_scenarios` says, as the simulated one does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from cluster.command import Command
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.telemetry import Telemetry
from simulation.server_scenarios import SCENARIOS

_CRD = Path(__file__).parents[2] / "crds" / "kubesaga.dev_workflows.yaml"
_SPACE = "kubesaga"


class RealApi:
    """Implements `simulation.server_scenarios.Api`."""

    def __init__(self, cluster: ClusterClient, kubectl: Command, namespace: str) -> None:
        self.cluster: Any = cluster
        self.namespace = namespace
        self._kubectl = kubectl

    def job(self, name: str, seconds: float, exit_code: int = 0, linger_seconds: float = 0.2) -> dict[str, Any]:
        asleep = f"sleep {seconds} & wait $!; exit {exit_code}"
        script = f"trap 'sleep {linger_seconds}; exit 143' TERM; {asleep}"
        container = {"name": "step", "image": "busybox:1.36", "command": ["/bin/sh", "-c", script]}
        spec = {"backoffLimit": 0, "completions": 1, "parallelism": 1, "podReplacementPolicy": "Failed"}
        pod = {"restartPolicy": "Never", "containers": [container]}
        metadata = {"name": name}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": {**spec, "template": {"spec": pod}},
        }

    async def delete(self, resource: str, name: str, policy: str) -> None:
        kind = {"workflows": "workflows.kubesaga.dev"}.get(resource, resource)
        arguments = ("delete", kind, name, "-n", self.namespace, f"--cascade={policy.lower()}", "--wait=false")
        await asyncio.to_thread(self._kubectl, *arguments)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture(scope="module")
def alone(kubectl: Command, busybox: str) -> Iterator[None]:
    """The CRD is there, and no operator touches what the scenarios make."""
    kubectl("apply", "--server-side", "--force-conflicts", "-f", _CRD)
    kubectl("wait", "--for=condition=Established", "crd/workflows.kubesaga.dev", "--timeout=30s")
    deployment = kubectl("get", "deployment", "-n", _SPACE, "-o", "name", "--ignore-not-found").strip()
    if deployment:
        kubectl("scale", deployment, "-n", _SPACE, "--replicas=0")
        kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=kubesaga", "-n", _SPACE)
    yield
    if deployment:
        kubectl("scale", deployment, "-n", _SPACE, "--replicas=1")
        kubectl("rollout", "status", deployment, "-n", _SPACE)


@pytest.mark.filterwarnings("ignore:Sending a large body")  # It is larger than any that the operator sends.
@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.usefixtures("alone")
async def test_the_real_server_does_as_the_simulated_one(name: str, kubectl: Command, module_namespace: str) -> None:
    async with connected(kubectl) as cluster:
        await SCENARIOS[name](RealApi(cluster, kubectl, module_namespace))


@asynccontextmanager
async def connected(kubectl: Command) -> AsyncIterator[ClusterClient]:
    """The controller's own client."""
    configuration = Configuration()
    await config.load_kube_config(kubectl.environment["KUBECONFIG"], client_configuration=configuration)
    client = ClusterClient(ApiClient(configuration), Telemetry())
    try:
        yield client
    finally:
        await client.close()
