"""Rollback: latch it, and undo in reverse dependency order once everything forward is quiet.

failure ──> latch ──> quiesce ──────────────> undo ──────────> RolledBack | PartiallyRolledBack | RollbackFailed
                      no forward Job runs,    reversed graph,   │
                      every name is taken     own retries       └─> RollbackBlocked, until a person decides
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from kubesaga.api.names import Direction
from kubesaga.api.spec import OnCompensationFailure
from kubesaga.api.status import Failure, FailureReason, FallbackUndo, Rollback, StepState
from kubesaga.engine.boundary import kept
from kubesaga.engine.decision import EventType
from kubesaga.engine.failure import compensates
from kubesaga.engine.finalizer import may_create
from kubesaga.engine.forward import is_due
from kubesaga.engine.pivot import deciding_pivots, passed_pivots
from kubesaga.engine.quiescence import undo_settled
from kubesaga.engine.resolver import DependencyResolver
from kubesaga.engine.state import StateManager
from kubesaga.engine.way import own_way_follows, undone_so_far, ways_to_undo

UndoStates = Mapping[str, StepState | None]
"""How far the undo of each step is; None where it has not begun."""


def halt(state: StateManager) -> None:
    """After the first cause: no attempt follows another, and what was done is to be undone."""
    if state.status.failure is None and state.status.stop_time is None:
        return
    for name, record in list(state.steps.items()):
        if record.state is StepState.RETRYING:
            state.move(name, Direction.FORWARD, StepState.FAILED, next_attempt_time=None)
    if state.status.failure is None or state.status.rollback is not None or deciding_pivots(state):
        return
    if compensates(state) and may_need_undo(state):
        state.set(rollback=Rollback(start_time=state.second))
        state.tell(EventType.WARNING, "RollingBack", f"undoing what was done, because {state.status.failure.message}")


def undo(state: StateManager, resolver: DependencyResolver) -> None:
    """Start every undo that may start."""
    rollback = state.status.rollback
    if rollback is None or rollback.quiesced_time is None:
        return
    _go_on_to_own_way(state)
    if is_over(state):
        _close(state)
        return
    if rollback.suspended_time is not None or not may_create(state.workflow):
        return
    undos = undo_states(state)
    room = _room(state, undos)
    for name in resolver.compensations(state.plan, undos, _passed(state, undos)):
        compensation = state.steps[name].compensation
        if compensation is None and (room is None or room > 0):
            state.start(name, Direction.COMPENSATION)
            room = None if room is None else room - 1
        elif (
            compensation is not None
            and compensation.state is StepState.RETRYING
            and is_due(state, name, compensation, Direction.COMPENSATION)
        ):
            state.start(name, Direction.COMPENSATION)


def undo_set(state: StateManager) -> tuple[str, ...]:
    """Every step that is to be undone, in start order."""
    safe = kept(state)
    by_name = state.plan.by_name
    return tuple([n for n, record in state.steps.items() if n not in safe and ways_to_undo(by_name[n], record)])


def may_need_undo(state: StateManager) -> bool:
    """Whether a step is to be undone, or may be once it has ended."""
    in_flight = state.in_flight(Direction.FORWARD)
    return bool(undo_set(state)) or any(state.plan.by_name[name].undoable for name, _ in in_flight)


def undo_states(state: StateManager) -> UndoStates:
    """How far each undo of the undo set is; None where it has not begun."""
    return {name: undone_so_far(state.plan.by_name[name], state.steps[name]) for name in undo_set(state)}


def moving(undos: UndoStates) -> tuple[str, ...]:
    """The steps whose undo has begun and not ended."""
    return tuple(name for name, how_far in undos.items() if how_far is not None and not how_far.terminal)


def is_over(state: StateManager) -> bool:
    """Whether no further attempt of an undo begins: a person gave up, or the time for all of them is over."""
    rollback = state.status.rollback
    return rollback is not None and (rollback.abandon_time is not None or timed_out(state))


def timed_out(state: StateManager) -> bool:
    """Whether rollback.timeoutSeconds has passed; where it is still to come, the pass wakes at it."""
    due = _deadline(state)
    return due is not None and state.has_come(due)


# What people decide


def request_rollback(state: StateManager) -> bool:
    """Undo what was done, though nothing failed or nothing was to be undone; False where there is nothing to undo.

    On a Workflow that has ended this opens the next epoch. The first cause is kept, if there is one.
    """
    status = state.status
    if passed_pivots(state) or not may_need_undo(state):
        return False
    state.forget_finally()
    requested = Failure(reason=FailureReason.ROLLBACK_REQUESTED, message="rolled back on request", time=state.second)
    state.set(
        epoch=status.epoch + 1 if status.ended else status.epoch,
        place_time=None if status.ended else status.place_time,
        failure=status.failure or requested,
        rollback=Rollback(start_time=state.second, requested=True),
        completion_time=None,
        stop_time=None,
        terminate_time=None,
    )
    return True


def retry_compensations(state: StateManager, target: str | None) -> tuple[str, ...]:
    """Give blocked undos (all, or that of `target`) new retries; returns their steps."""
    rollback = state.status.rollback
    if rollback is None or rollback.abandon_time is not None:
        return ()
    late = timed_out(state)
    undos = {name: state.execution(name, Direction.COMPENSATION) for name in undo_set(state) if target in (None, name)}
    retried = [name for name, undo in undos.items() if _waits(undo.state if undo else None, late)]
    for name in retried:
        if state.execution(name, Direction.COMPENSATION) is not None:
            state.renew(name, Direction.COMPENSATION)
    if retried and state.plan.rollback.timeout_seconds is not None:
        state.set(rollback=rollback.model_copy(update={"retry_time": state.second, "suspended_seconds": 0}))
    return tuple(retried)


def skip_compensation(state: StateManager, target: str, note: str) -> bool:
    """Take a blocked undo for done or not needed; False where it is not blocked."""
    failed = state.execution(target, Direction.COMPENSATION)
    if failed is None or failed.state is not StepState.FAILED:
        return False
    message = f"{note} (failed before: {failed.message or failed.reason})" if note else failed.message
    state.move(target, Direction.COMPENSATION, StepState.SKIPPED, message=message)
    return True


def abandon(state: StateManager) -> None:
    """Give up what is not undone, if there is a rollback: undos that run end, and no further one begins."""
    if state.status.rollback is not None:
        state.set(rollback=state.status.rollback.model_copy(update={"abandon_time": state.second}))


def _waits(how_far: StepState | None, late: bool) -> bool:
    """Whether an undo goes on only if a person says so."""
    return how_far is StepState.FAILED or (late and how_far is None)


def _go_on_to_own_way(state: StateManager) -> None:
    """Where the undo of a step's fallback has ended well, or is left, that of its own way follows."""
    ended = _passing(state)
    for name, record in tuple(state.steps.items()):
        undo = record.compensation
        if undo is None or undo.state not in ended or not own_way_follows(state.plan.by_name[name], record):
            continue
        if undo_settled(state, name) and name not in kept(state):
            left = FallbackUndo(state=undo.state, message=undo.message)
            next_ = {"way": Direction.FORWARD, "fallback": left, "retries_from": undo.attempt + 1}
            undone = undo.state is StepState.SUCCEEDED
            said = "its fallback is undone, the step itself is not" if undone else undo.message
            state.move(name, Direction.COMPENSATION, StepState.RETRYING, next_attempt_time=None, message=said, **next_)


