"""What a user asks for: the spec of a Workflow."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from kubesaga.api import limits
from kubesaga.api.container import Container, Text
from kubesaga.api.model import ApiModel, Flag
from kubesaga.api.pod import PodSettings

StepName = Annotated[
    str, StringConstraints(max_length=limits.NAME_LENGTH_MAX, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Identifier = Annotated[str, StringConstraints(max_length=limits.NAME_LENGTH_MAX, pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]
Seconds = Annotated[int, Field(strict=True, ge=1, le=limits.SECONDS_MAX)]
RetryLimit = Annotated[int, Field(strict=True, ge=0, le=limits.RETRY_LIMIT_MAX)]
Parallelism = Annotated[int, Field(strict=True, ge=1, le=limits.PARALLELISM_MAX)]
ListedExitCodes = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1, le=limits.EXIT_CODE_MAX)], ...],
    Field(min_length=1, max_length=limits.EXIT_CODE_MAX),
]
ConcurrencyKey = Annotated[
    str,
    StringConstraints(max_length=limits.NAME_LENGTH_MAX, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"),
]


class OnFailure(StrEnum):
    """What happens when a step failed for good."""

    ROLLBACK = "Rollback"
    """Undo every attempted step that declares how."""
    CONTINUE = "Continue"
    """Run everything that does not depend on it to its end, and undo nothing."""
    STOP = "Stop"
    """Start nothing more and undo nothing."""


class TriggerRule(StrEnum):
    """What has to have become of the steps that a step depends on, for it to run."""

    ALL_SUCCEEDED = "AllSucceeded"
    """Each succeeded, was skipped, or is optional and failed."""
    ALL_FINISHED = "AllFinished"
    """Each is over, whatever became of it."""
    ANY_SUCCEEDED = "AnySucceeded"
    """One succeeded, as soon as it has."""
    ANY_FAILED = "AnyFailed"
    """One failed, as soon as it has."""
    ALL_FAILED = "AllFailed"
    """Each failed."""
    NONE_FAILED = "NoneFailed"
    """Each is over, and none failed."""


class InFlight(StrEnum):
    """What happens to running steps when another step failed for good."""

    DRAIN = "Drain"
    """They run to their end."""
    CANCEL = "Cancel"
    """They are stopped."""


class Boundary(StrEnum):
    """How far a rollback goes."""

    SAVEPOINT = "Savepoint"
    """Once the step has succeeded, it and all that it depends on are kept."""
    PIVOT = "Pivot"
    """Once the step has succeeded, nothing is undone any more: the Workflow only goes forward."""
    IRREVERSIBLE = "Irreversible"
    """The step cannot be undone. A rollback goes past it, and its outcome says so."""


class DeletionPolicy(StrEnum):
    """What happens to a Workflow that is deleted before it has ended."""

    ABANDON = "Abandon"
    """It goes at once with all its Jobs, and nothing is undone."""
    ROLLBACK_UNFINISHED = "RollbackUnfinished"
    """It goes when what was done is undone."""


class When(StrEnum):
    """After which attempts of its step an undo runs."""

    ATTEMPTED = "Attempted"
    """After any: nobody knows how far one came that failed, timed out, was stopped or lost."""
    SUCCEEDED = "Succeeded"
    """Only if the step succeeded: for steps that undo themselves when they fail."""


class OnCompensationFailure(StrEnum):
    """What happens when an undo used up its retries."""

    BLOCK = "Block"
    """The undos after it wait for a person, and the Workflow is RollbackBlocked."""
    CONTINUE = "Continue"
    """The undos after it run all the same, and the Workflow ends RollbackFailed."""


class ConcurrencyPolicy(StrEnum):
    """What becomes of a Workflow that begins while as many others run under its key as may."""

    ENQUEUE = "Enqueue"
    """It waits for its turn, in the order of arrival."""
    FORBID = "Forbid"
    """It fails at once, and nothing is started."""


class Parameter(ApiModel):
    """A value that steps refer to as $(params.NAME)."""

    name: Identifier
    """Name of the parameter."""
    value: Text
    """Its value."""


class ExitCodes(ApiModel):
    """A choice among the exit codes of containers: exactly one of in and notIn."""

    in_: ListedExitCodes | None = Field(default=None, alias="in")
    """These."""
    not_in: ListedExitCodes | None = None
    """All but these."""


class Retry(ApiModel):
    """How often and when a failed attempt is followed by the next. Unset fields come from defaults.retry."""

    limit: RetryLimit | None = None
    """Retries after the first attempt. 0 by default for steps, 5 for undos."""
    backoff_seconds: Seconds | None = None
    """Pause before the first retry. 5 by default for steps, 10 for undos."""
    factor: Annotated[int, Field(strict=True, ge=1, le=10)] | None = None
    """Each pause is this many times the one before it. 2 by default."""
    max_backoff_seconds: Seconds | None = None
    """Longest pause. 300 by default."""
    on_exit_codes: ExitCodes | None = None
    """The exit codes after which an attempt is followed by another. All by default.

    One that failed without one, by its timeout for example, always is.
    """


class Output(ApiModel):
    """A value that the step writes to its termination message, a JSON object of strings."""

    name: Identifier
    """Key in the JSON object."""
    max_bytes: Annotated[int, Field(strict=True, ge=1, le=limits.STEP_OUTPUT_BYTES_MAX)] | None = None
    """Longest value in bytes (UTF-8). 256 by default."""


class DeleteJob(ApiModel):
    """Undo by deleting the step's own Jobs, and with them everything that the step made with such a Job as owner."""


