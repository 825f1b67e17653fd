"""Steps without a Job: approvals, which people answer, and waits, which time ends. They have no effect of their own.

(pending) ──> Running ──> Succeeded   approved, or the time has come
                 ├──────> Failed      rejected, or nobody answered in time
                 └──────> Cancelled   the Workflow ends early: there is nothing to lose
"""

from typing import Final

from kubesaga.api.names import Direction
from kubesaga.api.spec import Approval
from kubesaga.api.status import StepReason, StepState, StepStatus
from kubesaga.engine.decision import EventType
from kubesaga.engine.reason import Reason
from kubesaga.engine.recovery import NotNow
from kubesaga.engine.request import Request
from kubesaga.engine.state import StateManager
from kubesaga.engine.suspension import is_suspended, seconds_since
from kubesaga.engine.text import listing

_EPOCH_SECONDS_MIN: Final = 1_000_000_000
"""September 2001: an integer from there on is taken for a time. Counters of requests stay below."""


def approvals(state: StateManager) -> tuple[StepStatus, ...]:
    """The approvals that wait, in start order."""
    return tuple(record for record in state.waits() if _message(state, record.name) is not None)


def start_wait(state: StateManager, step: str) -> None:
    """Begin a step without a Job; people are told of an approval."""
    state.start(step, Direction.FORWARD)
    if _message(state, step) is not None:
        state.tell(EventType.NORMAL, Reason.WAITING_FOR_APPROVAL, approval_sentence(state, state.steps[step]))


def approval_sentence(state: StateManager, record: StepStatus) -> str:
    """In words, what an approval asks, and how it is answered."""
    workflow = state.workflow
    command = f"kubesaga approve {workflow.name} {record.name} -n {workflow.namespace}"
    return f"step {record.name} waits for an approval: {_message(state, record.name)} ({command}, or reject)"


def approvals_sentence(state: StateManager) -> str:
    """In words, all approvals that wait; empty without one."""
    return listing([approval_sentence(state, record) for record in approvals(state)], most=3)


def answer_approval(state: StateManager, request: Request, *, approved: bool) -> str:
    """Approve or reject; returns what came of it. Raises NotNow where the step waits for no answer, or not for this."""
    step = str(request.target)
    record = state.steps.get(step)
    if _message(state, step) is None:
        raise NotNow(f"step {step} is no approval")
    if record is None or not record.state.in_flight:
        raise NotNow(f"step {step} does not wait for an approval: it is {record.state if record else 'pending'}")
    status = state.status
    if status.failure is not None or status.stop_time is not None or status.cancel_time is not None or state.deleting:
        raise NotNow(f"step {step} does not wait for an approval any more: the Workflow is ending")
    if _is_older(request, record):
        began = record.start_time.isoformat().replace("+00:00", "Z") if record.start_time else ""
        raise NotNow(f"{request.token} is older than what it answers: step {step} waits since {began}")
    said = f"{'approved' if approved else 'rejected'}{f': {request.note}' if request.note else ''}"
    after, reason = (StepState.SUCCEEDED, None) if approved else (StepState.FAILED, StepReason.REJECTED)
    _end(state, step, after, reason, said)
    return f"step {step} is {said}"


def observe_waits(state: StateManager) -> None:
    """End the waits whose time has come, and the approvals that nobody gave in time."""
    if is_suspended(state):
        return
    for record in state.waits():
        if record.due_time is None or not state.has_come(record.due_time):
            continue
        if _message(state, record.name) is None:
            _end(state, record.name, StepState.SUCCEEDED)
        else:
            seconds = state.plan.by_name[record.name].timeout_seconds
            said = f"nobody approved it in {seconds} s"
            _end(state, record.name, StepState.FAILED, StepReason.DEADLINE_EXCEEDED, said)


def close_waits(state: StateManager) -> None:
    """Cancel what waits once the run ends early, under every policy: an ending never waits for a person."""
    if state.status.failure is None and state.status.stop_time is None:
        return
    for record in state.waits():
        _end(state, record.name, StepState.CANCELLED, StepReason.STOPPED)


def waits_for_approval_only(state: StateManager) -> bool:
    """Whether nothing happens by itself any more, and a person is waited for."""
    asked = approvals(state)
    if not asked or len(asked) < len(state.waits()) or is_suspended(state) or state.status.failure is not None:
        return False
    retries = any(record.state is StepState.RETRYING for record in state.steps.values())
    return not retries and not state.all_in_flight


def track_approval_wait(state: StateManager) -> None:
    """Note since when only a person is waited for, and add it up when that ends: no deadline comes nearer."""
    since, waits = state.status.approval_wait_time, waits_for_approval_only(state)
    if waits and since is None:
        state.set(approval_wait_time=state.second)
    elif not waits and since is not None:
        spent = state.status.suspended_seconds + seconds_since(state, since)
        state.set(approval_wait_time=None, suspended_seconds=spent)
        state.wake(state.now)  # The deadline ticks again, and nothing else calls for the pass that looks at it.


def _end(
    state: StateManager, step: str, after: StepState, reason: StepReason | None = None, message: str | None = None
) -> None:
    changes = {"completion_time": state.second, "due_time": None, "reason": reason, "message": message}
    state.move(step, Direction.FORWARD, after, **changes)


def _is_older(request: Request, record: StepStatus) -> bool:
    """Whether the request's token is a time before the step began to wait. A counter tells nothing of that."""
    number, began = request.number, record.start_time
    if number is None or began is None or number < _EPOCH_SECONDS_MIN:
        return False
    return number < began.timestamp()


def _message(state: StateManager, step: str) -> str | None:
    """What an approval asks; None for any other step."""
    work = state.plan.by_name[step].work
    return work.message if isinstance(work, Approval) else None
