"""What became of one attempt, judged from its record, its Job and its Pods.

The judgement does not depend on what was seen first: success is a fact (a Pod that succeeded, or a Job that counts
one), also where the Job says DeadlineExceeded because its controller looked at the clock before it looked at the Pod.
Failure is concluded from the Job alone, which says it only after its Pods have ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kubesaga.api.limits import STEP_MESSAGE_BYTES_MAX
from kubesaga.api.spec import Output
from kubesaga.api.status import Execution, StepReason
from kubesaga.engine.observation import JobObservation, Observed, PodObservation, Refusal
from kubesaga.engine.outputs import OutputsError, read_outputs
from kubesaga.engine.text import clip

STOP_DEADLINE_SECONDS = 1
"""The activeDeadlineSeconds that stops a Job: it fails with DeadlineExceeded, and the object stays."""


def stopped(job: JobObservation) -> bool:
    """Whether the Job is over, or will be by itself."""
    return job.terminal or job.tombstone or (job.active_deadline_seconds == STOP_DEADLINE_SECONDS and not job.suspended)


class Verdict(StrEnum):
    """What became of an attempt."""

    INTENDED = "Intended"
    """Decided, and no Job seen: it has to be created, or its name has to be taken by a tombstone."""
    RUNNING = "Running"
    """The Job exists and has not ended."""
    UNCONFIRMED = "Unconfirmed"
    """The cache lacks what the record says there was: a live read has to settle it."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    """Failed because it was stopped by us."""
    NEVER = "Never"
    """A tombstone took the name: the attempt never started and never will."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its circumstances."""

    verdict: Verdict
    reason: StepReason | None = None
    message: str | None = None
    exit_code: int | None = None
    outputs: Mapping[str, str] | None = None
    attempted: bool = True
    """False where it is certain that no Pod was created for this attempt."""


def judge(
    name: str,
    record: Execution,
    owner_uid: str,
    observed: Observed,
    *,
    outputs: Sequence[Output] = (),
    timeout_seconds: int | None = None,
    by_exit_code: bool = False,
) -> Judgement:
    """Judge the attempt that `record` speaks of, whose Job has the name `name` and the owner `owner_uid`.

    `by_exit_code`: what follows a failure depends on the exit code, so the Pod is looked for until it is known.
    """
    job = observed.jobs.get(name)
    if job is None:
        return _judge_absent(name, record, observed)
    if job.owner_uid != owner_uid:
        return _refused(StepReason.NAME_CONFLICT, f"the Job {name} belongs to somebody else")
    if job.tombstone:
        return Judgement(Verdict.NEVER, StepReason.NOT_STARTED, attempted=False)
    if record.job_uid is not None and record.job_uid != job.uid:
        return Judgement(Verdict.FAILED, StepReason.LOST, f"the Job {name} was replaced by another one")
    pods = observed.pods.get(job.uid, ())
    if job.complete or job.succeeded or any(pod.phase == "Succeeded" for pod in pods):
        return _judge_success(name, pods, outputs, confirmed=name in observed.confirmed)
    if job.failed:
        failed = _judge_failure(job, pods, timeout_seconds, record.message)
        unsure = by_exit_code and failed.reason is StepReason.JOB_FAILED and failed.exit_code is None
        return Judgement(Verdict.UNCONFIRMED) if unsure and name not in observed.confirmed else failed
    if record.assumed_stopped and stopped(job):
        return Judgement(Verdict.STOPPED, StepReason.ASSUMED_STOPPED, "a person asserted that its Pod has ended")
    return Judgement(Verdict.RUNNING)


def _judge_absent(name: str, record: Execution, observed: Observed) -> Judgement:
    """No Job of that name: never created, refused, or deleted by somebody."""
    if record.job_uid is not None:
        if name not in observed.confirmed:
            return Judgement(Verdict.UNCONFIRMED)
        return Judgement(Verdict.FAILED, StepReason.LOST, f"the Job {name} was deleted; its effect is unknown")
    refusal = observed.refusals.get(name)
    if refusal is None:
        return Judgement(Verdict.INTENDED)
    return _judge_refusal(name, refusal)


def _judge_refusal(name: str, refusal: Refusal) -> Judgement:
    """The API server did not accept the Job."""
    if refusal.passing:
        what = "quota" if refusal.quota else "the API server to accept the Job"
        return Judgement(Verdict.INTENDED, message=_clip(f"waits for {what}: {refusal.message}"))
    if refusal.conflict:
        return _refused(StepReason.NAME_CONFLICT, f"the Job {name} belongs to somebody else")
    return _refused(StepReason.CREATE_REJECTED, f"the API server refused the Job: {refusal.message}")


def _refused(reason: StepReason, message: str) -> Judgement:
    return Judgement(Verdict.FAILED, reason, _clip(message), attempted=False)


def _judge_success(
    name: str, pods: Sequence[PodObservation], outputs: Sequence[Output], *, confirmed: bool
) -> Judgement:
    """The work was done; what remains is to read what it gave."""
    if not outputs:
        return Judgement(Verdict.SUCCEEDED)
    pod = next((pod for pod in pods if pod.phase == "Succeeded"), None)
    if pod is None and not confirmed:
        return Judgement(Verdict.UNCONFIRMED)
    if pod is None:
        message = f"the Pod of the Job {name} was gone before its outputs could be read"
        return Judgement(Verdict.FAILED, StepReason.OUTPUTS_LOST, message)
    try:
        return Judgement(Verdict.SUCCEEDED, outputs=read_outputs(outputs, pod.termination_message))
    except OutputsError as error:
        return Judgement(Verdict.FAILED, error.reason, _clip(str(error)))


def _judge_failure(
    job: JobObservation, pods: Sequence[PodObservation], timeout_seconds: int | None, waited: str | None
) -> Judgement:
    """The Job failed: by its deadline, because we stopped it, or because its container failed.

    `waited` is what the step's message said last: why its container did not begin.
    """
    pod = next((pod for pod in pods if pod.exit_code not in (None, 0) and not pod.disrupted), None)
    exit_code = pod.exit_code if pod else None
    if job.failed_reason == "DeadlineExceeded":
        if job.active_deadline_seconds == STOP_DEADLINE_SECONDS != timeout_seconds:
            return Judgement(Verdict.STOPPED, StepReason.STOPPED, exit_code=exit_code)
        message = _clip(f"ran longer than {job.active_deadline_seconds} s{f'; {waited}' if waited else ''}")
        return Judgement(Verdict.FAILED, StepReason.DEADLINE_EXCEEDED, message, exit_code)
    return Judgement(Verdict.FAILED, StepReason.JOB_FAILED, _failure_message(job, pod), exit_code)


def _failure_message(job: JobObservation, pod: PodObservation | None) -> str:
    """The exit code and what the container said last; else what the Job says."""
    if pod is None:
        said = job.failed_message or job.failed_reason
        vanished = job.failed_reason == "BackoffLimitExceeded"  # A Pod failed, and it was no container's doing.
        return _clip(f"its Pod was deleted, or its node is gone: {said}" if vanished else said)
    code = f"exit code {pod.exit_code}" + (f" ({pod.ended_by})" if pod.ended_by else "")
    said = " ".join(pod.termination_message.split())
    return _clip(f"{code}: {said}" if said else code)


def _clip(message: str) -> str:
    return clip(message, STEP_MESSAGE_BYTES_MAX)
