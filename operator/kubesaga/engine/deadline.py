"""The deadline of the whole Workflow, and the time spent suspended, which does not count against it."""

from datetime import datetime, timedelta

from kubesaga.engine.state import StateManager


def track_suspension(state: StateManager) -> None:
    """Note when a suspension begins, and add it up when it ends."""
    since = state.status.suspended_time
    suspended = state.plan.suspend and state.status.failure is None
    if suspended and since is None:
        state.set(suspended_time=state.second)
    elif not suspended and since is not None:
        spent = max(0, int((state.second - since).total_seconds()))
        state.set(suspended_time=None, suspended_seconds=state.status.suspended_seconds + spent)


def deadline_passed(state: StateManager) -> bool:
    """Whether the deadline has passed; where it is still to come, the pass wakes at it."""
    due = _deadline(state)
    return due is not None and state.status.suspended_time is None and state.has_come(due)


def _deadline(state: StateManager) -> datetime | None:
    start, seconds = state.status.start_time, state.plan.timeout_seconds
    if start is None or seconds is None:
        return None
    return start + timedelta(seconds=seconds + state.status.suspended_seconds)
