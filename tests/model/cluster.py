"""What the cluster and other people do by themselves: Jobs end, Pods go, Jobs are deleted by somebody."""

from collections.abc import Iterator

from kubesaga.api import names
from kubesaga.api.names import Direction
from model.configuration import Configuration
from model.state import (
    BROKE,
    COMPLETE,
    DEADLINE,
    DEADLINE_BUT_DONE,
    DELETING,
    DONE,
    FAILED,
    FOREIGN,
    GOES_ON,
    GONE,
    NO_POD,
    OUR_UID,
    RUNS,
    TWIN_UID,
    Job,
    JobView,
    PodView,
)

Jobs = tuple[Job, ...]


def first_jobs(configuration: Configuration) -> Jobs:
    """The Jobs that are there before the Workflow is."""
    steps = [step["name"] for step in configuration.spec["steps"]]
    if configuration.stranger == "twin":
        twins = (names.job_name(TWIN_UID, name, Direction.FORWARD, 1) for name in steps)
        return tuple(sorted(Job(name, 0, False, FOREIGN, NO_POD) for name in twins))
    if configuration.stranger == "squatter":
        return (Job(names.job_name(OUR_UID, steps[0], Direction.FORWARD, 1), 0, False, FOREIGN, NO_POD),)
    return ()


def events(job: Job, *, may_fail: bool, lingers: bool) -> Iterator[tuple[str, Job]]:
    """What may become of a Job next, as a verb and the Job."""
    match job.says, job.pod:
        case "", "runs":
            yield "succeeds", job._replace(pod=DONE)
            if may_fail:
                yield "fails", job._replace(pod=BROKE, says=FAILED)
            if job.stopped:
                yield "is stopped", job._replace(pod=BROKE, says=DEADLINE)
            if job.stopped and lingers:
                yield "says Failed while its Pod runs", job._replace(says=DEADLINE)
        case "", "Succeeded":
            yield "says Complete", job._replace(says=COMPLETE)
            if job.stopped:
                yield "says DeadlineExceeded, though done", job._replace(says=DEADLINE_BUT_DONE)
        case "DeadlineExceeded", "runs":
            yield "loses its last Pod", job._replace(pod=BROKE)
        case "being deleted", _:
            yield "is gone", job._replace(says=GONE)
        case "gone", "runs":
            yield "loses its last Pod", job._replace(pod=BROKE)


def deletable(job: Job) -> bool:
    """Whether somebody else may delete it: the Pod may run for a while after that."""
    return job.ours and job.says not in (GONE, DELETING)


def deleted(job: Job) -> Job:
    """The Job after somebody deleted it."""
    return job._replace(says=GONE)


def runs(job: Job) -> bool:
    """Whether its Pod may have an effect at this moment."""
    return job.pod == RUNS


def at_rest(job: Job) -> bool:
    """Whether nothing becomes of it any more."""
    return not any(events(job, may_fail=True, lingers=False))


def job_views(jobs: Jobs) -> tuple[JobView, ...]:
    """What a list of our Jobs shows."""
    return tuple(JobView(j.name, j.count, j.stopped, j.says) for j in jobs if j.exists and j.ours)


def pod_views(jobs: Jobs) -> tuple[PodView, ...]:
    """What a list of our Pods shows. Those of a Job that is gone go when they have ended."""
    return tuple(PodView(j.name, j.count, j.pod) for j in jobs if j.pod != NO_POD and (j.exists or runs(j)))


def living(jobs: Jobs, name: str) -> Job | None:
    """The Job of that name, if there is one."""
    return next((job for job in jobs if job.name == name and job.exists), None)


def with_job(jobs: Jobs, job: Job) -> Jobs:
    """The Jobs with one of them added, or in its new form."""
    others = (one for one in jobs if (one.name, one.count) != (job.name, job.count))
    return tuple(sorted((*others, job)))


def made(jobs: Jobs, name: str, says: str = GOES_ON) -> Job:
    """A new Job of that name. Its Pod runs at once: before that it could only be stopped, as one that runs."""
    count = sum(job.name == name for job in jobs)
    return Job(name, count, False, says, RUNS if says == GOES_ON else NO_POD)
