"""The assumption that a Pod has ended, which a person makes where its node is dead and nobody can tell."""

from kubesaga.api.names import Direction
from kubesaga.engine.settlement import place, unended_pods
from kubesaga.engine.state import StateManager


def assume_stopped(state: StateManager, step: str) -> tuple[str, ...]:
    """Take the Pods of a step, of its undo or of a finally step for ended; returns them in words.

    Their Job is stopped all the same, so that a node that comes back ends them.
    """
    for direction in (Direction.FINALLY, Direction.COMPENSATION, Direction.FORWARD):
        record = state.execution(step, direction)
        if record is None or record.assumed_stopped:
            continue
        if pods := unended_pods(state.executor.name(step, direction, record), record, state.observed):
            state.note(step, direction, assumed_stopped=True)
            state.wake(state.now)  # What follows is judged by the next pass, which nothing else calls for.
            return tuple(place(pod) for pod in pods)
    return ()
