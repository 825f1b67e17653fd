"""What one pass decides: the next status, the effects that follow its write, and when to look again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kubesaga.api.names import Direction
from kubesaga.api.status import Phase, StepReason, StepState, WorkflowStatus
from kubesaga.engine.action import Action


class Write(StrEnum):
    """How soon the status has to be written."""

    NONE = "None"
    """Nothing changed."""
    LAZY = "Lazy"
    """With the next write, or within `RECORD_WITHIN_SECONDS`: what changed leads to nothing, and can be seen again."""
    NOW = "Now"
    """Before any effect."""


RECORD_WITHIN_SECONDS = 1.0
"""Longest time for which a lazy change may stay unwritten: it bounds the window in which a Job that somebody deletes
before its uid was recorded could run once more."""


class EventType(StrEnum):
    """Severity of a Kubernetes Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person wants to see in `kubectl describe`. Sent after the write was accepted, at most once."""

    type: EventType
    reason: str
    message: str
    about_namespace: bool = False
    """Whether it is told of the namespace: of one that is being deleted, where no Event can be made any more."""


@dataclass(frozen=True, slots=True)
class StepTransition:
    """A step, or an undo, moved along the transition table: for metrics and logs."""

    step: str
    direction: Direction
    attempt: int
    before: StepState | None
    after: StepState
    reason: StepReason | None = None


@dataclass(frozen=True, slots=True)
class PhaseTransition:
    """The Workflow moved from one phase to another: for metrics and logs."""

    before: Phase | None
    after: Phase


Transition = StepTransition | PhaseTransition


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one pass. The shell writes `status` first; only when that is accepted it does `actions`."""

    status: WorkflowStatus
    write: Write
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    transitions: tuple[Transition, ...] = ()
    inconsistencies: tuple[str, ...] = ()
    """Things seen that no run of ours leads to, in words: for logs and a metric."""
    wake_at: datetime | None = None
    """When to pass again even if nothing changes."""
    in_flight: int = 0
    """Jobs decided or running: where it is at most one, a write need not wait for others to join it."""
