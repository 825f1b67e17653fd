"""What a user reads: the status of a Workflow. All state of a run is here and nowhere else."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from kubesaga.api import limits
from kubesaga.api.container import Text
from kubesaga.api.model import ApiModel, Timestamp
from kubesaga.api.names import Direction
from kubesaga.api.spec import Identifier, StepName

Message = Annotated[str, StringConstraints(max_length=limits.MESSAGE_BYTES_MAX)]
StepMessage = Annotated[str, StringConstraints(max_length=limits.STEP_MESSAGE_BYTES_MAX)]
Reason = Annotated[str, StringConstraints(max_length=64)]
Uid = Annotated[str, StringConstraints(max_length=64)]
Progress = Annotated[str, StringConstraints(max_length=16)]


class Phase(StrEnum):
    """Where a Workflow stands."""

    QUEUED = "Queued"
    """It waits for its turn among the Workflows of its concurrency key; nothing starts."""
    RUNNING = "Running"
    """Steps run, or may start."""
    SUSPENDED = "Suspended"
    """No step, or no further undo, starts until a person says so, or approves."""
    SUCCEEDED = "Succeeded"
    """Every step that is not optional succeeded or was skipped."""
    FAILED = "Failed"
    """A step failed for good, the deadline passed or the spec is invalid, and there was nothing to undo."""
    CANCELLED = "Cancelled"
    """Cancelled on request, and there was nothing to undo."""
    ROLLING_BACK = "RollingBack"
    """What was done is being undone."""
    ROLLED_BACK = "RolledBack"
    """Everything that was attempted and declares an undo is undone."""
    PARTIALLY_ROLLED_BACK = "PartiallyRolledBack"
    """The rollback ended, and a part of what was done is left, as somebody decided."""
    ROLLBACK_FAILED = "RollbackFailed"
    """The rollback ended, and what could not be undone is left."""
    ROLLBACK_BLOCKED = "RollbackBlocked"
    """An undo used up its retries. A person has to look; nothing is given up."""

    @property
    def terminal(self) -> bool:
        """Whether the Workflow has ended."""
        return self in TERMINAL_PHASES


TERMINAL_PHASES = frozenset(Phase) - {
    Phase.QUEUED,
    Phase.RUNNING,
    Phase.SUSPENDED,
    Phase.ROLLING_BACK,
    Phase.ROLLBACK_BLOCKED,
}


class StepState(StrEnum):
    """Where a step, or an undo, stands. A step without a record is pending."""

    STARTING = "Starting"
    """Decided: the name of the Job is taken, the Job may not exist yet."""
    RUNNING = "Running"
    """The Job exists; of a step without one: it waits for a person, or for its time."""
    RETRYING = "Retrying"
    """The last attempt failed; the next begins at nextAttemptTime, when the Job before it is settled."""
    SUCCEEDED = "Succeeded"
    """Done."""
    FAILED = "Failed"
    """Failed for good: no attempt is left."""
    CANCELLED = "Cancelled"
    """Stopped, or closed before it began, because the Workflow ended early."""
    SKIPPED = "Skipped"
    """A step, or an undo that failed, that a person declared to be done or not needed; or a step that need not run."""

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens without a request."""
        return self in (StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED)

    @property
    def in_flight(self) -> bool:
        """Whether it has begun and not ended."""
        return self in (StepState.STARTING, StepState.RUNNING)


