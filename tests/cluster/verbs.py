"""For every verb a Workflow that it applies to, one that it does not, what asks for it, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.manifests import fake, fake_workflow

LONG_MS = 600_000
Manifest = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A Workflow, and what its status says once it is there."""

    steps: tuple[Mapping[str, Any], ...]
    reached: str
    """A jsonpath and its value, for kubectl wait."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    asked: str | None = None
    """A verb that is asked for on the way there."""

    def manifest(self, name: str) -> Manifest:
        """A Workflow that comes there by itself."""
        return fake_workflow(name, [*self.steps], **self.spec)


@dataclass(frozen=True)
class Case:
    """A verb."""

    verb: str
    applies: State
    done: str
    """A jsonpath and its value, for kubectl wait."""
    wrong: State
    refusal: str
    step: str | None = None
    arguments: tuple[str, ...] = ()
    wrong_step: str | None = None

    def __str__(self) -> str:
        return self.verb


# In these states what is tried again succeeds: if it failed again, whoever asks a moment later would have a reason to.
def _blocked() -> State:
    failing_once = fake("undo", failures=1)["container"]
    a = {**fake("a"), "compensate": {"container": failing_once, "retry": {"limit": 0}}}
    return State((a, fake("b", "a", fail=True)), "{.status.phase}=RollbackBlocked")


_RETRY = {"limit": 1, "backoffSeconds": 3600, "maxBackoffSeconds": 3600}

RUNNING = State(
    (fake("a", undo=True), fake("b", "a", undo=True, delay_ms=LONG_MS)), '{.status.steps[?(@.name=="b")].state}=Running'
)
SUCCEEDED = State((fake("a", undo=True),), "{.status.phase}=Succeeded")
NOT_UNDOABLE = State((fake("a"),), "{.status.phase}=Succeeded")
FAILED = State((fake("a"), fake("b", "a", failures=1)), "{.status.phase}=Failed")
RETRYING = State(({**fake("a", failures=1), "retry": _RETRY},), '{.status.steps[?(@.name=="a")].state}=Retrying')
SUSPENDED = State(RUNNING.steps, "{.status.phase}=Suspended", asked="suspend")
BLOCKED = _blocked()
ASKING = State(
    (fake("a", undo=True), {"name": "b", "dependsOn": ["a"], "approval": {"message": "go on?"}}),
    "{.status.reason}=WaitingForApproval",
)
PAST_PIVOT = State(({**fake("a"), "boundary": "Pivot"}, fake("b", "a", fail=True)), "{.status.reason}=ForwardRecovery")

_ENDED = "the Workflow has ended: Succeeded"

CASES = (
    Case("cancel", RUNNING, "{.status.phase}=RolledBack", SUCCEEDED, _ENDED),
    Case("stop", RUNNING, "{.status.reason}=Draining", BLOCKED, "a rollback is never stopped"),
    Case("terminate", RUNNING, "{.status.reason}=Terminated", SUCCEEDED, _ENDED),
    Case("suspend", RUNNING, "{.status.phase}=Suspended", SUSPENDED, "it is suspended already"),
    Case("resume", SUSPENDED, "{.status.phase}=Running", RUNNING, "it is not suspended"),
    Case("retry", FAILED, "{.status.epoch}=2", RUNNING, "it is Running"),
    Case("retry-step", RETRYING, "{.status.steps[0].attempt}=2", RUNNING, "has not failed", "a", wrong_step="b"),
    Case("approve", ASKING, "{.status.phase}=Succeeded", RUNNING, "step b is no approval", "b", ("--note", "by Ada")),
    Case("reject", ASKING, "{.status.phase}=RolledBack", RUNNING, "step b is no approval", "b", ("--note", "too late")),
    Case(
        "skip-step",
        PAST_PIVOT,
        "{.status.phase}=Succeeded",
        RUNNING,
        "step b is Running: only one that does not run",
        "b",
        ("--note", "done by hand"),
    ),
    Case("rollback", SUCCEEDED, "{.status.phase}=RolledBack", NOT_UNDOABLE, "there is nothing to undo"),
    Case("retry-compensation", BLOCKED, "{.status.steps[0].compensation.attempt}=2", RUNNING, "no undo is blocked"),
    Case("skip-compensation", BLOCKED, "{.status.reason}=ManuallyResolved", RUNNING, "a is not blocked", "a"),
    Case(
        "assume-stopped",
        RUNNING,
        '{.status.steps[?(@.name=="b")].reason}=AssumedStopped',
        RUNNING,
        "step a has no Pod that has not ended",
        "b",
        wrong_step="a",
    ),
    Case("abandon", BLOCKED, "{.status.phase}=RollbackFailed", RUNNING, "the rollback is not blocked"),
    Case("resubmit", SUCCEEDED, "{.status.resubmission.uid}", RUNNING, "only a Workflow that has ended"),
)
