"""Recovery: what people decide of a single step, and of a run that can only go forward."""

from kubesaga.api.names import Direction
from kubesaga.api.spec import Approval
from kubesaga.api.status import StepState
from kubesaga.engine.failure import failed_steps
from kubesaga.engine.outputs import OutputsError, read_outputs
from kubesaga.engine.pivot import passed_pivots
from kubesaga.engine.reopening import may_reopen, renew_failed, reopen, try_again
from kubesaga.engine.state import StateManager


class NotNow(Exception):  # noqa: N818 - an answer, no error
    """What was asked does not apply now; its text says why."""


def waits_for_person(state: StateManager) -> bool:
    """Whether the run is past a pivot, and something went wrong: nothing is undone, a person decides how to go on."""
    status = state.status
    if status.stop_time is not None or status.terminate_time is not None or not passed_pivots(state):
        return False
    return status.failure is not None or bool(failed_steps(state))


def go_forward(state: StateManager) -> tuple[str, ...]:
    """Go on past a pivot, whatever stopped the run; returns the steps that run again."""
    _forget_cause(state)
    return renew_failed(state)


def retry_step(state: StateManager, step: str) -> None:
    """Let a step try again: at once where it waits for its next attempt, with new retries past a pivot.

    Raises NotNow where it neither waits nor has failed so.
    """
    direction = Direction.FINALLY if step in state.plan.finally_steps else Direction.FORWARD
    waiting = state.execution(step, direction)
    if waiting is not None and waiting.state is StepState.RETRYING:
        state.note(step, direction, next_attempt_time=None)
        return
    if direction is Direction.FINALLY:
        stands = f"is {waiting.state}" if waiting else "has not begun"
        raise NotNow(f"the finally step {step} {stands}: only one that waits for its next attempt tries again")
    record = state.steps.get(step)
    if record is None or step not in failed_steps(state):
        raise NotNow(f"step {step} has not failed: it {'is pending' if record is None else f'is {record.state}'}")
    if not waits_for_person(state):
        raise NotNow(f"step {step} is not retried alone: request retry once the Workflow has ended")
    _forget_cause(state)
    try_again(state, step)


def skip_step(state: StateManager, step: str, note: str, outputs: str) -> tuple[str, ...]:
    """Take a step for done that does not run, with the outputs that it declares.

    A run that has ended goes on; returns the other steps that run again for that. Raises NotNow where the step runs or
    is done, nothing starts any more, or an output is missing or wrong.
    """
    record = state.steps.get(step)
    if record is not None and record.passed_over:
        raise NotNow(f"step {step} was skipped already: {record.reason}; retry looks at that anew after a failure")
    if record is not None and record.state.in_flight and isinstance(state.plan.by_name[step].work, Approval):
        raise NotNow(f"step {step} waits for an approval: approve or reject it")
    if record is not None and (record.state.in_flight or record.done):
        raise NotNow(f"step {step} is {record.state}: only one that does not run and is not done can be skipped")
    declared = state.plan.by_name[step].outputs
    try:
        given = read_outputs(declared, outputs) or None
    except OutputsError as error:
        raise NotNow(f"{error}: give a JSON object of strings as the outputs of step {step}") from None
    again = _open_way(state)
    state.skip(step, note, given)
    return tuple(name for name in again if name != step)


def _open_way(state: StateManager) -> tuple[str, ...]:
    """Make sure that what comes after a skipped step may start. Raises NotNow where nothing starts any more."""
    if state.status.ended:
        if not may_reopen(state) or state.status.rollback is not None:
            raise NotNow(f"the Workflow has ended: {state.status.phase}")
        return reopen(state)
    if waits_for_person(state):
        _forget_cause(state)
    elif state.status.failure is not None or state.status.stop_time is not None:
        raise NotNow("no step starts any more; skip it once the Workflow has ended")
    return ()


def _forget_cause(state: StateManager) -> None:
    """What stopped a run past its pivot as a whole is over."""
    state.set(failure=None, cancel_time=None)