class StepReason(StrEnum):
    """Why a step, or an undo, is not succeeding."""

    JOB_FAILED = "JobFailed"
    """The container ended with a non-zero exit code, or its Pod failed."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The attempt ran, or the approval waited, longer than timeoutSeconds."""
    REJECTED = "Rejected"
    """A person rejected what the step asked for."""
    LOST = "Lost"
    """The Job was deleted by somebody else. Its effect is unknown."""
    OUTPUTS_MISSING = "OutputsMissing"
    """The step succeeded without giving an output that it declares."""
    OUTPUTS_INVALID = "OutputsInvalid"
    """The termination message is not a JSON object of strings, or a value is too long."""
    OUTPUTS_LOST = "OutputsLost"
    """The Pod was gone before its outputs could be read."""
    CREATE_REJECTED = "CreateRejected"
    """The API server refused the Job; the step was not attempted."""
    NAME_CONFLICT = "NameConflict"
    """A Job of that name belongs to somebody else; nothing was adopted."""
    STOPPED = "Stopped"
    """Stopped, because the Workflow was cancelled, timed out, or a step failed under `inFlight: Cancel`.
    A step that waits for a person or for its time is stopped whenever the Workflow ends early."""
    NOT_STARTED = "NotStarted"
    """Closed by a tombstone before its Job began."""
    ASSUMED_STOPPED = "AssumedStopped"
    """A person asserted that its Pod has ended. Its effect is unknown."""
    CONDITION_FALSE = "ConditionFalse"
    """Skipped: its condition, `when`, is false."""
    TRIGGER_RULE_NOT_MET = "TriggerRuleNotMet"
    """Skipped: what it depends on is over, and its `triggerRule` asks for something else."""
    OUTPUTS_UNAVAILABLE = "OutputsUnavailable"
    """Skipped: it refers to an output of a step that ended without giving any."""
    EXPRESSION_ERROR = "ExpressionError"
    """Its condition, `when`, cannot be evaluated; the step was not attempted."""


PASSED_OVER = frozenset({StepReason.CONDITION_FALSE, StepReason.TRIGGER_RULE_NOT_MET, StepReason.OUTPUTS_UNAVAILABLE})
"""Why the graph skips a step; one that a person skips has no reason."""


class Execution(ApiModel):
    """The record of the attempts of one step or one undo."""

    state: StepState
    """Where it stands."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """The attempt that the record speaks of."""
    epoch: Annotated[int, Field(ge=1)] = 1
    """The epoch in which the first attempt was made; those after it are counted on."""
    retries_from: Annotated[int, Field(ge=1)] = 1
    """The attempt from which the retries are counted; grows when a person requests retry or retry-compensation."""
    job_uid: Uid | None = Field(default=None, alias="jobUID")
    """Uid of the attempt's Job, once seen; dropped when the attempt succeeded."""
    start_time: Timestamp | None = None
    """When the attempt was decided."""
    completion_time: Timestamp | None = None
    """When the attempt ended."""
    next_attempt_time: Timestamp | None = None
    """When the next attempt may begin."""
    exit_code: int | None = None
    """Exit code of the container, if it was not 0."""
    reason: StepReason | None = None
    """Why the attempt did not succeed."""
    message: StepMessage | None = None
    """The reason in words, or what the attempt waits for."""
    assumed_stopped: bool = False
    """Whether a person asserted that the attempt's Pod has ended."""

    @property
    def passed_over(self) -> bool:
        """Whether the graph skipped it, by a condition or a trigger rule, rather than a person."""
        return self.state is StepState.SKIPPED and self.reason in PASSED_OVER

    @property
    def done(self) -> bool:
        """Whether it succeeded, or a person took it for done."""
        return self.state is StepState.SUCCEEDED or (self.state is StepState.SKIPPED and not self.passed_over)


class FallbackUndo(ApiModel):
    """How the undo of a step's fallback ended, once that of the step's own way follows."""

    state: StepState
    """How it ended."""
    message: StepMessage | None = None
    """Why, where it did not succeed."""


Way = Literal[Direction.FORWARD, Direction.FALLBACK]
"""A step is done in its own way, or by its fallback."""


class CompensationStatus(Execution):
    """The record of the undo of one step: of its fallback first, then of its own way, attempts counted on."""

    way: Way = Direction.FORWARD
    """What is undone: the step's own way, or its fallback."""
    fallback: FallbackUndo | None = None
    """How the undo of the fallback ended, once that of the step's own way follows."""


