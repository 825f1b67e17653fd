"""The actions that follow from a state, whatever led to it: a pass after a crash gives the same ones."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, StepState
from kubesaga.engine.action import Action, ConfirmJob
from kubesaga.engine.attempt import stopped
from kubesaga.engine.deletion import forward_jobs
from kubesaga.engine.failure import halted, stops
from kubesaga.engine.state import StateManager

CREATE_AGAIN_AFTER: Final = timedelta(seconds=10)
"""Nothing is observed when a quota gets room, or a webhook answers, again; this seldom costs the API server nothing."""


def effects(state: StateManager) -> tuple[Action, ...]:
    """Every action of this pass, creates in the order in which their steps were started."""
    return (*_forward(state), *_compensations(state), *_finally(state), *confirmations(state))


def confirmations(state: StateManager) -> Iterator[Action]:
    """The live reads that this pass found wanting."""
    # One pass has to know all of them at once: else two that are gone would be asked for in turn, for ever.
    asked = state.unconfirmed | state.observed.confirmed if state.unconfirmed else ()
    yield from map(ConfirmJob, sorted(asked))


def _forward(state: StateManager) -> Iterator[Action]:
    closing, stopping = halted(state), stops(state)
    for step, record in state.in_flight(Direction.FORWARD):
        yield from _attempt(state, step, Direction.FORWARD, record, closing=closing, stopping=stopping)


def _compensations(state: StateManager) -> Iterator[Action]:
    terminated = state.status.terminate_time is not None
    for step, record in state.in_flight(Direction.COMPENSATION):
        if state.deletes_job(step, Direction.COMPENSATION):
            yield from _deletion(state, step)
        else:
            yield from _attempt(state, step, Direction.COMPENSATION, record, closing=terminated, stopping=terminated)


def _finally(state: StateManager) -> Iterator[Action]:
    terminated = state.status.terminate_time is not None
    for step, record in state.in_flight(Direction.FINALLY):
        yield from _attempt(state, step, Direction.FINALLY, record, closing=terminated, stopping=terminated)


def _attempt(
    state: StateManager, step: str, direction: Direction, record: Execution, *, closing: bool, stopping: bool
) -> Iterator[Action]:
    """Create the Job of an attempt, or with `closing` take its name; with `stopping` end the Job that is there."""
    name = state.executor.name(step, direction, record)
    job = state.observed.jobs.get(name)
    if job is not None:
        if (stopping or record.assumed_stopped) and not stopped(job):
            yield state.executor.stop(job)
    elif record.state is StepState.STARTING and record.job_uid is None and _may_ask(state, name):
        make = state.executor.tombstone if closing else state.executor.create
        yield make(step, direction, record, state.status, state.steps)


def _deletion(state: StateManager, step: str) -> Iterator[Action]:
    """Delete every Job that the step had; once one is gone, take its name."""
    for attempt, name in enumerate(forward_jobs(state, step), start=1):
        job = state.observed.jobs.get(name)
        if job is None:
            if _may_ask(state, name):
                record = state.steps[step]
                yield state.executor.tombstone(step, Direction.FORWARD, record, state.status, state.steps, attempt)
        elif state.executor.owns(job) and not job.tombstone and not job.deleting:
            yield state.executor.delete(job)


def _may_ask(state: StateManager, name: str) -> bool:
    """Whether to try the create: not where it was refused for good, nor just after a refusal that passes."""
    refusal = state.observed.refusals.get(name)
    if refusal is None:
        return True
    if not refusal.passing:
        return False
    return state.has_come(refusal.time + CREATE_AGAIN_AFTER)
