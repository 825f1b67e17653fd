"""The Job controller and the kubelet of a run without a cluster: each Job's container runs as a local process.

    Job created ──> Pod written down ──> process started ──> process ended ──> Pod ended ──> Job ended

Each arrow may be the last of a runner that is killed; the next one goes on behind it. A process is started only where
it is certain that it never was.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from kubesaga.api.model import rfc3339
from kubesaga.api.names import LABEL_DIRECTION, LABEL_STEP, Direction
from kubesaga.controller.cluster import Raw, Resource
from kubesaga.runner import job_status
from kubesaga.runner.child import Child
from kubesaga.runner.container_process import ContainerProcess, StartError
from kubesaga.runner.object_store import Change, ObjectStore
from kubesaga.runner.step_log import StepLog, tail

GRACE_SECONDS_DEFAULT: Final = 30
"""Time between SIGTERM and SIGKILL where the Pod says nothing, as in Kubernetes."""

UNKNOWN_EXIT_CODE: Final = 255
"""Stands for the exit code that nobody knows."""

KILLED_EXIT_CODE: Final = 137
"""That of a process that did not heed SIGTERM."""

_TERMINATION_MESSAGE_BYTES_MAX: Final = 4_096
_LOG_TAIL_BYTES: Final = 2_048
_ANNOTATION_BOOT: Final = "kubesaga.dev/boot-id"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

Said = Callable[[str, Direction, str], None]
"""Called with a step, a direction, and a line that its process wrote."""


class LocalJobs:
    """Runs the Jobs of a store. What was running when an earlier runner was killed is waited for."""

    def __init__(self, store: ObjectStore, namespace: str, folder: Path, said: Said) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Gets the exception that makes it impossible to go on, such as a full disk."""
        self._store = store
        self._folder = folder
        self._namespace = namespace
        self._said = said
        self._running: dict[str, asyncio.Task[None]] = {}
        self._children: dict[str, Child] = {}
        self._overdue: set[str] = set()
        store.listen(self._changed)

    def resume(self) -> None:
        """Go on with every Job that has not ended."""
        for job in self._store.all("jobs"):
            self._consider(job)

    async def kill(self) -> None:
        """Kill every process, and wait for their end; their Jobs stay as they are."""
        children = tuple(self._children.values())
        for running in self._running.values():
            running.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        for child in children:
            child.interrupt()
        await asyncio.gather(*(child.wait() for child in children))

    def _changed(self, resource: Resource, change: Change, raw: Raw) -> None:
        if resource == "jobs" and change == "changed":
            self._consider(raw)
        if resource == "pods" and "deletionTimestamp" in raw["metadata"]:
            job = raw["metadata"]["labels"]["batch.kubernetes.io/job-name"]
            self._stop(job, raw["spec"])

    def _consider(self, job: Raw) -> None:
        """Begin with a Job that may run; stop one whose deadline was pulled in."""
        name = job["metadata"]["name"]
        if job["spec"].get("suspend") or job_status.ended(job):
            return
        if name not in self._running:
            task = self._running[name] = asyncio.create_task(self._run(name), name=name)
            task.add_done_callback(self._over)
        elif _pulled_in(job):
            self._expire(name)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task.get_name(), None)
        self._children.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()) is not None and not self.failed.done():
            self.failed.set_exception(error)

    async def _run(self, name: str) -> None:
        """The whole life of a Job, from its Pod to its last condition."""
        job = self._job(name)
        pod = self._pod(name)
        if job is None or (pod is None and "deletionTimestamp" in job["metadata"]):
            return
        if pod is None and (_pulled_in(job) or job["spec"].get("parallelism") == 0):
            self._set_job(name, job_status.job_failed(job.get("status") or {}, _now(), overdue=True, pods=0))
            return
        if pod is None:
            pod = self._create_pod(job)
        child = self._children[name] = Child(self._folder / name)
        skip, anew = child.begun(), child.interrupted and _is_undo(job)
        if anew:
            child.forget()
        try:
            self._start(child, job, pod, anew=anew)
        except StartError as error:
            self._end_pod(pod, error.exit_code, str(error), reason="StartError")
            self._end_job(name, succeeded=False)
            return
        if "deletionTimestamp" in pod["metadata"]:
            self._stop(name, pod["spec"])
        with self._deadline(name), self._followed(child, job, skip=skip):
            code = await child.wait()
        if code is None:
            code = KILLED_EXIT_CODE if child.stopped else UNKNOWN_EXIT_CODE
        self._end_pod(pod, code, _message(child, code))
        self._end_job(name, succeeded=code == 0)

    def _create_pod(self, job: Raw) -> Raw:
        """Write the Pod of a Job down, with the boot in which its process begins."""
        metadata, template = job["metadata"], job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
        labels = {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": metadata["name"]}
        name = _pod_name(metadata["name"])
        pod_metadata = {
            "name": name,
            "labels": labels,
            "annotations": {_ANNOTATION_BOOT: _boot_id()},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        }
        spec = {**template["spec"], "nodeName": "local"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": pod_metadata, "spec": spec}
        self._store.create("pods", pod, self._namespace)
        return self._store.set_status("pods", name, job_status.pod_running(_now()), self._namespace)

    def _start(self, child: Child, job: Raw, pod: Raw, *, anew: bool) -> None:
        """Start the process, unless it was started before. Raises StartError."""
        status = job.get("status") or {}
        if not status.get("startTime"):
            self._set_job(job["metadata"]["name"], job_status.job_running(_now()))
        same_boot = (pod["metadata"].get("annotations") or {}).get(_ANNOTATION_BOOT) == _boot_id() != ""
        known = same_boot or anew or not status.get("startTime")
        child.prepare()
        if child.begun() or not known:
            return
        fields = {f"metadata.{key}": pod["metadata"][key] for key in ("name", "namespace", "uid")}
        process = ContainerProcess.of(pod["spec"]["containers"][0], fields, child.termination_log)
        try:
            child.start(process.command, process.env, process.folder)
        except OSError as error:
            raise StartError(f"{process.command[0]}: {error.strerror or error}") from error

    @contextmanager
    def _followed(self, child: Child, job: Raw, *, skip: bool) -> Iterator[None]:
        """Tell what the process writes."""
        labels = job["metadata"]["labels"]
        step, direction = labels[LABEL_STEP], Direction(labels[LABEL_DIRECTION])
        log = StepLog(child.log, lambda line: self._said(step, direction, line), skip=skip)
        following = asyncio.create_task(log.follow())
        try:
            yield
        finally:
            following.cancel()
            log.finish()

    @contextmanager
    def _deadline(self, name: str) -> Iterator[None]:
        """Stop the process when the Job's deadline passes, or passed while no runner was there."""
        job = self._job(name)
        seconds = job["spec"].get("activeDeadlineSeconds") if job else None
        if job is None or seconds is None:
            yield
            return
        ends = datetime.fromisoformat(job["status"]["startTime"]) + timedelta(seconds=seconds)
        left = (ends - datetime.now(UTC)).total_seconds()
        timer = asyncio.get_running_loop().call_later(max(0.0, left), self._expire, name)
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self, name: str) -> None:
        """The Job's deadline has passed."""
        child, job = self._children.get(name), self._job(name)
        if child is not None and job is not None and child.exit_code() is None and name not in self._overdue:
            self._overdue.add(name)
            self._stop(name, job["spec"]["template"]["spec"])

    def _stop(self, name: str, pod_spec: Raw) -> None:
        """Ask the process to end, and kill it after its grace period."""
        child = self._children.get(name)
        if child is not None:
            child.stop()
            grace = pod_spec.get("terminationGracePeriodSeconds", GRACE_SECONDS_DEFAULT)
            asyncio.get_running_loop().call_later(grace, child.signal, signal.SIGKILL)

    def _end_pod(self, pod: Raw, code: int, message: str, *, reason: str | None = None) -> None:
        """Write down how the container ended; take a Pod out that is being deleted."""
        name = pod["metadata"]["name"]
        current = self._store.get("pods", name, self._namespace)
        if current is None:
            return
        status = job_status.pod_ended(code, message, _now(), reason=reason)
        self._store.set_status("pods", name, status, self._namespace)
        if "deletionTimestamp" in current["metadata"]:
            self._store.remove("pods", name, self._namespace)

    def _end_job(self, name: str, *, succeeded: bool) -> None:
        job = self._job(name)
        if job is None:
            return
        before, now = job.get("status") or {}, _now()
        if succeeded:
            self._set_job(name, job_status.job_complete(before, now))
        else:
            overdue = name in self._overdue or _pulled_in(job)
            self._set_job(name, job_status.job_failed(before, now, overdue=overdue))

    def _job(self, name: str) -> Raw | None:
        return self._store.get("jobs", name, self._namespace)

    def _pod(self, job: str) -> Raw | None:
        return self._store.get("pods", _pod_name(job), self._namespace)

    def _set_job(self, name: str, status: job_status.Status) -> None:
        self._store.set_status("jobs", name, status, self._namespace)


def _is_undo(job: Raw) -> bool:
    """Whether the Job is an undo: it may run again, so one that a person interrupted has not used up an attempt."""
    return bool(job["metadata"]["labels"][LABEL_DIRECTION] == Direction.COMPENSATION)


def _pulled_in(job: Raw) -> bool:
    """Whether the Job was stopped: its spec changed after it was created, and only a stop does that."""
    return job["metadata"]["generation"] > 1 and job["spec"].get("activeDeadlineSeconds") is not None


def _message(child: Child, code: int) -> str:
    """The termination message; where a failed process wrote none, the end of its log."""
    if child.exit_code() is None and not child.stopped:
        return "how it ended is not known: it was killed, or the machine went down"
    written = child.termination_message(_TERMINATION_MESSAGE_BYTES_MAX)
    if code and not written:
        written = tail(child.log, _LOG_TAIL_BYTES)
    return written.decode(errors="replace")


def _pod_name(job: str) -> str:
    return f"{job}-local"


def _boot_id() -> str:
    """Tells one start of this machine from another; empty where the machine does not say."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def _now() -> str:
    return rfc3339(datetime.now(UTC).replace(microsecond=0))
