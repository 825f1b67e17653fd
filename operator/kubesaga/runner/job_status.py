"""The status that Jobs and Pods get from the Job controller and the kubelet, word for word."""

from typing import Any

Status = dict[str, Any]


def pod_running(now: str) -> Status:
    """A Pod whose container runs."""
    state = {"running": {"startedAt": now}}
    return {"phase": "Running", "startTime": now, "containerStatuses": [{"name": "step", "state": state}]}


def pod_ended(exit_code: int, message: str, now: str, *, reason: str | None = None) -> Status:
    """A Pod whose container has ended."""
    ended: Status = {"exitCode": exit_code, "reason": reason or ("Error" if exit_code else "Completed")}
    ended |= {"finishedAt": now, **({"message": message} if message else {})}
    phase = "Failed" if exit_code else "Succeeded"
    return {"phase": phase, "containerStatuses": [{"name": "step", "state": {"terminated": ended}}]}


def job_running(now: str) -> Status:
    """A Job with its one Pod."""
    return {"startTime": now, "active": 1, "ready": 1, "terminating": 0}


def job_complete(before: Status, now: str) -> Status:
    """A Job whose Pod succeeded."""
    reason, message = "CompletionsReached", "Reached expected number of succeeded pods"
    conditions = [_condition(type_, reason, message, now) for type_ in ("SuccessCriteriaMet", "Complete")]
    ended = {"conditions": conditions, "succeeded": 1, "ready": 0, "terminating": 0, "completionTime": now}
    return {"startTime": before.get("startTime", now), **ended}


def job_failed(before: Status, now: str, *, overdue: bool, pods: int = 1) -> Status:
    """A Job whose Pod failed, or whose deadline passed."""
    reason, message = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if overdue:
        reason, message = "DeadlineExceeded", "Job was active longer than specified deadline"
    conditions = [_condition(type_, reason, message, now) for type_ in ("FailureTarget", "Failed")]
    ended: Status = {"conditions": conditions, "ready": 0, "terminating": 0}
    return {"startTime": before.get("startTime", now), **ended, **({"failed": pods} if pods else {})}


def ended(job: Status) -> bool:
    """Whether a Job has ended."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)


def _condition(type_: str, reason: str, message: str, now: str) -> Status:
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    return {"type": type_, "status": "True", "reason": reason, "message": message, **times}