class StepStatus(Execution):
    """The record of one step that was started or skipped."""

    name: StepName
    """Name of the step."""
    attempted: bool = True
    """Whether a Job of the step's own way may have created a Pod. False only where it is certain that none did."""
    way: Way = Direction.FORWARD
    """How the attempt does the step: its own way, or its fallback. While Retrying: how the next one does."""
    fallback_from: Annotated[int, Field(ge=1)] | None = None
    """The first attempt of the fallback; none where it is certain that no Job of it created a Pod."""
    due_time: Timestamp | None = None
    """When a wait is over, or an approval is no longer waited for. Moves on by the time spent suspended."""
    outputs: Annotated[dict[Identifier, Text], Field(max_length=limits.OUTPUTS_MAX)] | None = None
    """The outputs that the step declares, as it gave them."""
    compensation: CompensationStatus | None = None
    """The undo of the step, once started."""

    @property
    def fell_back(self) -> bool:
        """Whether its fallback has done the step."""
        return self.state is StepState.SUCCEEDED and self.way is Direction.FALLBACK

    @property
    def ever_attempted(self) -> bool:
        """Whether a Job of the step, in whatever way, may have created a Pod."""
        return self.attempted or self.fallback_from is not None


class FinallyStepStatus(Execution):
    """The record of one finally step that was started."""

    name: StepName
    """Name of the step."""


class FailureReason(StrEnum):
    """Why a run ended early. The first cause is kept."""

    STEP_FAILED = "StepFailed"
    """A step failed for good."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The Workflow's timeoutSeconds passed."""
    CANCELLED = "Cancelled"
    """A person requested it."""
    ROLLBACK_REQUESTED = "RollbackRequested"
    """A person requested it, and nothing had failed."""
    STOPPED = "Stopped"
    """A person requested that no further step starts, and that nothing is undone."""
    TERMINATED = "Terminated"
    """A person requested that everything ends at once, and that nothing is undone."""
    DELETED = "Deleted"
    """The Workflow was deleted before it had ended, under `deletionPolicy: RollbackUnfinished`."""
    CONCURRENCY_FORBIDDEN = "ConcurrencyForbidden"
    """As many Workflows ran under its concurrency key as may, and its policy is Forbid; nothing was started."""
    INVALID_SPEC = "InvalidSpec"
    """The spec has errors; nothing was started."""


class Failure(ApiModel):
    """The first cause of a run that did not succeed; never overwritten."""

    reason: FailureReason
    """The kind of cause."""
    step: StepName | None = None
    """The step that failed."""
    message: Annotated[str, StringConstraints(max_length=limits.FAILURE_BYTES_MAX)] = ""
    """The cause in words; all errors of a spec."""
    time: Timestamp
    """When it was recorded."""


class Rollback(ApiModel):
    """The rollback of the run: recorded once, never withdrawn."""

    start_time: Timestamp
    """When it was decided."""
    requested: bool = False
    """Whether a person requested it."""
    quiesced_time: Timestamp | None = None
    """When every forward Job was settled and the first undo could start."""
    retry_time: Timestamp | None = None
    """When a person last requested retry-compensation: rollback.timeoutSeconds counts from then."""
    abandon_time: Timestamp | None = None
    """When a person gave up what is not undone yet."""
    suspended_time: Timestamp | None = None
    """Since when, on request, no further undo starts."""
    suspended_seconds: int = 0
    """How long that was so before; not counted against rollback.timeoutSeconds."""


class Finally(ApiModel):
    """The finally steps of this epoch, and how the run ends: decided once, before the first of them starts."""

    phase: Phase
    """The phase that was reached, and in which the run ends unless it is Succeeded and a finally step fails."""
    reason: Reason
    """Why, as one word."""
    message: Message = ""
    """Why, in words."""
    start_time: Timestamp
    """When that was decided."""
    steps: Annotated[tuple[FinallyStepStatus, ...], Field(max_length=limits.FINALLY_STEPS_MAX)] = ()
    """Finally steps that were started, in the order in which they were."""


