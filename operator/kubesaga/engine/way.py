"""Ways: a step is done in its own way (Forward), or in another one, its fallback.

One record counts the attempts of both on, and so does that of their undos: every Job keeps a name of its own.

own way, its retries ──> fallback, its retries ──> Failed
undo of the fallback, its retries ──> undo of the own way, its retries
"""

from typing import Final

from kubesaga.api.names import Direction
from kubesaga.api.spec import When
from kubesaga.api.status import CompensationStatus, Execution, StepState, StepStatus
from kubesaga.engine.plan import Plan, PlannedCompensation, PlannedFallback, PlannedFinally, PlannedStep

_OWN: Final = (Direction.FORWARD,)
_WORST_FIRST: Final = (StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED, StepState.SUCCEEDED)


def job_direction(direction: Direction, record: Execution) -> Direction:
    """What the Job of an attempt is for: one of a step (`direction` Forward) may be of its fallback."""
    return record.way if isinstance(record, StepStatus) and direction is Direction.FORWARD else direction


def planned_way(step: PlannedStep, way: Direction) -> PlannedStep | PlannedFallback:
    """What the spec says of one way of the step."""
    if way is Direction.FALLBACK:
        assert step.fallback is not None, step.name  # noqa: S101 - else `inconsistencies` has stopped the pass
        return step.fallback
    return step


def planned_for(
    plan: Plan, step: str, record: Execution
) -> PlannedStep | PlannedFallback | PlannedCompensation | PlannedFinally:
    """What the spec says of that which the record speaks of: its retries, its timeout, and what it runs."""
    if isinstance(record, StepStatus):
        return planned_way(plan.by_name[step], record.way)
    if not isinstance(record, CompensationStatus):
        return plan.finally_steps[step]
    undo = planned_way(plan.by_name[step], record.way).compensation
    assert undo is not None, step  # noqa: S101 - else `inconsistencies` has stopped the pass
    return undo


def falls_back(step: PlannedStep, record: StepStatus) -> bool:
    """Whether the fallback is still to be tried when the attempts of the step's own way are used up."""
    return step.fallback is not None and record.way is Direction.FORWARD


def ways_to_undo(step: PlannedStep, record: StepStatus) -> tuple[Direction, ...]:
    """The ways that declare an undo and came as far as that undo asks, in the order in which they are undone."""
    own = _OWN if record.attempted and _needs_undo(step.compensation, record, Direction.FORWARD) else ()
    if record.fallback_from is None:
        return own
    undo = planned_way(step, Direction.FALLBACK).compensation
    return (Direction.FALLBACK, *own) if _needs_undo(undo, record, Direction.FALLBACK) else own


def undone_so_far(step: PlannedStep, record: StepStatus) -> StepState | None:
    """How far the undo of a step is, both ways taken together; None where it has not begun.

    It runs on where that of the fallback has succeeded and that of the own way is still to begin.
    Where the undo of the fallback was left, that remains so, whatever becomes of the one after it.
    """
    undo = record.compensation
    if undo is not None and undo.state is StepState.SUCCEEDED and own_way_follows(step, record):
        return StepState.RUNNING
    if undo is None or undo.fallback is None or not undo.state.terminal:
        return undo.state if undo else None
    return min(undo.state, undo.fallback.state, key=_WORST_FIRST.index)


def own_way_follows(step: PlannedStep, record: StepStatus) -> bool:
    """Whether the undo that has begun is that of the fallback, and that of the step's own way comes after it."""
    undo = record.compensation
    return undo is not None and undo.way is Direction.FALLBACK and Direction.FORWARD in ways_to_undo(step, record)


def undone_ways(undo: CompensationStatus | None) -> tuple[Direction, ...]:
    """The ways whose undo has succeeded."""
    if undo is None:
        return ()
    own = (undo.way,) if undo.state is StepState.SUCCEEDED else ()
    before = undo.fallback is not None and undo.fallback.state is StepState.SUCCEEDED
    return (Direction.FALLBACK, *own) if before else own


def _needs_undo(undo: PlannedCompensation | None, record: StepStatus, way: Direction) -> bool:
    """Whether a way that was tried declares an undo, and came as far as that asks."""
    if undo is None:
        return False
    return undo.when is When.ATTEMPTED or (record.state is StepState.SUCCEEDED and record.way is way)