class Compensation(ApiModel):
    """How a step is undone: exactly one of container and deleteJob.

    An undo must be idempotent and succeed when there is nothing to undo.
    """

    container: Container | None = None
    """The container of the compensating Job."""
    delete_job: DeleteJob | None = None
    """Delete the step's own Jobs instead of running one."""
    retry: Retry | None = None
    """Retries of the undo: 5 by default, 10 s to 300 s apart."""
    timeout_seconds: Seconds | None = None
    """Longest run of one attempt of the undo."""
    when: When | None = None
    """After which attempts of the step it runs. Attempted by default."""


class Fallback(ApiModel):
    """Another way to do the same step, tried when the attempts of its own way are used up."""

    container: Container
    """The container that does the work in the other way. It gives the outputs that the step declares."""
    retry: Retry | None = None
    """Retries of the fallback."""
    timeout_seconds: Seconds | None = None
    """Longest run of one attempt of the fallback. Time spent suspended does not count."""
    compensate: Compensation | None = None
    """How the fallback is undone: before the step's own way is, where both were attempted."""


class RollbackPolicy(ApiModel):
    """How what was done is undone."""

    parallelism: Parallelism | None = None
    """Most undos that run at once, those that wait for their next attempt included. Unlimited by default."""
    timeout_seconds: Seconds | None = None
    """When no further attempt of an undo begins any more, counted from the first one. Never by default."""
    on_compensation_failure: OnCompensationFailure | None = None
    """What happens when an undo used up its retries. Block by default: that is better than half undone."""


class Concurrency(ApiModel):
    """How many Workflows of one namespace run at once under one key."""

    key: ConcurrencyKey
    """What they share: those with the same key stand in one line."""
    limit: Annotated[int, Field(strict=True, ge=1, le=limits.CONCURRENCY_LIMIT_MAX)] | None = None
    """Most of them that run at once, this one included. 1 by default. Where limits differ the least one holds."""
    policy: ConcurrencyPolicy | None = None
    """What happens if so many run already. Enqueue by default."""


