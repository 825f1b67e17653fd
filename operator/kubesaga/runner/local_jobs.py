"""The Job controller and kubelet of a run without a cluster: each Job's container runs as a local process."""

import asyncio
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from kubesaga.api.model import rfc3339
from kubesaga.api.names import ENV_TERMINATION_LOG, LABEL_STEP
from kubesaga.controller.cluster import Raw, Resource
from kubesaga.engine.attempt import STOP_DEADLINE_SECONDS
from kubesaga.runner.child import Child
from kubesaga.runner.expansion import environment, expand
from kubesaga.runner.object_store import Change, ObjectStore

GRACE_SECONDS_DEFAULT: Final = 30
_TERMINATION_MESSAGE_BYTES_MAX: Final = 4_096
_LOG_TAIL_BYTES: Final = 2_048
_START_ERROR: Final = 128

Said = Callable[[str, str], None]
"""Called with a step's name and what its process wrote, when it ended."""


class LocalJobs:
    """Runs the Jobs of a store. What was running when an earlier runner was killed is waited for."""

    def __init__(self, store: ObjectStore, folder: Path, said: Said) -> None:
        self._store = store
        self._folder = folder
        self._said = said
        self._running: dict[str, asyncio.Task[None]] = {}
        self._overdue: set[str] = set()
        store.listen(self._changed)

    def resume(self) -> None:
        """Go on with every Job that has not ended."""
        for job in self._store.all("jobs"):
            self._consider(job)

    async def kill(self) -> None:
        """Kill every process; their Jobs stay as they are."""
        for name in self._running:
            self._child(name).signal(signal.SIGKILL)
        for running in list(self._running.values()):
            running.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _changed(self, resource: Resource, change: Change, raw: Raw) -> None:
        if resource != "jobs":
            return
        if change == "gone":
            self._child(raw["metadata"]["name"]).signal(signal.SIGKILL)
        else:
            self._consider(raw)

    def _consider(self, job: Raw) -> None:
        """Start a Job that may run; stop one whose deadline was pulled in."""
        name, spec = job["metadata"]["name"], job["spec"]
        if spec.get("suspend") or job.get("status", {}).get("conditions"):
            return
        if name not in self._running:
            self._running[name] = asyncio.create_task(self._run(job))
        elif spec.get("activeDeadlineSeconds") == STOP_DEADLINE_SECONDS and name not in self._overdue:
            self._stop(name, spec)

    async def _run(self, job: Raw) -> None:
        """The whole life of a Job, from its Pod to its last condition."""
        name = job["metadata"]["name"]
        child, pod = self._child(name), self._pod(job)
        try:
            if not child.started():
                error = self._start(child, job, pod)
                if error is not None:
                    self._finish(name, pod, _START_ERROR, error)
                    return
            timer = self._deadline(name, job, pod)
            code = await child.wait()
            if timer is not None:
                timer.cancel()
            self._finish(name, pod, code, self._message(child, code))
        finally:
            self._running.pop(name, None)

    def _start(self, child: Child, job: Raw, pod: Raw) -> str | None:
        """Start the process; returns why it could not be started."""
        container = job["spec"]["template"]["spec"]["containers"][0]
        fields = {f"metadata.{key}": pod["metadata"][key] for key in ("name", "namespace", "uid")}
        try:
            values = environment(container.get("env", ()), fields)
            values[ENV_TERMINATION_LOG] = str(child.termination_log)
            command = [expand(text, values) for text in (*container.get("command", ()), *container.get("args", ()))]
            if not container.get("command"):
                return "the container names no command, and there is no image here to take it from"
            child.start(command, {**os.environ, **values}, container.get("workingDir"))
        except (OSError, ValueError) as error:
            return str(error)
        return None

    def _pod(self, job: Raw) -> Raw:
        """The Pod of a Job, made now unless it is there."""
        metadata = job["metadata"]
        name = f"{metadata['name']}-local"
        existing = self._store.get("pods", name)
        if existing is not None:
            return existing
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
        labels = {**metadata["labels"], "batch.kubernetes.io/job-name": metadata["name"]}
        pod = self._store.create(
            "pods",
            {
                "metadata": {"name": name, "labels": labels, "ownerReferences": [{**owner, "controller": True}]},
                "spec": {"nodeName": "local"},
                "status": {"phase": "Running"},
            },
        )
        self._update_job(metadata["name"], {"startTime": pod["metadata"]["creationTimestamp"], "active": 1})
        return pod

    def _deadline(self, name: str, job: Raw, pod: Raw) -> asyncio.TimerHandle | None:
        seconds = job["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return None
        if seconds == STOP_DEADLINE_SECONDS:
            self._stop(name, job["spec"])  # It was stopped before this runner began.
        begun = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
        left = (begun + timedelta(seconds=seconds) - datetime.now(UTC)).total_seconds()
        return asyncio.get_running_loop().call_later(max(0.0, left), self._stop, name, job["spec"])

    def _stop(self, name: str, spec: Raw) -> None:
        """Ask the process to end, and kill it after its grace period."""
        self._overdue.add(name)
        child = self._child(name)
        child.signal(signal.SIGTERM)
        grace = spec["template"]["spec"].get("terminationGracePeriodSeconds", GRACE_SECONDS_DEFAULT)
        asyncio.get_running_loop().call_later(grace, child.signal, signal.SIGKILL)

    def _finish(self, name: str, pod: Raw, code: int, message: str) -> None:
        """Write down how it ended: the Pod first, then its Job, as in a cluster."""
        now = rfc3339(datetime.now(UTC).replace(microsecond=0))
        ended = {"exitCode": code, "message": message, "finishedAt": now}
        phase = "Failed" if code else "Succeeded"
        status = {"phase": phase, "containerStatuses": [{"name": "step", "state": {"terminated": ended}}]}
        if self._store.get("pods", pod["metadata"]["name"]) is not None:
            self._store.update("pods", {**pod, "status": status})
        reason = "DeadlineExceeded" if name in self._overdue else "BackoffLimitExceeded"
        condition = {"type": "Failed", "reason": reason} if code else {"type": "Complete"}
        counts = {"active": 0, "failed": 1} if code else {"active": 0, "succeeded": 1}
        log = self._child(name).log
        self._said(pod["metadata"]["labels"][LABEL_STEP], log.read_text(errors="replace") if log.exists() else "")
        conditions = [{**condition, "status": "True"}]
        self._update_job(name, {**counts, "completionTime": now, "conditions": conditions})

    def _message(self, child: Child, code: int) -> str:
        """The termination message; where a failed process wrote none, the end of its log."""
        written = child.termination_log.read_bytes()[:_TERMINATION_MESSAGE_BYTES_MAX]
        if code and not written:
            written = child.log.read_bytes()[-_LOG_TAIL_BYTES:]
        return written.decode(errors="replace")

    def _update_job(self, name: str, status: dict[str, Any]) -> None:
        job = self._store.get("jobs", name)
        if job is not None:
            self._store.update("jobs", {**job, "status": {**job.get("status", {}), **status}})

    def _child(self, name: str) -> Child:
        return Child(self._folder / name)
