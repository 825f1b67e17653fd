"""Quiescence: nothing forward runs any more, and nothing forward ever will. No undo starts before that."""

from kubesaga.api.names import Direction
from kubesaga.api.status import StepReason, StepStatus
from kubesaga.engine.settlement import Settlement, settlement, unended
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import listing


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


def awaited(state: StateManager) -> str:
    """In words, what quiescing waits for."""
    open_ = []
    for name, record in state.steps.items():
        job = state.observed.jobs.get(state.executor.name(name, Direction.FORWARD, record))
        uid = job.uid if job else record.job_uid or ""
        pods = unended(state.observed.pods.get(uid, ()))
        open_ += [f"Pod {pod.name} on node {pod.node or '(none yet)'} of step {name}" for pod in pods]
        if record.state.in_flight and not pods:
            open_.append(f"the Job of step {name}{f' ({record.message})' if record.message else ''}")
    return listing(open_, most=3)


def _settled(state: StateManager, record: StepStatus) -> bool:
    """Whether the last forward Job of a step is settled; those before it were when it began."""
    if not record.state.terminal:
        return False
    if record.reason in (StepReason.CREATE_REJECTED, StepReason.NAME_CONFLICT):
        return True  # There is no Job of ours.
    name = state.executor.name(record.name, Direction.FORWARD, record)
    how_far = settlement(name, record.job_uid, state.observed)
    if how_far is Settlement.UNCONFIRMED:
        state.unconfirmed.add(name)
    return how_far is Settlement.SETTLED
