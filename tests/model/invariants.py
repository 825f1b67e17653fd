"""All that must hold: for one configuration, the first that is broken, and how."""

from collections.abc import Iterator

from kubesaga.api.status import WorkflowStatus
from model.brain import Brain
from model.cluster import Jobs
from model.configuration import Configuration
from model.effect_rules import EFFECTS
from model.promised import Effect, Found, Promised, Written
from model.state import Stored
from model.world_rules import STATES, a_workflow_is_let_go_when_nothing_is_left
from model.write_rules import WRITES


class Invariants:
    """All of them, for one configuration: each gives the name of the first that is broken, and how."""

    def __init__(self, configuration: Configuration, brain: Brain) -> None:
        self._promised = Promised(configuration, brain)

    def of_write(self, written: Written) -> str:
        """What a status write breaks."""
        return _first((rule.__name__, rule(self._promised, written)) for rule in WRITES)

    def of_effect(self, effect: Effect) -> str:
        """What a call breaks."""
        return _first((rule.__name__, rule(self._promised, effect)) for rule in EFFECTS)

    def of_state(self, status: WorkflowStatus, jobs: Jobs, stored: Stored) -> str:
        """What is broken in a world."""
        let_go = a_workflow_is_let_go_when_nothing_is_left
        found = ((rule.__name__, rule(self._promised, status, jobs)) for rule in STATES)
        return _first(found) or _first(iter([(let_go.__name__, let_go(self._promised, status, jobs, stored))]))


def _first(found: Iterator[tuple[str, Found]]) -> str:
    return next((f"{name}: {said}" for name, said in found if said), "")
