"""The outcome table: a scenario for each way in which a Workflow stands or ends, and what it then says of itself.

The scenarios are data: one driver plays them against the engine, one on a real cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Spec = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One scenario, and what has to come of it."""

    what: str
    steps: Mapping[str, Mapping[str, Any]]
    """Steps by name, each after the one before it."""
    phase: str
    succeeded: str
    """Status of the condition Succeeded."""
    reason: str
    kstatus: str
    """What kstatus makes of it."""
    fails: frozenset[str] = frozenset()
    """Steps that fail, their fallbacks, as fallback-NAME, and undos, as undo-NAME and undo-fallback-NAME."""
    lasts: frozenset[str] = frozenset()
    """Steps, and undos, that do not end by themselves."""
    asked: tuple[tuple[str, str, str], ...] = ()
    """Reason to wait for, verb and token; in order."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    while_true: frozenset[str] = frozenset()
    """The conditions beside Succeeded and Ready."""
    rollback: str = ""
    """The column Rollback."""
    message: str = ""
    """What the message of Succeeded tells beside the cause."""
    passes_seconds: int = 0
    """Time that goes by in the end."""
    beside: str = ""
    """A Workflow of the same concurrency key that began before, and does not end."""

    def __str__(self) -> str:
        return self.what

    @property
    def slug(self) -> str:
        """As the name of an object."""
        return "".join(c if c.isalnum() else "-" for c in self.what.lower())


APPROVAL = {"container": None, "approval": {"message": "go on?"}}
"""In place of a container."""
UNDO = {"compensate": {"container": {"image": "fake"}, "retry": {"limit": 0}}}
FALLBACK = {"fallback": {"container": {"image": "fake"}, "retry": {"limit": 0}, **UNDO}}
LAST = {"finally": [{"name": "z", "container": {"image": "fake"}, "retry": {"limit": 0}}]}
"""A finally step; it fails and lasts by its name, as a step does."""
_MOVING, _STALLED = frozenset({"Reconciling"}), frozenset({"Stalled"})
_SUSPENDED, _UNDOING = frozenset({"Suspended"}), frozenset({"Reconciling", "RollingBack"})
_BLOCKED = frozenset({"Stalled", "RollingBack"})


def _row(what: str, steps: Mapping[str, Mapping[str, Any]], outcome: str, kstatus: str, **fields: Any) -> Row:
    """`outcome`: phase, status of Succeeded, reason."""
    sets = {key: frozenset(fields.pop(key, "").split()) for key in ("fails", "lasts")}
    return Row(what, steps, *outcome.split(), kstatus, **sets, **fields)


ROWS = (
    _row(
        "waiting for its turn",
        {"a": UNDO},
        "Queued Unknown Queued",
        "InProgress",
        spec={"concurrency": {"key": "till"}, **LAST},
        beside="sale",
        while_true=_MOVING,
        message="waits for its turn: at most 1 Workflow at once under the concurrency key till",
    ),
    _row(
        "cancelled before its turn",
        {"a": UNDO},
        "Cancelled False Cancelled",
        "Failed",
        spec={"concurrency": {"key": "counter"}, **LAST},
        beside="sale-two",
        asked=(("Queued", "cancel", "1"),),
        while_true=_STALLED,
        message="cancelled on request",
    ),
    _row(
        "may not wait for its turn",
        {"a": UNDO},
        "Failed False ConcurrencyForbidden",
        "Failed",
        spec={"concurrency": {"key": "vault", "policy": "Forbid"}, **LAST},
        beside="sale-three",
        while_true=_STALLED,
        message="its policy is Forbid: sale-three ran",
    ),
    _row("running", {"a": {}}, "Running Unknown Running", "InProgress", lasts="a", while_true=_MOVING),
    _row(
        "suspended by its spec",
        {"a": {}},
        "Suspended Unknown Suspended",
        "InProgress",
        spec={"suspend": True},
        while_true=_SUSPENDED,
    ),
    _row(
        "suspended on request",
        {"a": {}, "b": {}},
        "Suspended Unknown Suspended",
        "InProgress",
        lasts="a",
        asked=(("Running", "suspend", "1"),),
        while_true=_SUSPENDED,
    ),
    _row(
        "waiting for an approval",
        {"a": {}, "b": APPROVAL, "c": {}},
        "Suspended Unknown WaitingForApproval",
        "InProgress",
        while_true=_SUSPENDED,
        message="step b waits for an approval: go on? (kubesaga approve ",
    ),
    _row(
        "approved",
        {"a": {}, "b": APPROVAL, "c": {}},
        "Succeeded True Succeeded",
        "Current",
        asked=(("WaitingForApproval", "approve", "b@1"),),
    ),
    _row(
        "rejected",
        {"a": UNDO, "b": APPROVAL, "c": {}},
        "RolledBack False RolledBack",
        "Failed",
        asked=(("WaitingForApproval", "reject", "b@1"),),
        while_true=_STALLED,
        rollback="1/1",
        message="step b failed: rejected",
    ),
    _row(
        "not approved in time",
        {"a": {}, "b": {**APPROVAL, "timeoutSeconds": 1}, "c": {}},
        "Failed False StepFailed",
        "Failed",
        while_true=_STALLED,
        message="step b failed: nobody approved it in 1 s",
        passes_seconds=1,
    ),
    _row("all steps succeeded", {"a": {}, "b": UNDO}, "Succeeded True Succeeded", "Current"),
    _row("failed and nothing to undo", {"a": {}}, "Failed False StepFailed", "Failed", fails="a", while_true=_STALLED),
    _row(
        "an optional step failed",
        {"a": {"optional": True}, "b": {}},
        "Succeeded True PartiallySucceeded",
        "Current",
        fails="a",
        message="1 step succeeded; optional, and failed: a",
    ),
    _row(
        "a fallback did what the step could not",
        {"a": FALLBACK, "b": {}},
        "Succeeded True SucceededWithFallback",
        "Current",
        fails="a",
        message="2 steps succeeded; by its fallback: a",
    ),
    _row(
        "both ways of a step are undone",
        {"a": {**UNDO, **FALLBACK}, "b": {}},
        "RolledBack False RolledBack",
        "Failed",
        fails="a b",
        while_true=_STALLED,
        rollback="1/1",
    ),
    _row(
        "the undo of a fallback failed",
        {"a": {**UNDO, **FALLBACK}, "b": {}},
        "RollbackBlocked Unknown CompensationFailed",
        "Failed",
        fails="a b undo-fallback-a",
        while_true=_BLOCKED,
        rollback="0/1",
        message="a (its undo failed",
    ),
    _row(
        "skipped by a condition",
        {"a": {"when": "workflow.name == ''"}, "b": {}},
        "Succeeded True Succeeded",
        "Current",
        message="1 step succeeded; 1 skipped",
    ),
    _row(
        "a condition that cannot be evaluated",
        {"a": {"when": "1 / 0 == 1"}},
        "Failed False StepFailed",
        "Failed",
        while_true=_STALLED,
        message="step a failed: when: divide by zero",
    ),
    _row(
        "skipped for want of a failure",
        {"a": {"optional": True}, "b": {"triggerRule": "AnyFailed"}, "c": {}},
        "Succeeded True Succeeded",
        "Current",
        message="2 steps succeeded; 1 skipped",
    ),
    _row(
        "everything independent of a failure has run",
        {"a": {}, "b": UNDO, "c": {"dependsOn": []}, "d": {"dependsOn": ["a"], "triggerRule": "AnyFailed"}},
        "Failed False PartiallyCompleted",
        "Failed",
        fails="a",
        spec={"onFailure": "Continue"},
        while_true=_STALLED,
        message="never started: b",
    ),
    _row(
        "failed beside a step that runs to its end",
        {"a": {}, "b": {"dependsOn": []}},
        "Running Unknown Draining",
        "InProgress",
        fails="a",
        lasts="b",
        while_true=_MOVING,
    ),
    _row(
        "out of time",
        {"a": {}},
        "Failed False DeadlineExceeded",
        "Failed",
        lasts="a",
        spec={"timeoutSeconds": 1},
        while_true=_STALLED,
    ),
    _row("refused spec", {"a": {"dependsOn": ["b"]}}, "Failed False InvalidSpec", "Failed", while_true=_STALLED),
    _row(
        "cancelled and nothing to undo",
        {"a": {}},
        "Cancelled False Cancelled",
        "Failed",
        lasts="a",
        asked=(("Running", "cancel", "1"),),
        while_true=_STALLED,
    ),
    _row(
        "stopped",
        {"a": {}, "b": UNDO},
        "Cancelled False Stopped",
        "Failed",
        spec={"suspend": True},
        asked=(("Suspended", "stop", "1"),),
        while_true=_STALLED,
    ),
    _row(
        "terminated",
        {"a": UNDO},
        "Cancelled False Terminated",
        "Failed",
        lasts="a",
        asked=(("Running", "terminate", "1"),),
        while_true=_STALLED,
        message="the state may be inconsistent",
    ),
    _row(
        "undoing",
        {"a": UNDO, "b": {}},
        "RollingBack Unknown RollingBack",
        "InProgress",
        fails="b",
        lasts="undo-a",
        while_true=_UNDOING,
        rollback="0/1",
    ),
    _row(
        "rollback suspended on request",
        {"a": UNDO, "b": UNDO, "c": {}},
        "Suspended Unknown Suspended",
        "InProgress",
        fails="c",
        lasts="undo-b",
        asked=(("RollingBack", "suspend", "1"),),
        while_true=frozenset({"Suspended", "RollingBack"}),
        rollback="0/2",
    ),
    _row(
        "all undone",
        {"a": UNDO, "b": {}},
        "RolledBack False RolledBack",
        "Failed",
        fails="b",
        while_true=_STALLED,
        rollback="1/1",
        message="1 step undone",
    ),
    _row(
        "all undone on request",
        {"a": UNDO},
        "RolledBack False RolledBackOnRequest",
        "Failed",
        asked=(("Succeeded", "rollback", "1"),),
        while_true=_STALLED,
        rollback="1/1",
    ),
    _row(
        "undone to a savepoint",
        {"a": UNDO, "b": {"boundary": "Savepoint"}, "c": UNDO, "d": {}},
        "PartiallyRolledBack False SavepointReached",
        "Failed",
        fails="d",
        while_true=_STALLED,
        rollback="1/1",
        message="kept up to b",
    ),
    _row(
        "an irreversible step was crossed",
        {"a": UNDO, "b": {"boundary": "Irreversible"}, "c": {}},
        "PartiallyRolledBack False IrreversibleStep",
        "Failed",
        fails="c",
        while_true=_STALLED,
        rollback="1/1",
        message="left: b (it is irreversible)",
    ),
    _row(
        "a person skipped an undo",
        {"a": UNDO, "b": {}},
        "PartiallyRolledBack False ManuallyResolved",
        "Failed",
        fails="b undo-a",
        asked=(("CompensationFailed", "skip-compensation", "a@1"),),
        while_true=_STALLED,
        rollback="0/1",
        message="left: a (its undo was skipped",
    ),
    _row(
        "failed past the pivot",
        {"a": UNDO, "b": {"boundary": "Pivot"}, "c": {}},
        "Suspended Unknown ForwardRecovery",
        "InProgress",
        fails="c",
        while_true=_SUSPENDED,
        message="the pivot b has succeeded",
    ),
    _row(
        "an undo failed for good",
        {"a": UNDO, "b": {}},
        "RollbackBlocked Unknown CompensationFailed",
        "Failed",
        fails="b undo-a",
        while_true=_BLOCKED,
        rollback="0/1",
        message="retry-compensation, skip-compensation or abandon leads on",
    ),
    _row(
        "a blocked rollback was abandoned",
        {"a": UNDO, "b": {}},
        "RollbackFailed False CompensationAbandoned",
        "Failed",
        fails="b undo-a",
        asked=(("CompensationFailed", "abandon", "1"),),
        while_true=_STALLED,
        rollback="0/1",
        message="left: a (its undo failed",
    ),
    _row(
        "an undo failed and the others went on",
        {"a": UNDO, "b": UNDO, "c": {}},
        "RollbackFailed False CompensationAbandoned",
        "Failed",
        fails="c undo-b",
        spec={"rollback": {"onCompensationFailure": "Continue"}},
        while_true=_STALLED,
        rollback="1/2",
        message="left: b (its undo failed",
    ),
    _row(
        "a rollback was terminated",
        {"a": UNDO, "b": {}},
        "RollbackFailed False Terminated",
        "Failed",
        fails="b",
        lasts="undo-a",
        asked=(("RollingBack", "terminate", "1"),),
        while_true=_STALLED,
        rollback="0/1",
        message="left: a (its undo was stopped",
    ),
    _row(
        "finally steps run after success",
        {"a": {}},
        "Running Unknown Finally",
        "InProgress",
        lasts="z",
        spec=LAST,
        while_true=_MOVING,
        message="ends as Succeeded when its finally steps have ended: z ",
    ),
    _row(
        "finally steps run after a rollback",
        {"a": UNDO, "b": {}},
        "RollingBack Unknown Finally",
        "InProgress",
        fails="b",
        lasts="z",
        spec=LAST,
        while_true=_UNDOING,
        rollback="1/1",
        message="ends as RolledBack when its finally steps have ended: z ",
    ),
    _row("finally steps ran", {"a": {}}, "Succeeded True Succeeded", "Current", spec=LAST),
    _row(
        "a finally step failed after success",
        {"a": UNDO},
        "Failed False FinallyFailed",
        "Failed",
        fails="z",
        spec=LAST,
        while_true=_STALLED,
        message="the finally step z failed",
    ),
    _row(
        "a finally step failed after a rollback",
        {"a": UNDO, "b": {}},
        "RolledBack False RolledBack",
        "Failed",
        fails="b z",
        spec=LAST,
        while_true=_STALLED,
        rollback="1/1",
        message="the finally step z failed",
    ),
    _row(
        "terminated while finally steps ran",
        {"a": {}},
        "Failed False FinallyFailed",
        "Failed",
        lasts="z",
        spec=LAST,
        asked=(("Finally", "terminate", "1"),),
        while_true=_STALLED,
        message="the finally step z was stopped",
    ),
)
