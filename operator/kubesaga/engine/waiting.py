"""Why a Job that exists does not run yet, in words for its step's message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kubesaga.api.limits import STEP_MESSAGE_BYTES_MAX
from kubesaga.engine.observation import JobObservation, PodObservation
from kubesaga.engine.text import clip

POD_WAITS_AFTER: Final = timedelta(seconds=5)
"""Scheduling and starting a container usually take less; before that a waiting Pod is no news."""

NO_POD_AFTER: Final = timedelta(seconds=30)
"""The Job controller creates a Pod within seconds; after this long something refuses it (a quota, an admission)."""

_SAME_KIND: Final = {"ErrImagePull": "ImagePullBackOff"}  # The kubelet swings between the two for as long as it tries.


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a Job waits for, and when to look again where nothing will be observed."""

    message: str | None = None
    look_again: datetime | None = None


def why_waiting(job: JobObservation, pods: Sequence[PodObservation], said: str | None, now: datetime) -> Waiting:
    """Why the Job does not run. `said` is the message so far: one that says the same kind of thing is kept."""
    if job.suspended:
        return Waiting("the Job is suspended")
    if not pods:
        return _without_pod(job, now)
    waiting = next((pod.waiting for pod in pods if pod.waiting and not pod.ended), "")
    if not waiting:
        return Waiting()
    if now < job.created + POD_WAITS_AFTER:
        return Waiting(look_again=job.created + POD_WAITS_AFTER)
    if said is not None and _kind(said) == _kind(waiting):
        return Waiting(said)
    return Waiting(clip(" ".join(waiting.split()), STEP_MESSAGE_BYTES_MAX))


def _without_pod(job: JobObservation, now: datetime) -> Waiting:
    due = max(job.created, job.start_time or job.created) + NO_POD_AFTER
    if now < due:
        return Waiting(look_again=due)
    seconds = int(NO_POD_AFTER.total_seconds())
    return Waiting(f"the Job {job.name} has had no Pod for {seconds} s: kubectl describe says why")


def _kind(message: str) -> str:
    kind = message.split(":", 1)[0]
    return _SAME_KIND.get(kind, kind)
