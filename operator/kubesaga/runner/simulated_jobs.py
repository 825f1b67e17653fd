"""Jobs in virtual time: what a cluster would show of them, without anything being run."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from kubesaga.api.names import LABEL_DIRECTION, Direction
from kubesaga.engine.action import Action, ConfirmJob, CreateJob, DeleteJob, StopJob
from kubesaga.engine.observation import JobObservation, Observed, PodObservation


@dataclass(frozen=True, slots=True)
class Ending:
    """How one attempt ends: after how many seconds, with which exit code and termination message."""

    seconds: float
    exit_code: int = 0
    termination_message: str = ""


Script = Callable[[str, Direction, int], Ending]
"""Step, direction (Fallback for the other way of a step) and attempt -> how it ends."""


@dataclass(slots=True)
class SimulatedJobs:
    """The Jobs of one Workflow. Each ends as the script says, at the moment it says."""

    owner_uid: str
    script: Script
    jobs: dict[str, JobObservation] = field(default_factory=dict)
    pods: dict[str, tuple[PodObservation, ...]] = field(default_factory=dict)
    endings: dict[str, tuple[datetime, Ending]] = field(default_factory=dict)
    """Job -> when and how it ends."""

    def fork(self, script: Script) -> Self:
        """The same Jobs; what is created from now on goes by another script."""
        return replace(self, script=script, jobs={**self.jobs}, pods={**self.pods}, endings={**self.endings})

    def observed(self, confirmed: frozenset[str]) -> Observed:
        """What a pass sees now."""
        return Observed(self.jobs, self.pods, confirmed=confirmed)

    def apply(self, action: Action, now: datetime) -> None:
        """Do what a decision asks for."""
        match action:
            case CreateJob():
                self._create(action, now)
            case StopJob(name=name):
                self.endings[name] = (now, Ending(0, exit_code=137))
                self.jobs[name] = replace(self.jobs[name], active_deadline_seconds=1)
            case DeleteJob(name=name):
                self.pods.pop(self.jobs.pop(name).uid, None)
            case _:
                assert isinstance(action, ConfirmJob), action  # noqa: S101 - a simulated Workflow has no time to live

    def next_end(self) -> datetime | None:
        """When the next Job ends."""
        return min((moment for moment, _ in self.endings.values()), default=None)

    def end(self, now: datetime) -> None:
        """End every Job whose time has come."""
        for name in [name for name, (moment, _) in self.endings.items() if moment <= now]:
            self._end(name, self.endings.pop(name)[1], now)

    def _create(self, action: CreateJob, now: datetime) -> None:
        if action.name in self.jobs:
            return
        deadline = action.manifest["spec"].get("activeDeadlineSeconds")
        uid = f"uid-{action.name}"
        self.jobs[action.name] = JobObservation(
            name=action.name,
            uid=uid,
            resource_version="1",
            owner_uid=self.owner_uid,
            created=now,
            deleting=False,
            tombstone=action.tombstone,
            suspended=action.tombstone,
            active_deadline_seconds=deadline,
            start_time=now,
            active=0 if action.tombstone else 1,
            terminating=0,
            succeeded=0,
            complete=False,
            failed=False,
            failed_reason="",
            failed_message="",
        )
        if not action.tombstone:
            direction = Direction(action.manifest["metadata"]["labels"][LABEL_DIRECTION])
            ending = self.script(action.step, direction, action.attempt)
            if deadline is not None and ending.seconds > deadline:
                ending = Ending(deadline, exit_code=137)
            self.endings[action.name] = (now + timedelta(seconds=ending.seconds), ending)

    def _end(self, name: str, ending: Ending, now: datetime) -> None:
        job = self.jobs[name]
        success = ending.exit_code == 0
        started = job.start_time or now
        overdue = job.active_deadline_seconds is not None and now >= started + timedelta(
            seconds=job.active_deadline_seconds
        )
        stopped = ending.exit_code == 137 and job.active_deadline_seconds is not None
        reason = "DeadlineExceeded" if overdue or stopped else "BackoffLimitExceeded"
        self.jobs[name] = replace(
            job,
            active=0,
            succeeded=int(success),
            complete=success,
            failed=not success,
            failed_reason="" if success else reason,
        )
        self.pods[job.uid] = (
            PodObservation(
                name=f"{name}-pod",
                uid=f"uid-{name}-pod",
                resource_version="1",
                job_uid=job.uid,
                phase="Succeeded" if success else "Failed",
                node="simulated",
                deletion_time=None,
                exit_code=ending.exit_code,
                ended_by="",
                termination_message=ending.termination_message,
                waiting="",
                finished=now,
            ),
        )
