"""The end of a run: its finally steps run once everything else has ended, and change nothing of what came of it.

outcome is terminal ──> decided: phase, reason ──> everything settled ──> finally steps ──> that phase and reason,
                        (status.finally)                                                    or FinallyFailed

What is decided is written before the first of them starts. From then on no other policy has a say: a deadline, a
suspension, a deletion come too late, and of the requests only those that concern the finally steps themselves do not.
"""

from collections.abc import Iterator

from kubesaga.api.limits import MESSAGE_BYTES_MAX, STEP_MESSAGE_BYTES_MAX
from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, Finally, FinallyStepStatus, Phase, StepState
from kubesaga.engine.decision import EventType
from kubesaga.engine.finalizer import may_create
from kubesaga.engine.forward import is_due
from kubesaga.engine.outcome import Outcome
from kubesaga.engine.quiescence import stuck_pods, unsettled_steps
from kubesaga.engine.reason import Reason
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import clip, counted, listing


def ending(state: StateManager, reached: Outcome) -> Outcome:
    """What the run comes to: where it would end, its finally steps begin."""
    if not state.plan.finally_steps or not reached.phase.terminal or state.status.terminate_time is not None:
        return reached
    if state.lacks_place:
        return reached  # It never began, and has no place in which anything could run.
    state.set(
        finally_=Finally(
            phase=reached.phase,
            reason=reached.reason,
            message=clip(reached.message, MESSAGE_BYTES_MAX),
            start_time=state.second,
        )
    )
    count = counted(len(state.plan.finally_steps), "finally step")
    state.tell(EventType.NORMAL, Reason.FINALLY, f"{_ends_as(reached.phase, reached.reason)}; {count} to run")
    return run_finally(state)


def run_finally(state: StateManager) -> Outcome:
    """Start what may start of the finally steps; how the run ends once all of them have."""
    if state.status.terminate_time is not None:
        _close(state)
    awaited = unsettled_steps(state) if not state.finally_steps or _over(state) else ()
    if awaited:
        return _running(state, _waits(_decided(state), awaited))
    if state.status.terminate_time is None and may_create(state.workflow):
        _advance(state)
    return _ended(state) if _over(state) else _running(state, _progress(state))


def _close(state: StateManager) -> None:
    """No attempt follows another."""
    for name, record in list(state.finally_steps.items()):
        if record.state is StepState.RETRYING:
            state.move(name, Direction.FINALLY, StepState.FAILED, next_attempt_time=None)


def _advance(state: StateManager) -> None:
    """Attempts that are due go before steps that have not begun, in the order of the spec."""
    records = state.finally_steps
    due = [n for n, r in records.items() if r.state is StepState.RETRYING and is_due(state, n, r, Direction.FINALLY)]
    pending = [name for name in state.plan.finally_steps if name not in records]
    most = state.plan.parallelism
    room = None if most is None else max(0, most - state.count_in_flight(Direction.FINALLY))
    for name in (*due, *pending)[:room]:
        state.start(name, Direction.FINALLY)


def _over(state: StateManager) -> bool:
    """Whether nothing of it runs, and nothing more will."""
    all_begun = len(state.finally_steps) == len(state.plan.finally_steps)
    ended = all(record.state.terminal for record in state.finally_steps.values())
    return ended and (all_begun or state.status.terminate_time is not None)


def _running(state: StateManager, message: str) -> Outcome:
    phase = Phase.RUNNING if state.status.rollback is None else Phase.ROLLING_BACK
    return Outcome(phase, Reason.FINALLY, message, stuck=stuck_pods(state))


def _waits(reached: Finally, awaited: tuple[str, ...]) -> str:
    return f"{_ends_as(reached.phase, reached.reason)} when {listing(awaited, most=3)} has ended"


def _progress(state: StateManager) -> str:
    """How the run ends, and what of the finally steps is still to come."""
    decided = _decided(state)
    said = f"{_ends_as(decided.phase, decided.reason)} when its finally steps have ended"
    if not may_create(state.workflow):
        return f"{said}; they wait for the garbage collector to take its finalizer away"
    open_ = [_what(name, state.finally_steps.get(name)) for name in state.plan.finally_steps]
    return f"{said}: {listing(list(filter(None, open_)), most=3)}; {decided.message}"


def _what(name: str, record: FinallyStepStatus | None) -> str:
    """What a finally step does; empty where it has ended."""
    if record is None:
        return f"{name} waits"
    if record.state.terminal:
        return ""
    what = "waits for its next attempt" if record.state is StepState.RETRYING else "runs"
    return f"{name} {what} ({record.message})" if record.message else f"{name} {what}"


def _ended(state: StateManager) -> Outcome:
    """The first cause stays: a finally step that failed decides only over what else were a success."""
    decided = _decided(state)
    failed = list(_failed(state))
    if not failed:
        return Outcome(decided.phase, decided.reason, decided.message)
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    said = clip(f"{failed[0]}{others}", 2 * STEP_MESSAGE_BYTES_MAX)
    if decided.phase is Phase.SUCCEEDED:
        return Outcome(Phase.FAILED, Reason.FINALLY_FAILED, f"{said}; {decided.message}")
    before = clip(decided.message, MESSAGE_BYTES_MAX - len(said.encode()) - 2)
    return Outcome(decided.phase, decided.reason, f"{before}; {said}")


def _failed(state: StateManager) -> Iterator[str]:
    """Every finally step that did not succeed, in the order of the spec, and what became of it."""
    for name in state.plan.finally_steps:
        record = state.finally_steps.get(name)
        if record is None:
            yield f"the finally step {name} was never started: terminated on request"
        elif record.state is not StepState.SUCCEEDED:
            yield f"the finally step {name} {_became(record)}"


def _became(record: Execution) -> str:
    what = "was stopped" if record.state is StepState.CANCELLED else "failed"
    attempts = f" after {record.attempt} attempts" if record.attempt > 1 else ""
    return f"{what}{attempts}: {record.message or record.reason}"


def _decided(state: StateManager) -> Finally:
    assert state.status.finally_ is not None  # noqa: S101 - asked only once it is decided
    return state.status.finally_


def _ends_as(phase: Phase, reason: str) -> str:
    return f"ends as {phase}" if phase == reason else f"ends as {phase} ({reason})"
