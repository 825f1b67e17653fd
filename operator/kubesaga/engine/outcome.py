"""Where the run stands: its phase and the one word that says why."""

from dataclasses import dataclass, replace

from kubesaga.api.names import Direction
from kubesaga.api.spec import OnCompensationFailure, OnFailure
from kubesaga.api.status import Failure, FailureReason, Phase, StepState
from kubesaga.engine.approval import approvals_sentence, waits_for_approval_only
from kubesaga.engine.boundary import crossed, reached_savepoints
from kubesaga.engine.concurrency import place_sentence, waits_for_place
from kubesaga.engine.failure import failure_sentence, halted, never_started, stops
from kubesaga.engine.finalizer import may_create
from kubesaga.engine.pivot import deciding_pivots, passed_pivots
from kubesaga.engine.quiescence import awaited, stuck_pods, unsettled_undos
from kubesaga.engine.reason import Reason
from kubesaga.engine.recovery import waits_for_person
from kubesaga.engine.rollback import UndoStates, is_over, moving, timed_out, undo_states
from kubesaga.engine.standing import tolerated
from kubesaga.engine.state import StateManager
from kubesaga.engine.suspension import is_suspended
from kubesaga.engine.text import counted, listing


@dataclass(frozen=True, slots=True)
class Outcome:
    """A phase, its reason as one word and in words."""

    phase: Phase
    reason: str
    message: str = ""
    stuck: str = ""
    """In words, Pods that were deleted and do not end: without them it would go on."""
    rolling_back: bool = False
    """Whether it is a rollback that is suspended."""


def outcome(state: StateManager, *, quiescent: bool) -> Outcome:
    """The outcome so far. `quiescent`: every forward Job is settled."""
    reached = _outcome(state, quiescent=quiescent)
    moves = reached.phase in (Phase.RUNNING, Phase.ROLLING_BACK)
    return replace(reached, stuck=stuck_pods(state)) if moves else reached


def _outcome(state: StateManager, *, quiescent: bool) -> Outcome:
    failure = state.status.failure
    if waits_for_place(state):
        return Outcome(Phase.QUEUED, Reason.QUEUED, place_sentence(state))
    if waits_for_person(state):
        return _forward_recovery(state)
    if failure is None:
        return _going_forward(state)
    if state.status.rollback is not None:
        if not quiescent:
            message = f"{failure.message}; waits for {awaited(state)}"
            return Outcome(Phase.ROLLING_BACK, Reason.ROLLING_BACK, message)
        if undos := undo_states(state):
            return _rolling_back(state, failure.message, undos)
    if quiescent:
        return _ended_early(state, failure)
    reason = Reason.STOPPING if stops(state) else Reason.DRAINING
    return Outcome(Phase.RUNNING, reason, f"{failure.message}; waits for {awaited(state)}")


def _going_forward(state: StateManager) -> Outcome:
    if state.all_done:
        return _succeeded(state)
    asked = approvals_sentence(state)
    if state.status.stop_time is not None:
        return Outcome(Phase.RUNNING, Reason.DRAINING, f"stopped on request; waits for {awaited(state)}")
    if halted(state):
        pivots = listing(deciding_pivots(state))
        return Outcome(
            Phase.RUNNING, Reason.DRAINING, f"{failure_sentence(state)}; the pivot {pivots} decides what follows"
        )
    if is_suspended(state):
        asks = "spec.suspend is false" if state.plan.suspend else "kubesaga.dev/resume is requested"
        return Outcome(Phase.SUSPENDED, Reason.SUSPENDED, _joined(f"no step starts until {asks}", asked))
    if waits_for_approval_only(state):
        return Outcome(Phase.SUSPENDED, Reason.WAITING_FOR_APPROVAL, asked)
    return Outcome(Phase.RUNNING, Reason.RUNNING, _joined(_waiting(state, Direction.FORWARD), asked))


def _succeeded(state: StateManager) -> Outcome:
    """Every step is done, or need not be."""
    records = state.steps.values()
    by_hand = sum(record.done and record.state is StepState.SKIPPED for record in records)
    needless = sum(record.passed_over for record in records)
    failed = [name for name, record in state.steps.items() if tolerated(state.plan.by_name[name], record)]
    done = len(records) - needless - len(failed)
    parts = [f"{counted(done, 'step')} succeeded{f', {by_hand} of them skipped by a person' if by_hand else ''}"]
    fallen = [name for name, record in state.steps.items() if record.fell_back]
    parts += [f"by {'its' if len(fallen) == 1 else 'their'} fallback: {listing(fallen)}"] if fallen else []
    parts += [f"{needless} skipped, as their conditions or trigger rules say"] if needless else []
    parts += [f"optional, and failed: {listing(failed)}"] if failed else []
    whole = Reason.SUCCEEDED_WITH_FALLBACK if fallen else Reason.SUCCEEDED
    return Outcome(Phase.SUCCEEDED, Reason.PARTIALLY_SUCCEEDED if failed else whole, "; ".join(parts))


def _forward_recovery(state: StateManager) -> Outcome:
    """Past a pivot nothing is undone: what failed waits for a person, and what does not depend on it goes on."""
    failure, failed = state.status.failure, failure_sentence(state)
    why = failure.message if failure is not None else failed
    asks = "kubesaga.dev/retry-step or skip-step leads on" if failed else "kubesaga.dev/resume leads on"
    message = (
        f"{why}; the pivot {listing(passed_pivots(state))} has succeeded, so nothing is undone: {asks}, stop ends it"
    )
    return Outcome(Phase.SUSPENDED, Reason.FORWARD_RECOVERY, _joined(message, approvals_sentence(state)))


