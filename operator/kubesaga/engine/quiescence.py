"""Quiescence: nothing forward runs any more, and nothing forward ever will. No undo starts before that."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, StepReason, StepStatus
from kubesaga.engine.observation import PodObservation
from kubesaga.engine.settlement import Settlement, place, settlement, unended_pods
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import listing

TERMINATES_WITHIN: Final = timedelta(minutes=2)
"""Grace periods are shorter as a rule: a Pod that has not ended by then is stuck, most likely on a dead node."""


def quiesce(state: StateManager) -> bool:
    """Whether every forward Job is settled; remembered once it is so, because none is created after a failure."""
    rollback = state.status.rollback
    if rollback is not None and rollback.quiesced_time is not None:
        return True
    unsettled = [name for name, record in state.steps.items() if not _settled(state, record)]
    settled = not unsettled  # Every step was asked: each may need a live read.
    if settled and rollback is not None:
        state.set(rollback=rollback.model_copy(update={"quiesced_time": state.second}))
    return settled


def unsettled_steps(state: StateManager) -> tuple[str, ...]:
    """The steps and finally steps that are not settled, in words: a run does not end before they are."""
    open_ = [f"the Job of step {name}" for name, record in state.steps.items() if not _settled(state, record)]
    for name, last in state.finally_steps.items():
        if not _job_settled(state, name, Direction.FINALLY, last):
            open_.append(f"the Job of step {name}")
    return tuple(open_)


def unsettled_undos(state: StateManager) -> tuple[str, ...]:
    """The undos that run, or that failed while a Pod of theirs goes on, such as one whose Job was deleted; in words."""
    return tuple(f"the Job of the undo of step {name}" for name in state.steps if not undo_settled(state, name))


def undo_settled(state: StateManager, step: str) -> bool:
    """Whether nothing of a step's undo runs. An undo by deletion has no Job, and has seen to the step's."""
    undo = state.steps[step].compensation
    if undo is None or state.deletes_job(step, Direction.COMPENSATION):
        return True
    return _job_settled(state, step, Direction.COMPENSATION, undo)


def awaited(state: StateManager) -> str:
    """In words, what quiescing waits for."""
    open_ = []
    for name, record in state.steps.items():
        pods = () if record.assumed_stopped else _pods(state, record)
        open_ += [f"{place(pod)} of step {name}" for pod in pods]
        if record.state.in_flight and not pods:
            open_.append(f"the Job of step {name}{f' ({record.message})' if record.message else ''}")
    return listing(open_, most=3)


def stuck_pods(state: StateManager) -> str:
    """In words, Pods that were deleted and have not ended for long; the pass wakes when that is so for one.

    Also while nothing has failed: a step on a dead node goes on for ever, as far as anybody can tell.
    """
    if not any(pod.deletion_time and not pod.ended for pods in state.observed.pods.values() for pod in pods):
        return ""
    stuck = [f"{place(pod)} of {what}" for what, pod in _unended(state) if _is_late(state, pod)]
    if not stuck:
        return ""
    asks = "if a node is dead, delete its Pod with --force, or request kubesaga.dev/assume-stopped for the step"
    return f"{listing(stuck, most=3)}: deleted, and not ended for {int(TERMINATES_WITHIN.total_seconds())} s; {asks}"


def _unended(state: StateManager) -> Iterator[tuple[str, PodObservation]]:
    """The Pods that have not ended, and whose: those of every step's last Job, and of its undo's."""
    for name, record in state.steps.items():
        for what, direction, one in (
            (f"step {name}", Direction.FORWARD, record),
            (f"the undo of step {name}", Direction.COMPENSATION, record.compensation),
        ):
            if one is not None:
                yield from _unended_of(state, what, name, direction, one)
    for name, last in state.finally_steps.items():
        yield from _unended_of(state, f"step {name}", name, Direction.FINALLY, last)


def _unended_of(
    state: StateManager, what: str, step: str, direction: Direction, record: Execution
) -> Iterator[tuple[str, PodObservation]]:
    if not record.assumed_stopped:
        pods = unended_pods(state.executor.name(step, direction, record), record, state.observed)
        yield from ((what, pod) for pod in pods)


def _is_late(state: StateManager, pod: PodObservation) -> bool:
    return pod.deletion_time is not None and state.has_come(pod.deletion_time + TERMINATES_WITHIN)


def _pods(state: StateManager, record: StepStatus) -> tuple[PodObservation, ...]:
    """The Pods of a step's last Job that have not ended."""
    return unended_pods(state.executor.name(record.name, Direction.FORWARD, record), record, state.observed)


def _settled(state: StateManager, record: StepStatus) -> bool:
    """Whether the last forward Job of a step is settled; those before it were when it began."""
    if record.state.terminal and not record.ever_attempted:
        return True  # There is no Job of ours, or a tombstone.
    return _job_settled(state, record.name, Direction.FORWARD, record)


def _job_settled(state: StateManager, step: str, direction: Direction, record: Execution) -> bool:
    if not record.state.terminal:
        return False
    if record.reason in (StepReason.CREATE_REJECTED, StepReason.NAME_CONFLICT):
        return True  # There is no Job of ours.
    name = state.executor.name(step, direction, record)
    how_far = settlement(name, record, state.observed)
    if how_far is Settlement.UNCONFIRMED:
        state.unconfirmed.add(name)
    return how_far is Settlement.SETTLED
