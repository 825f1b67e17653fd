"""The deadline of the whole Workflow. Time spent suspended, or waiting for nothing but an approval or a place under
its concurrency key, does not count against it."""

from datetime import datetime, timedelta

from kubesaga.engine.state import StateManager


def deadline_passed(state: StateManager) -> bool:
    """Whether the deadline has passed; where it is still to come, the pass wakes at it."""
    due = _deadline(state)
    held = state.status.suspended_time is not None or state.status.approval_wait_time is not None
    return due is not None and not held and not state.lacks_place and state.has_come(due)


def _deadline(state: StateManager) -> datetime | None:
    start, seconds = state.status.start_time, state.plan.timeout_seconds
    if start is None or seconds is None:
        return None
    return start + timedelta(seconds=seconds + state.status.suspended_seconds)
