"""At rest: Workflows that have ended cause no write, however many there are and however long one waits."""

import asyncio
from typing import Any

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.controller.errors import ClusterError
from simulation.client import Client
from simulation.nodes import Fate, Work
from simulation.server import NAMESPACE, Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop
from simulation.world import World

COUNT = 1_000
HOURS = 10


class Watched:
    """Nothing goes wrong; every call is noted."""

    def __init__(self) -> None:
        self.writes: list[str] = []

    def before(self, client: Client, verb: str, resource: str, name: str) -> ClusterError | None:
        if verb not in ("get", "list"):
            self.writes.append(f"{verb} {resource} {name}")
        return None

    def after(self, client: Client, verb: str, resource: str, name: str) -> ClusterError | None:
        return None


def fate(work: Work) -> Fate:
    """Every third Workflow fails."""
    return Fate(1.0, exit_code=int(work.step.startswith("bad") and work.direction == "Forward"))


def saga(number: int) -> Raw:
    """One that succeeds, or is rolled back, or has nothing to undo."""
    undo: dict[str, Any] = {"compensate": {"container": {"image": "i"}}} if number % 2 else {}
    steps = [{"name": "good" if number % 3 else "bad", "container": {"image": "i"}, **undo}]
    metadata = {"name": f"saga-{number}"}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {"steps": steps}}


def test_a_thousand_workflows_that_have_ended_cause_no_write_in_ten_hours_nor_after_a_restart() -> None:
    loop, trouble = VirtualLoop(), Watched()

    async def run() -> None:
        world = World(7, loop, fate)
        for number in range(COUNT):
            world.server.create("user", "workflows", saga(number))
        first = world.start_operator(trouble)
        await asyncio.sleep(3_600)
        assert len(phases(world.server)) == 3
        for hours in (HOURS, 1):
            trouble.writes.clear()
            before = len(world.server.commits)
            await asyncio.sleep(hours * 3_600)
            assert trouble.writes == []
            assert len(world.server.commits) == before
            if first.alive:
                first.crash()
                world.start_operator(trouble)
        assert len(world.alive) == 1
        world.alive[0].crash()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.gather(*left, return_exceptions=True)

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


def phases(server: SimulatedServer) -> set[str]:
    """The phases that Workflows are in."""
    return {raw["status"]["phase"] for key, raw in server.objects["workflows"].items() if key[0] == NAMESPACE}
