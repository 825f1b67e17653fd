"""Reopening: a run that has ended without success goes on where it stopped, in the next epoch."""

from collections.abc import Mapping, Sequence

from kubesaga.api.names import Direction
from kubesaga.api.status import Phase, StepReason, StepState
from kubesaga.engine.boundary import kept
from kubesaga.engine.reason import Reason
from kubesaga.engine.standing import tolerated
from kubesaga.engine.state import StateManager
from kubesaga.engine.way import undone_ways


def may_reopen(state: StateManager) -> bool:
    """Whether there is something to go on with.

    Not after a rollback that left something which is no savepoint: running it again would do it twice.
    """
    status = state.status
    at_savepoint = status.phase is Phase.PARTIALLY_ROLLED_BACK and status.reason == Reason.SAVEPOINT_REACHED
    return at_savepoint or status.phase in (Phase.FAILED, Phase.CANCELLED, Phase.ROLLED_BACK)


def reopen(state: StateManager) -> tuple[str, ...]:
    """Begin the next epoch; returns the steps that run again.

    What succeeded and was not undone is kept. What failed gets new attempts and retries. What was rolled back starts
    anew, all of it, and where it was undone in a new incarnation. The cause and the deadline begin anew.
    """
    state.forget_finally()
    undone = state.status.phase in (Phase.ROLLED_BACK, Phase.PARTIALLY_ROLLED_BACK)
    state.set(
        epoch=state.status.epoch + 1,
        place_time=None,
        start_time=state.second,
        completion_time=None,
        suspended_time=None,
        suspended_seconds=0,
        approval_wait_time=None,
        suspend_request_time=None,
        cancel_time=None,
        stop_time=None,
        terminate_time=None,
        failure=None,
        rollback=None,
    )
    return _start_anew(state) if undone else renew_failed(state)


def renew_failed(state: StateManager) -> tuple[str, ...]:
    """Let every step that ended without success try again, and look anew at what the graph skipped; returns the first.

    What the graph skipped or tolerated stays so where something after it has gone on already: one sweep from the last
    step to the first.
    """
    again, anew = set(), set()
    for name in reversed(state.plan.order):
        record = state.steps.get(name)
        if record is None:
            continue
        planned = state.plan.by_name[name]
        passed_by = any(d in state.steps and d not in anew for d in planned.dependents)
        if record.passed_over and not passed_by:
            anew.add(name)
        elif record.state in (StepState.FAILED, StepState.CANCELLED) and not (passed_by and tolerated(planned, record)):
            again.add(name)
    names = tuple(name for name in state.steps if name in again)
    state.forget([name for name in state.steps if name in anew])
    for name in names:
        try_again(state, name)
    return names


def try_again(state: StateManager, step: str) -> None:
    """Give a step that ended without success new attempts and retries, or have its condition evaluated anew."""
    if state.steps[step].reason is StepReason.EXPRESSION_ERROR:
        state.forget((step,))
    else:
        state.renew(step, Direction.FORWARD)


def _start_anew(state: StateManager) -> tuple[str, ...]:
    """Take every step that no savepoint keeps for pending."""
    safe = kept(state)
    again = tuple(name for name in state.steps if name not in safe)
    undone = {name: undone_ways(state.steps[name].compensation) for name in again}
    own = [name for name, ways in undone.items() if Direction.FORWARD in ways]
    fallbacks = [name for name, ways in undone.items() if Direction.FALLBACK in ways]
    state.set(
        incarnations=_begun_anew(state.status.incarnations, own),
        fallback_incarnations=_begun_anew(state.status.fallback_incarnations, fallbacks),
    )
    state.forget(again)
    return again


def _begun_anew(incarnations: Mapping[str, int], steps: Sequence[str]) -> dict[str, int]:
    return {**incarnations, **{name: incarnations.get(name, 1) + 1 for name in steps}}
