"""Where the run stands: its phase and the one word that says why."""

from dataclasses import dataclass
from enum import StrEnum

from kubesaga.api.names import Direction
from kubesaga.api.spec import OnCompensationFailure
from kubesaga.api.status import FailureReason, Phase, StepState
from kubesaga.engine.boundary import crossed, reached_savepoints
from kubesaga.engine.failure import stops
from kubesaga.engine.quiescence import awaited
from kubesaga.engine.rollback import UndoStates, is_over, moving, timed_out, undo_set, undo_states
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import counted, listing


class Reason(StrEnum):
    """Reasons of a phase that are not reasons of a failure."""

    RUNNING = "Running"
    """Steps run, or may start."""
    SUSPENDED = "Suspended"
    """`suspend` is set."""
    SUCCEEDED = "Succeeded"
    """Every step succeeded."""
    DRAINING = "Draining"
    """A step failed; running steps run to their end, and nothing is undone."""
    STOPPING = "Stopping"
    """Running steps are being stopped, and nothing is undone."""
    ROLLING_BACK = "RollingBack"
    """What was done is being undone, or waits for running steps to end."""
    ROLLED_BACK = "RolledBack"
    """Everything is undone."""
    ROLLED_BACK_ON_REQUEST = "RolledBackOnRequest"
    """Everything is undone, because a person requested it."""
    COMPENSATION_FAILED = "CompensationFailed"
    """An undo used up its retries; a person has to look."""
    COMPENSATION_ABANDONED = "CompensationAbandoned"
    """What could not be undone is left: a person gave it up, or the rollback goes on without it."""
    IRREVERSIBLE_STEP = "IrreversibleStep"
    """A step that cannot be undone had been attempted; everything else is undone."""
    SAVEPOINT_REACHED = "SavepointReached"
    """Everything after a savepoint is undone."""
    MANUALLY_RESOLVED = "ManuallyResolved"
    """A person skipped an undo, and everything else is undone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A phase, its reason as one word and in words."""

    phase: Phase
    reason: str
    message: str = ""


def outcome(state: StateManager, *, quiescent: bool) -> Outcome:
    """The outcome so far. `quiescent`: every forward Job is settled."""
    failure = state.status.failure
    if failure is None:
        return _going_forward(state)
    if state.status.rollback is not None and not (quiescent and not undo_set(state)):
        return _rolling_back(state, failure.message, quiescent=quiescent)
    if quiescent:
        cancelled = failure.reason is FailureReason.CANCELLED
        return Outcome(Phase.CANCELLED if cancelled else Phase.FAILED, failure.reason, failure.message)
    reason = Reason.STOPPING if stops(state) else Reason.DRAINING
    return Outcome(Phase.RUNNING, reason, f"{failure.message}; waits for {awaited(state)}")


def _going_forward(state: StateManager) -> Outcome:
    if _succeeded(state) == len(state.plan.steps):
        return Outcome(Phase.SUCCEEDED, Reason.SUCCEEDED, f"{counted(len(state.plan.steps), 'step')} succeeded")
    if state.plan.suspend:
        return Outcome(Phase.SUSPENDED, Reason.SUSPENDED, "no step starts until spec.suspend is false")
    return Outcome(Phase.RUNNING, Reason.RUNNING, _waiting(state, Direction.FORWARD))


def _rolling_back(state: StateManager, cause: str, *, quiescent: bool) -> Outcome:
    if not quiescent:
        return Outcome(Phase.ROLLING_BACK, Reason.ROLLING_BACK, f"{cause}; waits for {awaited(state)}")
    undos = undo_states(state)
    left = [_left(state, name, how_far) for name, how_far in undos.items() if how_far is not StepState.SUCCEEDED]
    message = f"{counted(len(undos) - len(left), 'step')} undone; {cause}"
    if state.plan.rollback.on_compensation_failure is OnCompensationFailure.BLOCK and _is_blocked(state, undos):
        why = f"the rollback ran longer than {state.plan.rollback.timeout_seconds} s: " if timed_out(state) else ""
        asks = "kubesaga.dev/retry-compensation, skip-compensation or abandon leads on"
        return Outcome(Phase.ROLLBACK_BLOCKED, Reason.COMPENSATION_FAILED, f"{why}{listing(left)}: {asks}; {cause}")
    if moving(undos) or (None in undos.values() and not is_over(state)):
        waits = _waiting(state, Direction.COMPENSATION)
        return Outcome(Phase.ROLLING_BACK, Reason.ROLLING_BACK, f"{cause}; {waits}" if waits else cause)
    if None in undos.values() or StepState.FAILED in undos.values():
        return Outcome(Phase.ROLLBACK_FAILED, Reason.COMPENSATION_ABANDONED, f"left: {listing(left)}; {message}")
    return _rolled_back(state, left, message)


def _rolled_back(state: StateManager, skipped: list[str], message: str) -> Outcome:
    """Every undo has ended, and none has failed: whether anything is left, and why."""
    irreversible, savepoints = crossed(state), reached_savepoints(state)
    irreparable = [f"{name} (it is irreversible)" for name in irreversible]
    left = f"left: {listing([*skipped, *irreparable])}; " if skipped or irreparable else ""
    kept_ = f"kept up to {listing(savepoints)}; " if savepoints else ""
    phase = Phase.PARTIALLY_ROLLED_BACK
    if skipped:
        return Outcome(phase, Reason.MANUALLY_RESOLVED, f"{left}{kept_}{message}")
    if irreversible:
        return Outcome(phase, Reason.IRREVERSIBLE_STEP, f"{left}{kept_}{message}")
    if savepoints:
        return Outcome(phase, Reason.SAVEPOINT_REACHED, f"{kept_}{message}")
    requested = state.status.rollback is not None and state.status.rollback.requested
    return Outcome(Phase.ROLLED_BACK, Reason.ROLLED_BACK_ON_REQUEST if requested else Reason.ROLLED_BACK, message)


def _is_blocked(state: StateManager, undos: UndoStates) -> bool:
    """Whether a person has to decide, and has not."""
    rollback = state.status.rollback
    if rollback is not None and rollback.abandon_time is not None:
        return False
    return StepState.FAILED in undos.values() or (not moving(undos) and None in undos.values() and timed_out(state))


def _left(state: StateManager, name: str, how_far: StepState | None) -> str:
    """A step that is not undone, and why."""
    undo = state.steps[name].compensation
    if undo is None:
        return f"{name} (its undo has not begun)"
    why = undo.message or undo.reason
    return f"{name} (its undo {'was skipped' if how_far is StepState.SKIPPED else 'failed'}{f': {why}' if why else ''})"


def _waiting(state: StateManager, direction: Direction) -> str:
    """What in that direction does not run, and why."""
    what = "step" if direction is Direction.FORWARD else "the undo of"
    said = [f"{what} {n}: {r.message}" for n, r in state.executions(direction) if r.state.in_flight and r.message]
    return listing(said, most=3)


def progress(state: StateManager) -> dict[str, str | None]:
    """The columns of `kubectl get` that count."""
    rollback = state.status.rollback
    undone = None
    if rollback is not None and rollback.quiesced_time is not None:
        undos = undo_states(state)
        undone = f"{sum(how_far is StepState.SUCCEEDED for how_far in undos.values())}/{len(undos)}"
    return {"progress": f"{_succeeded(state)}/{len(state.plan.steps)}", "rollback_progress": undone}


def _succeeded(state: StateManager) -> int:
    return sum(record.state is StepState.SUCCEEDED for record in state.steps.values())
