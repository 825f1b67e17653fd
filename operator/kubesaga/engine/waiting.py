"""Why a Job that exists does not run yet, in words for its step's message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kubesaga.engine.observation import JobObservation, PodObservation

POD_WAITS_AFTER: Final = timedelta(seconds=5)
"""Scheduling and starting a container usually take less; before that a waiting Pod is no news."""

BEGINS_WITHIN: Final = timedelta(seconds=30)
"""A Job has a Pod, and its container begins, within seconds; after this long something prevents it."""

_SECONDS: Final = int(BEGINS_WITHIN.total_seconds())

_SAME_KIND: Final = {"ErrImagePull": "ImagePullBackOff"}  # The kubelet swings between the two for as long as it tries.


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a Job waits for, of any length, and when to look again where nothing will be observed."""

    message: str | None = None
    look_again: datetime | None = None


def why_waiting(job: JobObservation, pods: Sequence[PodObservation], said: str | None, now: datetime) -> Waiting:
    """Why the Job does not run. `said` is the message so far: one that says the same kind of thing is kept."""
    if job.suspended:
        return Waiting("the Job is suspended")
    if not pods:
        return _without_pod(job, now)
    if (deleted := next((pod for pod in pods if pod.deletion_time and not pod.ended), None)) is not None:
        return Waiting(f"Pod {deleted.name} on node {deleted.node or '(none yet)'} was deleted, and has not ended")
    waiting = next((pod.waiting for pod in pods if pod.waiting and not pod.ended), "")
    if not waiting:
        return _pending(job, pods, now)
    if now < job.created + POD_WAITS_AFTER:
        return Waiting(look_again=job.created + POD_WAITS_AFTER)
    if said is not None and _kind(said) == _kind(waiting):
        return Waiting(said)
    return Waiting(" ".join(waiting.split()))


def _without_pod(job: JobObservation, now: datetime) -> Waiting:
    return _overdue(job, now, f"no Pod for {_SECONDS} s: kubectl describe job {job.name} says why")


def _pending(job: JobObservation, pods: Sequence[PodObservation], now: datetime) -> Waiting:
    """A Pod that gives no reason is being prepared: its images are pulled, its volumes mounted."""
    pod = next((pod for pod in pods if pod.phase == "Pending"), None)
    if pod is None:
        return Waiting()
    where = f" on node {pod.node}" if pod.node else ""
    return _overdue(job, now, f"the container does not begin{where}: kubectl describe pod {pod.name} says why")


def _overdue(job: JobObservation, now: datetime, message: str) -> Waiting:
    due = max(job.created, job.start_time or job.created) + BEGINS_WITHIN
    return Waiting(look_again=due) if now < due else Waiting(message)


def _kind(message: str) -> str:
    kind = message.split(":", 1)[0]
    return _SAME_KIND.get(kind, kind)
