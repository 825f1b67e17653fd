"""DependencyResolver: which steps, and which undos, may start now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kubesaga.api.status import StepStatus
from kubesaga.engine.plan import Plan


@dataclass(frozen=True, slots=True)
class Resolution:
    """Every step that has no record yet, by what it waits for. Names stand in the order of the plan."""

    ready: tuple[str, ...]
    """All dependencies succeeded."""
    waiting: Mapping[str, tuple[str, ...]]
    """The dependencies that have not ended yet."""
    blocked: Mapping[str, tuple[str, ...]]
    """The dependencies that ended without success, or are blocked themselves: the step never starts."""


class DependencyResolver:
    """Reads the graph. Stateless."""

    def resolve(self, plan: Plan, steps: Mapping[str, StepStatus]) -> Resolution:
        """Sort the pending steps into ready, waiting and blocked."""
        ready: list[str] = []
        waiting: dict[str, tuple[str, ...]] = {}
        blocked: dict[str, tuple[str, ...]] = {}
        succeeded = {name for name, record in steps.items() if record.state.done}
        ended = {name for name, record in steps.items() if record.state.terminal} - succeeded
        for name in plan.order:
            if name in steps:
                continue
            open_ = [d for d in plan.by_name[name].dependencies if d not in succeeded]
            if not open_:
                ready.append(name)
            elif failed := tuple(d for d in open_ if d in ended or d in blocked):
                blocked[name] = failed
            else:
                waiting[name] = tuple(open_)
        return Resolution(tuple(ready), waiting, blocked)

    def compensations(self, plan: Plan, undo_set: Collection[str], undone: Collection[str]) -> tuple[str, ...]:
        """The undos of `undo_set` that may start or have started: everything that comes before them is `undone`.

        The order is the reversed graph, made transitive through steps that have no undo: in one sweep from the last
        step to the first, a step is clear when each of its dependents is clear and undone, or clear and without undo.
        """
        clear: set[str] = set()
        may_start: list[str] = []
        for name in reversed(plan.order):
            dependents = plan.by_name[name].dependents
            if all(d in clear and (d not in undo_set or d in undone) for d in dependents):
                clear.add(name)
                if name in undo_set and name not in undone:
                    may_start.append(name)
        return tuple(may_start)
