"""Whether a Job is settled: terminal, and no Pod of it left running or terminating.

Retries and undos start only after what came before them is settled, so that two Pods of one step never overlap.
"""

from collections.abc import Iterable
from enum import Enum

from kubesaga.api.status import Execution
from kubesaga.engine.observation import JobObservation, Observed, PodObservation


class Settlement(Enum):
    """How far a Job is from being over."""

    SETTLED = "settled"
    UNSETTLED = "unsettled"
    UNCONFIRMED = "unconfirmed"
    """Not in the cache; a live read has to say whether it is gone."""


def settlement(name: str, record: Execution, observed: Observed) -> Settlement:
    """How far the Job of that name is, the last one that `record` speaks of.

    One whose Pod a person took for ended is settled: while its record was in flight, it was stopped first.
    """
    job = observed.jobs.get(name)
    if job is None and name not in observed.confirmed:
        return Settlement.UNCONFIRMED
    if record.assumed_stopped:
        return Settlement.SETTLED
    over = _over(job) and not unended_pods(name, record, observed)
    return Settlement.SETTLED if over else Settlement.UNSETTLED


def unended_pods(name: str, record: Execution, observed: Observed) -> tuple[PodObservation, ...]:
    """The Pods of that Job that have not ended. The record finds those of a Job that is gone, or was replaced."""
    job = observed.jobs.get(name)
    there = unended(observed.pods.get(job.uid, ())) if job is not None else ()
    if record.job_uid is None or (job is not None and record.job_uid == job.uid):
        return there
    return (*unended(observed.pods.get(record.job_uid, ())), *there)


def place(pod: PodObservation) -> str:
    """A Pod and where it is, in words."""
    return f"Pod {pod.name} on node {pod.node or '(none yet)'}"


def unended(pods: Iterable[PodObservation]) -> tuple[PodObservation, ...]:
    """The Pods that run, may run or are still terminating."""
    return tuple([pod for pod in pods if not pod.ended])


def _over(job: JobObservation | None) -> bool:
    """Whether the Job itself says that nothing of it runs or will run. A Job that is gone has nothing more to say."""
    return job is None or job.tombstone or (job.terminal and not job.active and not job.terminating)
