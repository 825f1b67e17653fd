"""The way forward: start the steps that are ready, and the next attempts that are due."""

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, StepState
from kubesaga.engine.resolver import DependencyResolver
from kubesaga.engine.settlement import Settlement, settlement
from kubesaga.engine.state import StateManager


def advance_steps(state: StateManager, resolver: DependencyResolver) -> None:
    """Start what may start. Attempts that are due go before new steps, both in the order of the plan."""
    if state.status.failure is not None or state.plan.suspend:
        return
    room = _room(state)
    due = [n for n, r in state.executions(Direction.FORWARD) if r.state is StepState.RETRYING and is_due(state, n, r)]
    ready = resolver.resolve(state.plan, state.steps).ready
    for name in (*due, *ready)[:room]:
        state.start(name, Direction.FORWARD)


def is_due(state: StateManager, step: str, record: Execution, direction: Direction = Direction.FORWARD) -> bool:
    """Whether the next attempt may begin: its time has come, and the Job before it is settled."""
    due = record.next_attempt_time
    if due is not None and not state.has_come(due):
        return False
    name = state.executor.name(step, direction, record)
    how_far = settlement(name, record.job_uid, state.observed)
    if how_far is Settlement.UNCONFIRMED:
        state.unconfirmed.add(name)
    return how_far is Settlement.SETTLED


def _room(state: StateManager) -> int | None:
    """How many more may start; None without a limit."""
    if state.plan.parallelism is None:
        return None
    return max(0, state.plan.parallelism - state.in_flight(Direction.FORWARD))
