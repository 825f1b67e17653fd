"""Pivots: the steps whose success decides that a Workflow only goes forward from there on."""

from kubesaga.engine.state import StateManager


def passed_pivots(state: StateManager) -> tuple[str, ...]:
    """The pivots that are done, in the order of the plan: nothing is undone any more."""
    return tuple(name for name in state.plan.pivots if name in state.steps and state.steps[name].done)


def deciding_pivots(state: StateManager) -> tuple[str, ...]:
    """The pivots whose Job runs: whether there is anything to undo is known when they have ended.

    An approval that waits does not decide, or a failure elsewhere would wait for a person: it is cancelled.
    """
    running = (name for name in state.plan.pivots if name in state.steps and state.steps[name].state.in_flight)
    return tuple(name for name in running if state.has_job(name))
