"""Boundaries: what a rollback keeps, and what it cannot undo."""

from kubesaga.api.spec import Boundary
from kubesaga.engine.state import StateManager


def reached_savepoints(state: StateManager) -> tuple[str, ...]:
    """The savepoints that are done, in start order."""
    savepoints = state.plan.savepoints
    if not savepoints:
        return ()
    return tuple(name for name, record in state.steps.items() if name in savepoints and record.done)


def kept(state: StateManager) -> set[str]:
    """The reached savepoints and all that they depend on: one sweep from the last step to the first."""
    found = set(reached_savepoints(state))
    for name in reversed(state.plan.order) if found else ():
        if name in found:
            found.update(state.plan.by_name[name].dependencies)
    return found


def crossed(state: StateManager) -> tuple[str, ...]:
    """The irreversible steps that may have had an effect and are not kept, in start order."""
    safe = kept(state)
    return tuple(
        name
        for name, record in state.steps.items()
        if record.ever_attempted and state.plan.by_name[name].boundary is Boundary.IRREVERSIBLE and name not in safe
    )
