"""The Job controller in miniature: one Pod a Job, for `backoffLimit: 0` and `podReplacementPolicy: Failed`.

    created ──> startTime, Pod ──> Pod ended ──(batched)──> SuccessCriteriaMet | FailureTarget ──> Complete | Failed
                                   deadline passed ───────> FailureTarget, Pod deleted ──(Pod gone or ended)──> Failed

It looks at the clock before it looks at its Pods, so a Job whose Pod succeeded within the last second before its
deadline says DeadlineExceeded, and counts one success all the same.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from simulation.server import Change, Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop

ACTOR: Final = "job-controller"
BATCH_SECONDS: Final = 1.0
"""How long it gathers what Pods say before it looks at their Job, as the real one does."""

_SYNC_SECONDS: Final = (0.005, 0.05)


class JobController:
    """Syncs each Job when it changed, when its Pods changed, and at its deadline."""

    def __init__(self, server: SimulatedServer, loop: VirtualLoop, chance: Random) -> None:
        self._server, self._loop, self._chance = server, loop, chance
        self._ended: dict[str, dict[str, str]] = {}
        """By uid of the Job, what became of each of its Pods: succeeded, failed or disrupted."""
        self._due: dict[str, float] = {}
        server.listeners.append(self._heard)

    def _heard(self, resource: str, change: Change) -> None:
        metadata = change.raw["metadata"]
        if resource == "jobs" and not change.gone:
            self._later(metadata["uid"], self._chance.uniform(*_SYNC_SECONDS))
        elif resource == "pods":
            for owner in metadata.get("ownerReferences") or ():
                self._note(owner["uid"], change)
                self._later(owner["uid"], BATCH_SECONDS)

    def _note(self, job_uid: str, change: Change) -> None:
        """Remember how a Pod ended. One that is taken away before that has failed."""
        phase = (change.raw.get("status") or {}).get("phase")
        if change.gone or phase in ("Succeeded", "Failed"):
            disrupted = any(one["type"] == "DisruptionTarget" for one in _conditions(change.raw))
            how = "succeeded" if phase == "Succeeded" else "disrupted" if disrupted else "failed"
            self._ended.setdefault(job_uid, {}).setdefault(change.raw["metadata"]["uid"], how)

    def _later(self, uid: str, seconds: float) -> None:
        at = self._loop.time() + seconds
        if self._due.get(uid, at + 1) > at:
            self._due[uid] = at
            self._loop.call_at(at, self._sync_if_due, uid, at)

    def _sync_if_due(self, uid: str, at: float) -> None:
        if self._due.get(uid) == at:
            del self._due[uid]
            job = self._server.by_uid(uid)
            if job is not None and not is_over(job):
                self._sync(job)

    def _sync(self, job: Raw) -> None:
        spec, status = job["spec"], dict(job["status"])
        conditions = {one["type"]: one for one in status.get("conditions", ())}
        pods = self._server.owned_by(job["metadata"]["uid"], "pods")
        tally = list(self._ended.get(job["metadata"]["uid"], {}).values())
        self._suspend_or_start(spec, status, conditions)
        interim = (
            conditions.get("FailureTarget") or conditions.get("SuccessCriteriaMet") or self._verdict(job, status, tally)
        )
        running = [pod for pod in pods if not _pod_ended(pod)]
        unwanted = interim is not None or spec.get("suspend") or not spec.get("parallelism", 1)
        for pod in running if unwanted else ():
            if "deletionTimestamp" not in pod["metadata"]:
                self._server.delete(ACTOR, "pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        if not (running or unwanted or "succeeded" in tally or "deletionTimestamp" in job["metadata"]):
            self._create_pod(job)
        if interim is not None:
            conditions[interim["type"]] = interim
        self._write(job, status, conditions, tally)

    def _suspend_or_start(self, spec: Raw, status: Raw, conditions: dict[str, Raw]) -> None:
        if spec.get("suspend"):
            status.pop("startTime", None)
            conditions["Suspended"] = conditions.get("Suspended") or self._condition("Suspended", "JobSuspended")
        elif "startTime" not in status:
            status["startTime"] = self._server.second()
            conditions.pop("Suspended", None)

    def _verdict(self, job: Raw, status: Raw, tally: list[str]) -> Raw | None:
        spec = job["spec"]
        if tally.count("failed") > spec.get("backoffLimit", 6):
            return self._condition("FailureTarget", "BackoffLimitExceeded")
        if self._is_late(job, status):
            return self._condition("FailureTarget", "DeadlineExceeded")
        if tally.count("succeeded") >= spec.get("completions", 1):
            return self._condition("SuccessCriteriaMet", "CompletionsReached")
        return None

    def _is_late(self, job: Raw, status: Raw) -> bool:
        seconds = job["spec"].get("activeDeadlineSeconds")
        if seconds is None or "startTime" not in status:
            return False
        due = datetime.fromisoformat(status["startTime"]) + timedelta(seconds=seconds)
        left = (due - self._server.time()).total_seconds()
        if left > 0:
            self._later(job["metadata"]["uid"], left)
        return left <= 0

    def _create_pod(self, job: Raw) -> None:
        metadata, template = job["metadata"], job["spec"]["template"]
        self._server.create(
            ACTOR,
            "pods",
            {
                "metadata": {
                    **template["metadata"],
                    "name": f"{metadata['name']}-{self._chance.getrandbits(25):05x}"[:63],
                    "ownerReferences": [
                        {"kind": "Job", "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True}
                    ],
                },
                "spec": template["spec"],
            },
            metadata["namespace"],
        )

    def _write(self, job: Raw, status: Raw, conditions: dict[str, Raw], tally: list[str]) -> None:
        running = [pod for pod in self._server.owned_by(job["metadata"]["uid"], "pods") if not _pod_ended(pod)]
        terminating = sum("deletionTimestamp" in pod["metadata"] for pod in running)
        status |= {"active": len(running) - terminating, "terminating": terminating}
        status |= {how: tally.count(how) for how in ("succeeded", "failed") if how in tally}
        if not running:
            self._finish(status, conditions)
        status["conditions"] = list(conditions.values())
        if status != job["status"]:
            self._server.set_status(ACTOR, "jobs", job, status)

    def _finish(self, status: Raw, conditions: dict[str, Raw]) -> None:
        if (target := conditions.get("FailureTarget")) is not None:
            conditions["Failed"] = self._condition("Failed", target["reason"])
        elif "SuccessCriteriaMet" in conditions:
            conditions["Complete"] = self._condition("Complete", "CompletionsReached")
            status["completionTime"] = self._server.second()

    def _condition(self, type_: str, reason: str) -> Raw:
        message = {"DeadlineExceeded": "Job was active longer than specified deadline"}.get(reason, reason)
        return {
            "type": type_,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": self._server.second(),
        }


def is_over(job: Raw) -> bool:
    """Whether a Job has its last condition."""
    return any(one["type"] in ("Complete", "Failed") for one in job["status"].get("conditions", ()))


def _pod_ended(pod: Raw) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _conditions(raw: Raw) -> list[Any]:
    return (raw.get("status") or {}).get("conditions") or []
