"""Where the run stands: its phase and the one word that says why."""

from dataclasses import dataclass
from enum import StrEnum

from kubesaga.api.names import Direction
from kubesaga.api.status import FailureReason, Phase, StepState
from kubesaga.engine.failure import stops
from kubesaga.engine.rollback import awaited, blocked, undo_set, undone_count
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
    COMPENSATION_FAILED = "CompensationFailed"
    """An undo used up its retries; a person has to look."""


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
    if names := blocked(state):
        message = f"the undo of {listing(names)} failed: kubesaga.dev/retry-compensation tries again; {cause}"
        return Outcome(Phase.ROLLBACK_BLOCKED, Reason.COMPENSATION_FAILED, message)
    if undone_count(state) == len(undo_set(state)):
        return Outcome(Phase.ROLLED_BACK, Reason.ROLLED_BACK, f"{counted(undone_count(state), 'step')} undone; {cause}")
    waits = _waiting(state, Direction.COMPENSATION)
    return Outcome(Phase.ROLLING_BACK, Reason.ROLLING_BACK, f"{cause}; {waits}" if waits else cause)


def _waiting(state: StateManager, direction: Direction) -> str:
    """What in that direction does not run, and why."""
    what = "step" if direction is Direction.FORWARD else "the undo of"
    said = [f"{what} {n}: {r.message}" for n, r in state.executions(direction) if r.state.in_flight and r.message]
    return listing(said, most=3)


def progress(state: StateManager) -> dict[str, str | None]:
    """The columns of `kubectl get` that count."""
    rollback = state.status.rollback
    quiesced = rollback is not None and rollback.quiesced_time is not None
    return {
        "progress": f"{_succeeded(state)}/{len(state.plan.steps)}",
        "rollback_progress": f"{undone_count(state)}/{len(undo_set(state))}" if quiesced else None,
    }


def _succeeded(state: StateManager) -> int:
    return sum(record.state is StepState.SUCCEEDED for record in state.steps.values())
