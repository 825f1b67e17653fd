"""Undo by deletion: the step's own Jobs are deleted with all they own, and tombstones take their names."""

from kubesaga.api.names import Direction
from kubesaga.api.status import StepReason, StepState
from kubesaga.engine.state import StateManager


def observe_deletions(state: StateManager) -> None:
    """Fold in how far each undo by deletion is."""
    for step, _ in state.in_flight(Direction.COMPENSATION):
        if not state.deletes_job(step, Direction.COMPENSATION):
            continue
        refusals = [state.observed.refusals[n] for n in forward_jobs(state, step) if n in state.observed.refusals]
        refused = next((refusal for refusal in refusals if not refusal.passing and not refusal.conflict), None)
        if refused is not None:
            message = f"the API server refused the tombstone: {refused.message}"
            changes = {"reason": StepReason.CREATE_REJECTED, "message": message, "completion_time": state.second}
            state.move(step, Direction.COMPENSATION, StepState.FAILED, **changes)
        elif all(_gone(state, name) for name in forward_jobs(state, step)):
            state.move(step, Direction.COMPENSATION, StepState.SUCCEEDED, completion_time=state.second, message=None)
        else:
            state.note(step, Direction.COMPENSATION, message="waits for the deletion of the step's Jobs")


def forward_jobs(state: StateManager, step: str) -> tuple[str, ...]:
    """The names of all forward Jobs that the step ever had."""
    record = state.steps[step]
    attempts = range(1, record.attempt + 1)
    return tuple(state.executor.name(step, Direction.FORWARD, record, attempt) for attempt in attempts)


def _gone(state: StateManager, name: str) -> bool:
    """Whether nothing of ours has the name but a tombstone."""
    job = state.observed.jobs.get(name)
    if job is None:
        refusal = state.observed.refusals.get(name)
        return refusal is not None and refusal.conflict
    return job.tombstone or not state.executor.owns(job)
