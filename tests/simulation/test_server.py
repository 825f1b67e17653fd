"""The simulated server does what `server_scenarios` says; tests/cluster asks the same of a real one."""

import asyncio
from random import Random
from typing import Any

import pytest

from kubesaga.controller.errors import ClusterError
from simulation.client import Client
from simulation.nodes import Fate, Work
from simulation.server import NAMESPACE, Raw
from simulation.server_scenarios import SCENARIOS
from simulation.virtual_loop import StandsStill, VirtualLoop
from simulation.world import World


class Calm:
    """Nothing goes wrong."""

    def before(self, client: Client, verb: str, resource: str, name: str) -> ClusterError | None:
        return None

    def after(self, client: Client, verb: str, resource: str, name: str) -> ClusterError | None:
        return None


class SimulatedApi:
    """Implements `simulation.server_scenarios.Api`."""

    namespace = NAMESPACE

    def __init__(self, loop: VirtualLoop) -> None:
        self.fates: dict[str, Fate] = {}
        self.world = World(1, loop, self.fate)
        self.cluster: Any = Client(self.world.server, loop, Random("scenarios"), "operator", Calm())

    def fate(self, work: Work) -> Fate:
        return self.fates[work.step]

    def job(self, name: str, seconds: float, exit_code: int = 0, linger_seconds: float = 0.2) -> Raw:
        self.fates[name] = Fate(seconds, exit_code, linger_seconds=linger_seconds)
        who = {"kubesaga.dev/workflow-uid": "none", "kubesaga.dev/step": name, "kubesaga.dev/direction": "Forward"}
        labels = who | {"kubesaga.dev/attempt": "1", "kubesaga.dev/epoch": "1"}
        pod = {"restartPolicy": "Never", "containers": [{"name": "step", "image": "i"}]}
        spec = {"backoffLimit": 0, "completions": 1, "parallelism": 1, "podReplacementPolicy": "Failed"}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "labels": labels},
            "spec": {**spec, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }

    async def delete(self, resource: str, name: str, policy: str) -> None:
        self.world.server.delete("user", resource, NAMESPACE, name, policy)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_simulated_server_does_as_a_real_one(name: str) -> None:
    loop = VirtualLoop()

    async def run() -> None:
        await SCENARIOS[name](SimulatedApi(loop))

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


def test_where_nothing_would_ever_happen_again_the_loop_says_so() -> None:
    loop = VirtualLoop()
    never = loop.create_future()
    with pytest.raises(StandsStill):
        loop.run_until_complete(never)
    loop.close()


def test_time_passes_without_waiting_and_in_order() -> None:
    loop = VirtualLoop()
    seen: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, loop.time()))

    async def run() -> None:
        await asyncio.gather(sleep("a year", 31_536_000.0), sleep("a second", 1.0))
        assert await asyncio.to_thread(lambda: loop.time()) == seen[-1][1]

    loop.run_until_complete(run())
    loop.close()
    assert seen == [("a second", 1.0), ("a year", 31_536_000.0)]
