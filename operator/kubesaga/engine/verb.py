"""The verbs that people may request of a Workflow, and the annotations that carry them."""

from enum import StrEnum
from typing import Final

from kubesaga.api.group import GROUP


class Scope(StrEnum):
    """What a verb is asked of."""

    WORKFLOW = "Workflow"
    """The whole Workflow: a target is refused."""
    STEP = "Step"
    """One step: a target is needed."""
    EITHER = "Either"
    """One step, or all that it applies to."""


class Verb(StrEnum):
    """What may be asked, in the order in which requests of one pass are answered."""

    TERMINATE = "terminate"
    ROLLBACK = "rollback"
    CANCEL = "cancel"
    STOP = "stop"
    ABANDON = "abandon"
    SKIP_COMPENSATION = "skip-compensation"
    RETRY_COMPENSATION = "retry-compensation"
    ASSUME_STOPPED = "assume-stopped"
    SUSPEND = "suspend"
    RESUME = "resume"
    APPROVE = "approve"
    REJECT = "reject"
    SKIP_STEP = "skip-step"
    RETRY_STEP = "retry-step"
    RETRY = "retry"
    RESUBMIT = "resubmit"

    @property
    def annotation(self) -> str:
        """The key of the annotation whose value is the token."""
        return f"{GROUP}/{self.value}"

    @property
    def note(self) -> str:
        """The key of the annotation in which a person says why."""
        return f"{GROUP}/{self.value}-note"

    @property
    def outputs(self) -> str:
        """The key of the annotation with the outputs of a skipped step, a JSON object of strings."""
        return f"{GROUP}/{self.value}-outputs"

    @property
    def scope(self) -> Scope:
        """What the verb is asked of."""
        return _SCOPES.get(self, Scope.WORKFLOW)

    @property
    def after_the_end(self) -> bool:
        """Whether the verb may apply to a Workflow that has ended."""
        return self in (Verb.ROLLBACK, Verb.SKIP_STEP, Verb.RETRY, Verb.RESUBMIT)


_SCOPES: Final = {
    Verb.SKIP_COMPENSATION: Scope.STEP,
    Verb.RETRY_COMPENSATION: Scope.EITHER,
    Verb.ASSUME_STOPPED: Scope.STEP,
    Verb.APPROVE: Scope.STEP,
    Verb.REJECT: Scope.STEP,
    Verb.SKIP_STEP: Scope.STEP,
    Verb.RETRY_STEP: Scope.STEP,
}
