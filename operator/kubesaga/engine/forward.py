"""The way forward: start the steps that are ready, and the next attempts that are due."""

from typing import Final

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, StepState
from kubesaga.engine.approval import start_wait
from kubesaga.engine.failure import halted
from kubesaga.engine.readiness import ready_steps
from kubesaga.engine.settlement import Settlement, place, settlement, unended_pods
from kubesaga.engine.state import StateManager
from kubesaga.engine.suspension import is_suspended
from kubesaga.engine.text import listing

_WAITS: Final = "; the next attempt waits for "


def advance_steps(state: StateManager) -> None:
    """Start what may start. Attempts that are due go before new steps, both in the order of the plan.

    Steps are looked at before any is started: a condition that cannot be evaluated halts the run like any failure.
    """
    if halted(state) or is_suspended(state) or state.lacks_place:
        return
    room = _room(state)
    due = [n for n, r in list(state.steps.items()) if r.state is StepState.RETRYING and is_due(state, n, r)]
    taken = sum(state.has_job(name) for name in due)
    ready = ready_steps(state, None if room is None else max(0, room - taken))
    for name in () if halted(state) else (*due, *ready):
        if not state.has_job(name):
            start_wait(state, name)
        elif room is None or room > 0:
            state.start(name, Direction.FORWARD)
            room = None if room is None else room - 1


def is_due(state: StateManager, step: str, record: Execution, direction: Direction = Direction.FORWARD) -> bool:
    """Whether the next attempt may begin: its time has come, and the Job before it is settled."""
    if direction is Direction.FORWARD and not state.has_job(step):
        return True  # There is no Job before it.
    due = record.next_attempt_time
    if due is not None and not state.has_come(due):
        return False
    name = state.executor.name(step, direction, record)
    how_far = settlement(name, record, state.observed)
    if how_far is Settlement.UNCONFIRMED:
        state.unconfirmed.add(name)
    if how_far is Settlement.UNSETTLED:
        pods = listing([place(pod) for pod in unended_pods(name, record, state.observed)])
        said = (record.message or record.reason or "").partition(_WAITS)[0]
        state.note(step, direction, message=f"{said}{_WAITS}{pods or f'the Job {name}'} to end")
    return how_far is Settlement.SETTLED


def _room(state: StateManager) -> int | None:
    """How many more Jobs may start; None without a limit. What waits without one takes no place."""
    if state.plan.parallelism is None:
        return None
    return max(0, state.plan.parallelism - state.count_in_flight(Direction.FORWARD))
