"""Rollback: latch it, quiesce, and undo in reverse dependency order.

failure ──> latch ──> quiesce ──────────────> undo ──────────> RolledBack
                      no forward Job runs,    reversed graph,   │
                      every name is taken     own retries       └─> RollbackBlocked
"""

from kubesaga.api.names import Direction
from kubesaga.api.status import Rollback, StepReason, StepState, StepStatus
from kubesaga.engine.decision import EventType
from kubesaga.engine.failure import compensates
from kubesaga.engine.forward import is_due
from kubesaga.engine.resolver import DependencyResolver
from kubesaga.engine.settlement import Settlement, settlement, unended
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import listing


def halt(state: StateManager) -> None:
    """After the first cause: no attempt follows another, and what was done is to be undone."""
    if state.status.failure is None:
        return
    for name, record in state.executions(Direction.FORWARD):
        if record.state is StepState.RETRYING:
            state.move(name, Direction.FORWARD, StepState.FAILED, next_attempt_time=None)
    if state.status.rollback is None and compensates(state) and _candidates(state):
        state.set(rollback=Rollback(start_time=state.second))
        state.tell(EventType.WARNING, "RollingBack", f"undoing what was done, because {state.status.failure.message}")


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


def undo(state: StateManager, resolver: DependencyResolver) -> None:
    """Start every undo that may start."""
    rollback = state.status.rollback
    if rollback is None or rollback.quiesced_time is None:
        return
    undone = {name for name in undo_set(state) if _undo_state(state.steps[name]) is StepState.SUCCEEDED}
    for name in resolver.compensations(state.plan, undo_set(state), undone):
        compensation = state.steps[name].compensation
        if compensation is None or (
            compensation.state is StepState.RETRYING and is_due(state, name, compensation, Direction.COMPENSATION)
        ):
            state.start(name, Direction.COMPENSATION)


def undo_set(state: StateManager) -> tuple[str, ...]:
    """Every step that was attempted and declares an undo, in start order."""
    return tuple(
        name
        for name, record in state.steps.items()
        if record.attempted and state.plan.by_name[name].compensation is not None
    )


def blocked(state: StateManager) -> tuple[str, ...]:
    """Steps whose undo used up its retries."""
    return tuple(name for name, record in state.steps.items() if _undo_state(record) is StepState.FAILED)


def retry_compensations(state: StateManager, target: str | None) -> tuple[str, ...]:
    """Give blocked undos (all, or that of `target`) new retries; returns their steps."""
    retried = tuple(name for name in blocked(state) if target in (None, name))
    for name in retried:
        failed = state.execution(name, Direction.COMPENSATION)
        retries_from = failed.attempt + 1 if failed else 1
        changes = {"next_attempt_time": None, "retries_from": retries_from}
        state.move(name, Direction.COMPENSATION, StepState.RETRYING, **changes)
    return retried


def undone_count(state: StateManager) -> int:
    """How many undos have succeeded."""
    return sum(_undo_state(record) is StepState.SUCCEEDED for record in state.steps.values())


def awaited(state: StateManager) -> str:
    """In words, what quiescing waits for."""
    open_ = []
    for name, record in state.steps.items():
        job = state.observed.jobs.get(state.executor.name(name, Direction.FORWARD, record.attempt))
        uid = job.uid if job else record.job_uid or ""
        pods = unended(state.observed.pods.get(uid, ()))
        open_ += [f"Pod {pod.name} on node {pod.node or '(none yet)'} of step {name}" for pod in pods]
        if record.state.in_flight and not pods:
            open_.append(f"the Job of step {name}{f' ({record.message})' if record.message else ''}")
    return listing(open_, most=3)


def _candidates(state: StateManager) -> bool:
    """Whether anything was, or may have been, attempted that declares an undo."""
    return any(
        (record.attempted or record.state.in_flight) and state.plan.by_name[name].compensation is not None
        for name, record in state.steps.items()
    )


def _settled(state: StateManager, record: StepStatus) -> bool:
    """Whether the last forward Job of a step is settled; those before it were when it began."""
    if not record.state.terminal:
        return False
    if record.reason in (StepReason.CREATE_REJECTED, StepReason.NAME_CONFLICT):
        return True  # There is no Job of ours.
    name = state.executor.name(record.name, Direction.FORWARD, record.attempt)
    how_far = settlement(name, record.job_uid, state.observed)
    if how_far is Settlement.UNCONFIRMED:
        state.unconfirmed.add(name)
    return how_far is Settlement.SETTLED


def _undo_state(record: StepStatus) -> StepState | None:
    return record.compensation.state if record.compensation else None
