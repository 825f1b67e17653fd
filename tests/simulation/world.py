"""A whole cluster in virtual time: server, controllers, machines, operators, and who else touches what is in it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from kubesaga.controller.telemetry import Telemetry
from simulation.client import Trouble
from simulation.garbage_collector import GarbageCollector
from simulation.job_controller import JobController
from simulation.nodes import Fate, Nodes, Work
from simulation.operator_process import OperatorProcess
from simulation.server import NAMESPACE, Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop

WORKFLOW = "order"
"""The name of the Workflow of a run."""


class World:
    """What a run happens in. Make it within its loop."""

    def __init__(self, seed: int, loop: VirtualLoop, fate: Callable[[Work], Fate]) -> None:
        self.loop = loop
        self.server = SimulatedServer(str(seed), loop.time)
        self.collector = GarbageCollector(self.server, loop, Random(f"{seed}/collector"))
        self.jobs = JobController(self.server, loop, Random(f"{seed}/jobs"))
        self.nodes = Nodes(self.server, loop, Random(f"{seed}/nodes"), fate)
        self.operators: list[OperatorProcess] = []
        self.outstanding = 0
        """What is still to happen by itself, such as the return of a node."""
        self.offsets: dict[str, float] = {}
        """By operator, by how many seconds its machine's clock is wrong."""
        self._chance = Random(f"{seed}/operators")
        self._telemetry = Telemetry()

    @property
    def alive(self) -> list[OperatorProcess]:
        """The operators that have not crashed."""
        return [one for one in self.operators if one.alive]

    def workflow(self, name: str = WORKFLOW) -> Raw | None:
        """The Workflow as it stands."""
        return self.server.get("workflows", name, NAMESPACE)

    def status(self) -> Raw:
        """Its status."""
        return (self.workflow() or {}).get("status") or {}

    def start_operator(self, trouble: Trouble) -> OperatorProcess:
        """One more operator."""
        name = f"operator-{len(self.operators) + 1}"
        process = OperatorProcess(
            name, self.server, self.loop, self._chance, trouble, lambda: self.wall_clock(name), self._telemetry
        )
        self.operators.append(process)
        process.start()
        return process

    def wall_clock(self, operator: str) -> datetime:
        """The time of day on an operator's machine."""
        return self.server.time() + timedelta(seconds=self.offsets.get(operator, 0.0))

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """Let something happen by itself; the run has not come to rest before it did."""
        self.outstanding += 1

        def happen() -> None:
            self.outstanding -= 1
            deed()

        self.loop.call_later(seconds, happen)
