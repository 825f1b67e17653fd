"""The first cause of a run that does not succeed: recorded once, never overwritten."""

from kubesaga.api.limits import MESSAGE_BYTES_MAX
from kubesaga.api.names import Direction
from kubesaga.api.spec import InFlight, OnFailure
from kubesaga.api.status import Failure, FailureReason, StepState, StepStatus
from kubesaga.engine.deadline import deadline_passed
from kubesaga.engine.decision import EventType
from kubesaga.engine.pivot import deciding_pivots, passed_pivots
from kubesaga.engine.place import forbidden
from kubesaga.engine.resolver import DependencyResolver
from kubesaga.engine.standing import fails
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import clip

_REQUESTED = (FailureReason.CANCELLED, FailureReason.STOPPED, FailureReason.TERMINATED)
"""Causes that the answer to a request has told of."""


def latch_failure(state: StateManager) -> None:
    """Record the first cause, if there is one now and none was recorded."""
    if state.status.failure is not None:
        return
    failure = _step_failure(state) or _request(state) or forbidden(state) or _deadline(state)
    if failure is not None:
        state.set(failure=failure)
        if failure.reason not in _REQUESTED:
            state.tell(EventType.WARNING, failure.reason, failure.message)


def halted(state: StateManager) -> bool:
    """Whether no attempt of any step begins any more, for now: past a pivot the other steps go on."""
    if state.status.failure is not None or state.status.stop_time is not None:
        return True
    if state.plan.on_failure is OnFailure.CONTINUE:
        return False
    return bool(failed_steps(state)) and not passed_pivots(state)


def compensates(state: StateManager) -> bool:
    """Whether what was done is to be undone."""
    status = state.status
    if status.terminate_time is not None or passed_pivots(state):
        return False
    if status.cancel_time is not None or state.deleting:
        return True
    return status.stop_time is None and state.plan.on_failure is OnFailure.ROLLBACK


def stops(state: StateManager) -> bool:
    """Whether running Jobs are stopped, rather than left to run to their end."""
    status = state.status
    if status.failure is None:
        return False
    requested = status.rollback is not None and status.rollback.requested
    asked = requested or status.cancel_time is not None or status.terminate_time is not None or state.deleting
    late = deadline_passed(state) or status.failure.reason is FailureReason.DEADLINE_EXCEEDED
    return asked or late or state.plan.in_flight is InFlight.CANCEL


def failed_steps(state: StateManager) -> tuple[str, ...]:
    """The steps that ended without success, and may not, in start order."""
    by_name = state.plan.by_name
    return tuple(
        name
        for name, record in state.steps.items()
        if record.state in (StepState.FAILED, StepState.CANCELLED) and fails(by_name[name], record)
    )


def never_started(state: StateManager) -> tuple[str, ...]:
    """The steps that never start, because of what failed before them."""
    return tuple(DependencyResolver().resolve(state.plan, state.steps).blocked)


def failure_sentence(state: StateManager) -> str:
    """The first of the failed steps, in the order of the plan, and what became of it; empty without one."""
    first = _first_failed(state)
    return _sentence(first) if first is not None else ""


def _first_failed(state: StateManager) -> StepStatus | None:
    failed = {name for name in failed_steps(state) if state.has_job(name) or not _is_cancelled(state, name)}
    return next((state.steps[name] for name in state.plan.order if name in failed), None) if failed else None


def _is_cancelled(state: StateManager, step: str) -> bool:
    """Whether the step was cancelled: of one without a Job that is no cause, it had nothing to lose."""
    return state.steps[step].state is StepState.CANCELLED


def _step_failure(state: StateManager) -> Failure | None:
    """The first step that ended without success. Past a pivot it waits for a person, and before for the pivot's end."""
    if state.status.stop_time is not None or passed_pivots(state) or deciding_pivots(state):
        return None
    first = _first_failed(state)
    if first is None or (state.plan.on_failure is OnFailure.CONTINUE and not _is_exhausted(state)):
        return None
    return _cause(state, FailureReason.STEP_FAILED, _sentence(first), first.name)


def _is_exhausted(state: StateManager) -> bool:
    """Whether nothing is left that runs or can start."""
    if not all(record.state.terminal for record in state.steps.values()):
        return False
    return len(state.steps) + len(never_started(state)) == len(state.plan.steps)


def _sentence(record: StepStatus) -> str:
    attempts = f" after {record.attempt} attempts" if record.attempt > 1 else ""
    return f"step {record.name} failed{attempts}: {record.message or record.reason}"


def _request(state: StateManager) -> Failure | None:
    """What a person asked for. A stop is a cause only if it left something undone."""
    status = state.status
    if status.terminate_time is not None:
        return _cause(state, FailureReason.TERMINATED, "terminated on request")
    if status.cancel_time is not None:
        return _cause(state, FailureReason.CANCELLED, "cancelled on request")
    if state.deleting and not state.all_done:
        return _cause(state, FailureReason.DELETED, "deleted before it had ended")
    if status.stop_time is not None and not state.count_in_flight(Direction.FORWARD):
        said = failure_sentence(state)
        message = f"stopped on request; {said}" if said else "stopped on request"
        return None if state.all_done else _cause(state, FailureReason.STOPPED, message)
    return None


def _deadline(state: StateManager) -> Failure | None:
    if state.all_done or passed_pivots(state) or not deadline_passed(state):
        return None
    said = failure_sentence(state)
    message = f"the Workflow ran longer than {state.plan.timeout_seconds} s{f'; {said}' if said else ''}"
    return _cause(state, FailureReason.DEADLINE_EXCEEDED, message)


def _cause(state: StateManager, reason: FailureReason, message: str, step: str | None = None) -> Failure:
    return Failure(reason=reason, step=step, message=clip(message, MESSAGE_BYTES_MAX), time=state.second)