def _close(state: StateManager) -> None:
    """No attempt follows another."""
    for name, how_far in undo_states(state).items():
        if how_far is StepState.RETRYING:
            state.move(name, Direction.COMPENSATION, StepState.FAILED, next_attempt_time=None)


def _passed(state: StateManager, undos: UndoStates) -> set[str]:
    """Steps whose undo holds up no other any more: one that has succeeded; of one that was left, a Pod may go on."""
    ended = _passing(state)
    return {
        name
        for name, how_far in undos.items()
        if how_far in ended and (how_far is StepState.SUCCEEDED or undo_settled(state, name))
    }


def _passing(state: StateManager) -> set[StepState]:
    """How an undo may have ended for the next one to begin."""
    ended = {StepState.SUCCEEDED, StepState.SKIPPED}
    if state.plan.rollback.on_compensation_failure is OnCompensationFailure.CONTINUE:
        ended.add(StepState.FAILED)
    return ended


def _room(state: StateManager, undos: UndoStates) -> int | None:
    """How many more undos may begin; None without a limit. One that waits for its next attempt keeps its place."""
    most = state.plan.rollback.parallelism
    return None if most is None else most - len(moving(undos))


def _deadline(state: StateManager) -> datetime | None:
    rollback, seconds = state.status.rollback, state.plan.rollback.timeout_seconds
    if rollback is None or rollback.quiesced_time is None or rollback.suspended_time is not None or seconds is None:
        return None
    begun = rollback.retry_time or rollback.quiesced_time
    return begun + timedelta(seconds=seconds + rollback.suspended_seconds)
