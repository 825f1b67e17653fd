"""Whether a Job is settled: terminal, and no Pod of it left running or terminating.

Retries and undos start only after what came before them is settled, so that two Pods of one step never overlap.
"""

from collections.abc import Iterable
from enum import Enum

from kubesaga.engine.observation import JobObservation, Observed, PodObservation


class Settlement(Enum):
    """How far a Job is from being over."""

    SETTLED = "settled"
    UNSETTLED = "unsettled"
    UNCONFIRMED = "unconfirmed"
    """Not in the cache; a live read has to say whether it is gone."""


def settlement(name: str, job_uid: str | None, observed: Observed) -> Settlement:
    """How far the Job of that name is. `job_uid` finds its Pods where the Job itself is gone."""
    job = observed.jobs.get(name)
    if job is None and name not in observed.confirmed:
        return Settlement.UNCONFIRMED
    uid = job.uid if job else job_uid
    over = _over(job) and not unended(observed.pods.get(uid or "", ()))
    return Settlement.SETTLED if over else Settlement.UNSETTLED


def unended(pods: Iterable[PodObservation]) -> tuple[PodObservation, ...]:
    """The Pods that run, may run or are still terminating."""
    return tuple(pod for pod in pods if not pod.ended)


def _over(job: JobObservation | None) -> bool:
    """Whether the Job itself says that nothing of it runs or will run. A Job that is gone has nothing more to say."""
    return job is None or job.tombstone or (job.terminal and not job.active and not job.terminating)
