"""The one table along which steps and undos move, and the one function that applies it.

(pending) -> Starting -> Running -> Succeeded
                |  ^        |
                |  |        +-----> Failed | Cancelled
                |  +-- Retrying <---+
                +-----------------> Succeeded | Retrying | Failed | Cancelled
(pending) | Retrying -> Running                         a step without a Job
Failed | Cancelled -> Retrying                          a step: a person requested retry or retry-step
(pending) -> Skipped                                    a step: by condition, trigger rule or missing outputs
(pending) -> Failed                                     a step: its condition cannot be evaluated
(pending) | Retrying | Failed | Cancelled -> Skipped    a step: a person requested skip-step
Failed -> Retrying | Skipped                            an undo: retry-compensation, skip-compensation
Succeeded | Skipped | Failed -> Retrying                an undo: of the fallback, which that of the own way follows
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, StepState

_ENDINGS: Final = frozenset({StepState.SUCCEEDED, StepState.RETRYING, StepState.FAILED, StepState.CANCELLED})

TABLE: Final[Mapping[StepState | None, frozenset[StepState]]] = {
    None: frozenset({StepState.STARTING, StepState.RUNNING, StepState.SKIPPED, StepState.FAILED}),
    StepState.STARTING: _ENDINGS | {StepState.RUNNING},
    StepState.RUNNING: _ENDINGS,
    StepState.RETRYING: frozenset({StepState.STARTING, StepState.RUNNING, StepState.FAILED}),
    StepState.SUCCEEDED: frozenset(),
    StepState.FAILED: frozenset(),
    StepState.CANCELLED: frozenset(),
    StepState.SKIPPED: frozenset(),
}

REQUESTED: Final[Mapping[Direction, frozenset[tuple[StepState, StepState]]]] = {
    Direction.FORWARD: frozenset(
        {
            (StepState.FAILED, StepState.RETRYING),
            (StepState.CANCELLED, StepState.RETRYING),
            (StepState.RETRYING, StepState.SKIPPED),
            (StepState.FAILED, StepState.SKIPPED),
            (StepState.CANCELLED, StepState.SKIPPED),
        }
    ),
    Direction.FALLBACK: frozenset(),  # Its attempts are recorded with those of its step.
    Direction.FINALLY: frozenset(),
    Direction.COMPENSATION: frozenset({(StepState.FAILED, StepState.RETRYING), (StepState.FAILED, StepState.SKIPPED)}),
}
"""Moves that people request."""

FOLLOWED: Final = frozenset(
    (ended, StepState.RETRYING) for ended in (StepState.SUCCEEDED, StepState.SKIPPED, StepState.FAILED)
)
"""Moves from the undo of a fallback to that of the step's own way."""

E = TypeVar("E", bound=Execution)


class IllegalTransition(AssertionError):  # noqa: N818 - a defect of kubesaga, never of its input
    """A move that the table does not have."""


def allowed(direction: Direction, before: StepState | None, after: StepState) -> bool:
    """Whether the table has the move."""
    move = (before, after)
    followed = direction is Direction.COMPENSATION and move in FOLLOWED
    return after in TABLE[before] or move in REQUESTED[direction] or followed


def advance(direction: Direction, record: E, after: StepState, **changes: Any) -> E:
    """The record moved to `after`, with `changes`. Raises IllegalTransition for a move that the table does not have."""
    if not allowed(direction, record.state, after):
        raise IllegalTransition(f"{direction}: {record.state} -> {after}")
    return record.model_copy(update={"state": after, **changes})
