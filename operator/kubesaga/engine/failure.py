"""The first cause of a run that does not succeed: recorded once, never overwritten."""

from kubesaga.api.limits import MESSAGE_BYTES_MAX
from kubesaga.api.spec import InFlight, OnFailure
from kubesaga.api.status import Failure, FailureReason, StepState, StepStatus
from kubesaga.engine.deadline import deadline_passed
from kubesaga.engine.decision import EventType
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import clip


def latch_failure(state: StateManager) -> None:
    """Record the first cause, if there is one now and none was recorded."""
    if state.status.failure is not None:
        return
    failure = _step_failure(state) or _cancellation(state) or _deadline(state)
    if failure is not None:
        state.set(failure=failure)
        if failure.reason is not FailureReason.CANCELLED:  # The answer to that request has told of it.
            state.tell(EventType.WARNING, failure.reason, failure.message)


def compensates(state: StateManager) -> bool:
    """Whether what was done is to be undone."""
    return state.status.cancel_time is not None or state.plan.on_failure is OnFailure.ROLLBACK


def stops(state: StateManager) -> bool:
    """Whether running Jobs are stopped, rather than left to run to their end."""
    if state.status.failure is None:
        return False
    requested = state.status.rollback is not None and state.status.rollback.requested
    asked = requested or state.status.cancel_time is not None or state.plan.in_flight is InFlight.CANCEL
    return deadline_passed(state) or asked or state.status.failure.reason is FailureReason.DEADLINE_EXCEEDED


def _step_failure(state: StateManager) -> Failure | None:
    """The first step, in the order of the plan, that ended without success."""
    for name in state.plan.order:
        record = state.steps.get(name)
        if record is not None and record.state in (StepState.FAILED, StepState.CANCELLED):
            message = clip(_sentence(record), MESSAGE_BYTES_MAX)
            return Failure(reason=FailureReason.STEP_FAILED, step=name, message=message, time=state.second)
    return None


def _sentence(record: StepStatus) -> str:
    attempts = f" after {record.attempt} attempts" if record.attempt > 1 else ""
    return f"step {record.name} failed{attempts}: {record.message or record.reason}"


def _cancellation(state: StateManager) -> Failure | None:
    if state.status.cancel_time is None:
        return None
    return Failure(reason=FailureReason.CANCELLED, message="cancelled on request", time=state.second)


def _deadline(state: StateManager) -> Failure | None:
    if len(state.steps) == len(state.plan.steps) and all(r.state is StepState.SUCCEEDED for r in state.steps.values()):
        return None
    if not deadline_passed(state):
        return None
    message = f"the Workflow ran longer than {state.plan.timeout_seconds} s"
    return Failure(reason=FailureReason.DEADLINE_EXCEEDED, message=message, time=state.second)