class Approval(ApiModel):
    """The step waits for a person, who requests approve or reject. It runs no Job."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=limits.STEP_MESSAGE_BYTES_MAX)]
    """What the person is asked; everybody who looks at the Workflow reads it."""


class Wait(ApiModel):
    """The step lets time go by. It runs no Job."""

    seconds: Seconds
    """How long. Time spent suspended does not count."""


class Step(ApiModel):
    """One step, which begins when all it depends on has succeeded: exactly one of container, approval and wait."""

    name: StepName
    """Name of the step, a DNS label, unique in the Workflow."""
    depends_on: Annotated[tuple[StepName, ...], Field(max_length=limits.DEPENDENCIES_MAX)] | None = None
    """Steps that this one waits for. Steps referred to by $(steps.NAME...) and in when are added."""
    trigger_rule: TriggerRule | None = None
    """What has to have become of them. AllSucceeded by default."""
    when: Annotated[str, StringConstraints(min_length=1, max_length=limits.WHEN_LENGTH_MAX)] | None = None
    """A CEL expression over params, steps and workflow, evaluated when the trigger rule is met.

    The step is skipped where it is false.
    """
    optional: Flag | None = None
    """Whether the step may fail: the Workflow succeeds all the same, and what depends on it runs."""
    container: Container | None = None
    """The container of the Job that does the work."""
    approval: Approval | None = None
    """Wait for a person instead."""
    wait: Wait | None = None
    """Wait for a time instead."""
    retry: Retry | None = None
    """Retries of the step."""
    timeout_seconds: Seconds | None = None
    """Longest run of one attempt, or wait for an approval. Time spent suspended does not count."""
    outputs: Annotated[tuple[Output, ...], Field(max_length=limits.OUTPUTS_MAX)] | None = None
    """Values that the step must give."""
    fallback: Fallback | None = None
    """Another way to do the step, tried when its attempts are used up."""
    compensate: Compensation | None = None
    """How the step is undone; with a fallback, what its own way did."""
    boundary: Boundary | None = None
    """How far a rollback goes."""


class FinallyStep(ApiModel):
    """A step that runs once when everything else has ended, whatever came of it. It has no undo."""

    name: StepName
    """Name of the step, a DNS label, unique among all steps of the Workflow."""
    container: Container
    """The container that does the work."""
    retry: Retry | None = None
    """Retries of the step."""
    timeout_seconds: Seconds | None = None
    """Longest run of one attempt. Time spent suspended does not count."""


class WorkflowOutput(ApiModel):
    """A value that the Workflow gives once it has succeeded."""

    name: Identifier
    """Name of the output."""
    value: Text
    """Its value. May refer to parameters, to outputs and outcomes of steps, and to the Workflow."""


class Defaults(ApiModel):
    """Settings merged under every step."""

    container: Container | None = None
    """Merged under the container of every step and undo. command and args are not allowed here."""
    pod: PodSettings | None = None
    """Settings of all Pods."""
    retry: Retry | None = None
    """Retries of steps (undos have defaults of their own)."""
    timeout_seconds: Seconds | None = None
    """Longest run of one attempt of a step."""


class WorkflowSpec(ApiModel):
    """A graph of steps. Immutable once started, except suspend, parallelism and ttlSecondsAfterFinished."""

    parameters: Annotated[tuple[Parameter, ...], Field(max_length=limits.PARAMETERS_MAX)] | None = None
    """Values that steps refer to."""
    defaults: Defaults | None = None
    """Settings merged under every step."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=limits.STEPS_MAX)]
    """The steps, in any order."""
    finally_: Annotated[tuple[FinallyStep, ...], Field(max_length=limits.FINALLY_STEPS_MAX)] | None = Field(
        default=None, alias="finally"
    )
    """Steps that run side by side once the steps, or their rollback, have ended, whatever came of them."""
    outputs: Annotated[tuple[WorkflowOutput, ...], Field(max_length=limits.OUTPUTS_MAX)] | None = None
    """Values that stand in status.outputs once the Workflow has succeeded."""
    parallelism: Parallelism | None = None
    """Most steps that run at once. Unlimited by default."""
    timeout_seconds: Seconds | None = None
    """Deadline of the whole Workflow. Time spent suspended does not count."""
    on_failure: OnFailure | None = None
    """What happens when a step failed for good. Rollback by default if any step declares compensate, else Stop."""
    in_flight: InFlight | None = None
    """What happens to running steps then. Drain by default."""
    rollback: RollbackPolicy | None = None
    """How what was done is undone."""
    concurrency: Concurrency | None = None
    """How many Workflows run at once under the same key. Unlimited by default."""
    suspend: Flag | None = None
    """While true no step starts; running steps go on."""
    ttl_seconds_after_finished: Annotated[int, Field(strict=True, ge=0, le=limits.SECONDS_MAX)] | None = None
    """The Workflow is deleted this long after it ended. Never by default."""
    deletion_policy: DeletionPolicy | None = None
    """What happens if it is deleted before it has ended. Abandon by default: it goes, and nothing is undone."""
