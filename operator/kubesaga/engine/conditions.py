"""The conditions of a Workflow: a function of its outcome.

`Succeeded` has three values and is what `kubectl wait` waits for. `Ready`, `Reconciling` and `Stalled` follow the
kstatus convention, so that Helm, Flux and Argo CD tell the truth: a run that ended without success is Stalled.
`Reconciling`, `Stalled`, `Suspended` and `RollingBack` are there while they are True only.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from kubesaga.api.limits import MESSAGE_BYTES_MAX
from kubesaga.api.status import Condition, Phase
from kubesaga.engine.outcome import Outcome
from kubesaga.engine.reason import Reason
from kubesaga.engine.text import clip

ConditionStatus = Literal["True", "False", "Unknown"]

_WHILE_TRUE: Final = {
    Phase.QUEUED: ("Reconciling",),
    Phase.RUNNING: ("Reconciling",),
    Phase.SUSPENDED: ("Suspended",),
    Phase.SUCCEEDED: (),
    Phase.FAILED: ("Stalled",),
    Phase.CANCELLED: ("Stalled",),
    Phase.ROLLING_BACK: ("Reconciling", "RollingBack"),
    Phase.ROLLED_BACK: ("Stalled",),
    Phase.PARTIALLY_ROLLED_BACK: ("Stalled",),
    Phase.ROLLBACK_FAILED: ("Stalled",),
    Phase.ROLLBACK_BLOCKED: ("Stalled", "RollingBack"),
}


def conditions(before: Sequence[Condition], outcome: Outcome, generation: int, now: datetime) -> tuple[Condition, ...]:
    """The conditions of `outcome`; what did not change keeps its lastTransitionTime."""
    reached = tuple(
        _condition(before, type_, status, outcome.reason, outcome.message, generation, now)
        for type_, status in _types(outcome)
    )
    if not outcome.stuck:
        return reached
    moving = tuple(condition for condition in reached if condition.type != "Reconciling")
    return (*moving, _condition(before, "Stalled", "True", Reason.POD_TERMINATION, outcome.stuck, generation, now))


def stalled(
    before: Sequence[Condition], reason: str, message: str, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions as they were, and Stalled: kubesaga cannot go on with this Workflow."""
    kept = tuple(condition for condition in before if condition.type not in ("Stalled", "Reconciling"))
    return (*kept, _condition(before, "Stalled", "True", reason, message, generation, now))


def _types(outcome: Outcome) -> list[tuple[str, ConditionStatus]]:
    phase = outcome.phase
    succeeded: ConditionStatus = "Unknown"
    if phase.terminal:
        succeeded = "True" if phase is Phase.SUCCEEDED else "False"
    ready: ConditionStatus = "True" if phase is Phase.SUCCEEDED else "False"
    while_true = (*_WHILE_TRUE[phase], *(("RollingBack",) if outcome.rolling_back else ()))
    return [("Succeeded", succeeded), ("Ready", ready), *((type_, "True") for type_ in while_true)]


def _condition(
    before: Sequence[Condition],
    type_: str,
    status: ConditionStatus,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> Condition:
    old = next((condition for condition in before if condition.type == type_), None)
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message=clip(message, MESSAGE_BYTES_MAX),
        last_transition_time=old.last_transition_time if old and old.status == status else now,
        observed_generation=generation,
    )
