"""Suspension: while it lasts nothing new starts, and no deadline comes nearer.

The way forward is suspended by `spec.suspend` or on request; a rollback, which ignores both, on a request of its own.
"""

from datetime import datetime, timedelta

from kubesaga.api.names import Direction
from kubesaga.engine.state import StateManager


def is_suspended(state: StateManager) -> bool:
    """Whether no step starts."""
    return state.plan.suspend or state.status.suspend_request_time is not None


def track_suspension(state: StateManager) -> None:
    """Note when a suspension of the way forward begins, and add it up when it ends."""
    since = state.status.suspended_time
    suspended = is_suspended(state) and state.status.failure is None
    if suspended and since is None:
        state.set(suspended_time=state.second)
    elif not suspended and since is not None:
        state.set(suspended_time=None, suspended_seconds=state.status.suspended_seconds + seconds_since(state, since))
        _delay_waits(state, since)


def suspend(state: StateManager) -> bool:
    """Suspend on request what goes on, the way forward or the rollback; False where that is so already."""
    rollback = state.status.rollback
    if rollback is not None:
        before = rollback.suspended_time
        state.set(rollback=rollback.model_copy(update={"suspended_time": before or state.second}))
        return before is None
    before = state.status.suspend_request_time
    state.set(suspend_request_time=before or state.second)
    return before is None


def resume(state: StateManager) -> bool:
    """End what `suspend` began; False where there is nothing to end."""
    rollback = state.status.rollback
    if rollback is not None:
        since, quiesced = rollback.suspended_time, rollback.quiesced_time
        counted = max(since, quiesced) if since and quiesced else state.second  # The timeout counts from quiescence.
        spent = rollback.suspended_seconds + seconds_since(state, counted)
        state.set(rollback=rollback.model_copy(update={"suspended_time": None, "suspended_seconds": spent}))
        return since is not None
    since = state.status.suspend_request_time
    state.set(suspend_request_time=None)
    return since is not None


def seconds_since(state: StateManager, since: datetime) -> int:
    """Whole seconds from then until now."""
    return max(0, int((state.second - since).total_seconds()))


def _delay_waits(state: StateManager, since: datetime) -> None:
    """What waits for its time, or for a person in time, waits longer by what was spent suspended."""
    for record in state.waits():
        if record.due_time is not None:
            spent = timedelta(seconds=seconds_since(state, since))  # No step begins while it is suspended.
            state.note(record.name, Direction.FORWARD, due_time=record.due_time + spent)