class Condition(ApiModel):
    """A condition, as metav1.Condition."""

    type: Annotated[str, StringConstraints(max_length=316)]
    """Succeeded, Ready, Reconciling, Stalled, Suspended or RollingBack."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, StringConstraints(max_length=1024)]
    """Why, as one word."""
    message: Message = ""
    """Why, in words."""
    last_transition_time: Timestamp
    """When status changed last."""
    observed_generation: int | None = None
    """The generation that it was decided for."""


class HandledRequest(ApiModel):
    """The last request of one verb and target, and the answer."""

    verb: Annotated[str, StringConstraints(max_length=63)]
    """What was asked."""
    target: Annotated[str, StringConstraints(max_length=limits.NAME_LENGTH_MAX)] | None = None
    """The step it was asked for."""
    token: Annotated[str, StringConstraints(max_length=128)]
    """The annotation's value."""
    accepted: bool
    """Whether it was done."""
    message: Message = ""
    """The answer in words."""
    time: Timestamp
    """When it was answered."""


class Resubmission(ApiModel):
    """A new Workflow with the spec of this one."""

    name: Annotated[str, StringConstraints(max_length=limits.OBJECT_NAME_LENGTH_MAX)]
    """Its name."""
    uid: Uid | None = None
    """Its uid, once seen."""


class WorkflowStatus(ApiModel):
    """All state of a run."""

    observed_generation: int = -1
    """The generation that the status speaks of; -1 before the operator saw it."""
    writes: Annotated[int, Field(ge=0)] = 0
    """How often the operator wrote this status."""
    plan_version: int | None = None
    """Version of the planning rules that the run began with."""
    phase: Phase | None = None
    """Where the run stands."""
    reason: Reason | None = None
    """Why, as one word."""
    epoch: Annotated[int, Field(ge=1)] = 1
    """Counts the runs of the graph."""
    place_time: Timestamp | None = None
    """When the run got its place under its concurrency key; unset while it waits for one."""
    start_time: Timestamp | None = None
    """When the run began."""
    completion_time: Timestamp | None = None
    """When the run ended."""
    progress: Progress | None = None
    """Steps that succeeded or need not run, of all steps."""
    rollback_progress: Progress | None = None
    """Undone steps of all steps to undo."""
    suspended_time: Timestamp | None = None
    """Since when the run is suspended."""
    suspended_seconds: int = 0
    """How long the run was suspended before; not counted against its deadline."""
    approval_wait_time: Timestamp | None = None
    """Since when nothing happens but that a person is waited for; added to suspendedSeconds when it ends."""
    suspend_request_time: Timestamp | None = None
    """Since when a person has the run suspended."""
    cancel_time: Timestamp | None = None
    """When a cancel was accepted."""
    stop_time: Timestamp | None = None
    """When a stop was accepted."""
    terminate_time: Timestamp | None = None
    """When a terminate was accepted."""
    failure: Failure | None = None
    """The first cause of a run that did not succeed."""
    rollback: Rollback | None = None
    """The rollback, once decided."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=limits.CONDITIONS_MAX)] = ()
    """Conditions: Succeeded and Ready always; Reconciling, Stalled, Suspended and RollingBack while true."""
    handled_requests: Annotated[tuple[HandledRequest, ...], Field(max_length=limits.HANDLED_REQUESTS_MAX)] = ()
    """The last request of each verb and target."""
    incarnations: Annotated[dict[StepName, int], Field(max_length=limits.STEPS_MAX)] = Field(default_factory=dict)
    """How often the effect of a step was begun anew after it was undone; 1 where it is not named."""
    fallback_incarnations: Annotated[dict[StepName, int], Field(max_length=limits.STEPS_MAX)] = Field(
        default_factory=dict
    )
    """The same of the effect of its fallback."""
    outputs: Annotated[dict[Identifier, Text], Field(max_length=limits.OUTPUTS_MAX)] | None = None
    """The outputs of the Workflow, while it has succeeded."""
    resubmission: Resubmission | None = None
    """The Workflow that was made of this one, on request."""
    steps: Annotated[tuple[StepStatus, ...], Field(max_length=limits.STEPS_MAX)] = ()
    """Steps that were started, in the order in which they were."""
    finally_: Finally | None = Field(default=None, alias="finally")
    """The finally steps, once the run has come to them."""

    @property
    def in_finally(self) -> bool:
        """Whether the finally steps run: how the run ends is decided, and it has not ended."""
        return self.finally_ is not None and not self.ended

    @property
    def ended(self) -> bool:
        """Whether the run is in a phase that it leaves on request only."""
        return self.phase is not None and self.phase.terminal
