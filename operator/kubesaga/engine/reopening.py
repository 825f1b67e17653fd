"""Reopening: a run that has ended without success goes on where it stopped, in the next epoch."""

from kubesaga.api.names import Direction
from kubesaga.api.status import FailureReason, Phase, StepState
from kubesaga.engine.state import StateManager


def reopen(state: StateManager) -> tuple[str, ...] | None:
    """Begin the next epoch: what succeeded is kept, what did not gets new attempts and retries; returns those steps.

    The cause, and the deadline, begin anew. None where there is nothing to go on with: the run has not ended so, or
    its spec is wrong.
    """
    status = state.status
    refused = status.failure is not None and status.failure.reason is FailureReason.INVALID_SPEC
    if status.phase not in (Phase.FAILED, Phase.CANCELLED) or refused:
        return None
    state.set(
        epoch=status.epoch + 1,
        start_time=state.second,
        completion_time=None,
        suspended_time=None,
        suspended_seconds=0,
        cancel_time=None,
        failure=None,
        rollback=None,
    )
    ended = (StepState.FAILED, StepState.CANCELLED)
    again = tuple(name for name, record in state.executions(Direction.FORWARD) if record.state in ended)
    for name in again:
        state.renew(name, Direction.FORWARD)
    return again