def _ended_early(state: StateManager, failure: Failure) -> Outcome:
    """Nothing was to be undone, or nothing is."""
    if state.status.terminate_time is not None:
        message = f"terminated on request, nothing was undone: the state may be inconsistent{_cause(failure)}"
        return Outcome(Phase.CANCELLED, FailureReason.TERMINATED, message)
    if state.status.stop_time is not None:
        before = "" if failure.reason is FailureReason.STOPPED else "stopped on request; "
        return Outcome(Phase.CANCELLED, FailureReason.STOPPED, before + failure.message)
    if failure.reason is FailureReason.STEP_FAILED and state.plan.on_failure is OnFailure.CONTINUE:
        left = never_started(state)
        message = f"{failure.message}; never started: {listing(left, most=10)}" if left else failure.message
        return Outcome(Phase.FAILED, Reason.PARTIALLY_COMPLETED, message)
    asked = failure.reason in (FailureReason.CANCELLED, FailureReason.DELETED)
    return Outcome(Phase.CANCELLED if asked else Phase.FAILED, failure.reason, failure.message)


def _cause(failure: Failure) -> str:
    return "" if failure.reason is FailureReason.TERMINATED else f"; {failure.message}"


def _rolling_back(state: StateManager, cause: str, undos: UndoStates) -> Outcome:
    left = [_left(state, name) for name, how_far in undos.items() if how_far is not StepState.SUCCEEDED]
    message = f"{counted(len(undos) - len(left), 'step')} undone; {cause}"
    if state.plan.rollback.on_compensation_failure is OnCompensationFailure.BLOCK and _is_blocked(state, undos):
        why = f"the rollback ran longer than {state.plan.rollback.timeout_seconds} s: " if timed_out(state) else ""
        skip = "skip-compensation " if StepState.FAILED in undos.values() else ""
        asks = f"kubesaga.dev/retry-compensation{', ' if skip else ' '}{skip}or abandon leads on"
        return Outcome(Phase.ROLLBACK_BLOCKED, Reason.COMPENSATION_FAILED, f"{why}{listing(left)}: {asks}; {cause}")
    if moving(undos) or (None in undos.values() and not is_over(state)):
        return _undoing(state, cause)
    if open_ := unsettled_undos(state):
        return Outcome(Phase.ROLLING_BACK, Reason.ROLLING_BACK, f"{cause}; waits for {listing(open_, most=3)}")
    if {None, StepState.FAILED, StepState.CANCELLED}.intersection(undos.values()):
        terminated = state.status.terminate_time is not None
        reason = FailureReason.TERMINATED if terminated else Reason.COMPENSATION_ABANDONED
        return Outcome(Phase.ROLLBACK_FAILED, reason, f"left: {listing(left)}; {message}")
    return _rolled_back(state, left, message)


def _undoing(state: StateManager, cause: str) -> Outcome:
    """Undos run, or are to come."""
    waits = _waiting(state, Direction.COMPENSATION)
    if state.status.rollback is not None and state.status.rollback.suspended_time is not None:
        message = f"no further undo starts until kubesaga.dev/resume is requested; {cause}"
        return Outcome(Phase.SUSPENDED, Reason.SUSPENDED, message, rolling_back=True)
    if not may_create(state.workflow):
        waits = "the first undo waits for the garbage collector to take its finalizer away"
    return Outcome(Phase.ROLLING_BACK, Reason.ROLLING_BACK, f"{cause}; {waits}" if waits else cause)


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


def _left(state: StateManager, name: str) -> str:
    """A step that is not undone, and why."""
    undo = state.steps[name].compensation
    if undo is None:
        return f"{name} (its undo has not begun)"
    if not undo.state.terminal:
        return f"{name} (its undo has not ended)"
    before = undo.fallback
    ends = [("the undo of its fallback", before.state, before.message)] if before is not None else []
    ends.append(("its undo", undo.state, undo.message or undo.reason))
    return f"{name} ({listing([_ended_how(*end) for end in ends if end[1] is not StepState.SUCCEEDED])})"


def _ended_how(what: str, how: StepState, why: str | None) -> str:
    """How an undo ended that did not succeed."""
    ended = {StepState.SKIPPED: "was skipped", StepState.CANCELLED: "was stopped"}.get(how, "failed")
    return f"{what} {ended}{f': {why}' if why else ''}"


def _joined(*said: str) -> str:
    return "; ".join(filter(None, said))


def _waiting(state: StateManager, direction: Direction) -> str:
    """What in that direction does not run, and why."""
    what = "step" if direction is Direction.FORWARD else "the undo of"
    said = [f"{what} {n}: {r.message}" for n, r in state.in_flight(direction) if r.message]
    return listing(said, most=3)


def progress(state: StateManager) -> dict[str, str | None]:
    """The columns of `kubectl get` that count."""
    rollback = state.status.rollback
    undone = None
    if rollback is not None and rollback.quiesced_time is not None:
        undos = undo_states(state)
        undone = f"{sum(how_far is StepState.SUCCEEDED for how_far in undos.values())}/{len(undos)}"
    return {"progress": f"{_done(state)}/{len(state.plan.steps)}", "rollback_progress": undone}


def _done(state: StateManager) -> int:
    """The steps of which nothing is left to do."""
    return sum(record.done or record.passed_over for record in state.steps.values())
