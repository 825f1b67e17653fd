"""What a pass sees of the Jobs and Pods of one Workflow: small frozen views of what the API server said.

An observation may be old. Presence in it is a fact of the past; absence means nothing until a live read confirmed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from kubesaga.api.names import LABEL_CONTROLLER_UID, LABEL_TOMBSTONE, LABEL_WORKFLOW_UID
from kubesaga.engine.line import Line


@dataclass(frozen=True, slots=True)
class JobObservation:
    """One Job, as far as the engine cares."""

    name: str
    uid: str
    resource_version: str = field(compare=False)
    owner_uid: str | None
    """Uid of the controlling owner; where somebody removed every one of them, that of the Workflow of its label."""
    created: datetime
    deleting: bool
    tombstone: bool
    suspended: bool
    active_deadline_seconds: int | None
    start_time: datetime | None
    active: int
    """Pods pending or running."""
    terminating: int
    """Pods being deleted that have not ended."""
    succeeded: int
    complete: bool
    """Whether the condition Complete is True."""
    failed: bool
    """Whether the condition Failed is True."""
    failed_reason: str
    failed_message: str

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "JobObservation":
        """Read a batch/v1 Job as the API server stores it."""
        metadata, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
        conditions = {c["type"]: c for c in status.get("conditions") or () if c.get("status") == "True"}
        failed = conditions.get("Failed", {})
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
            owner_uid=_controller_uid(metadata, LABEL_WORKFLOW_UID),
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            deleting="deletionTimestamp" in metadata,
            tombstone=LABEL_TOMBSTONE in (metadata.get("labels") or {}),
            suspended=bool(spec.get("suspend")),
            active_deadline_seconds=spec.get("activeDeadlineSeconds"),
            start_time=_moment(status.get("startTime")),
            active=status.get("active") or 0,
            terminating=status.get("terminating") or 0,
            succeeded=status.get("succeeded") or 0,
            complete="Complete" in conditions,
            failed="Failed" in conditions,
            failed_reason=failed.get("reason", ""),
            failed_message=failed.get("message", ""),
        )

    @property
    def terminal(self) -> bool:
        """Whether the Job has ended, by its own conditions."""
        return self.complete or self.failed


_BY_ITSELF: Final = ("Error", "Completed")
"""Reasons of a container that ended by itself."""


@dataclass(frozen=True, slots=True)
class PodObservation:
    """One Pod, as far as the engine cares."""

    name: str
    uid: str
    resource_version: str = field(compare=False)
    job_uid: str | None
    """Uid of the controlling Job; also where it was deleted and the Pod left behind, as an orphan."""
    phase: str
    node: str
    deletion_time: datetime | None
    """When it had to be gone, if somebody deleted it: its grace period included."""
    exit_code: int | None
    """Exit code of the step's container, once it ended."""
    ended_by: str
    """What ended the container, where it did not end by itself: OOMKilled; empty else."""
    termination_message: str
    waiting: str
    """Why the container or the Pod is not running yet, in words; empty where it is or was."""
    finished: datetime | None
    disrupted: bool = False
    """Whether it was evicted, drained or preempted: another one takes its place, and its exit code says nothing."""

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "PodObservation":
        """Read a core/v1 Pod as the API server stores it."""
        metadata, status = raw["metadata"], raw.get("status") or {}
        containers = status.get("containerStatuses") or [{}]
        state = containers[0].get("state") or {}
        ended = state.get("terminated") or {}
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
            job_uid=_controller_uid(metadata, LABEL_CONTROLLER_UID),
            phase=status.get("phase", "Pending"),
            node=(raw.get("spec") or {}).get("nodeName", ""),
            deletion_time=_moment(metadata.get("deletionTimestamp")),
            exit_code=ended.get("exitCode"),
            ended_by=reason if (reason := ended.get("reason", "")) not in _BY_ITSELF else "",
            termination_message=ended.get("message", ""),
            waiting=_waiting(status, state.get("waiting") or {}),
            finished=_moment(ended.get("finishedAt")),
            disrupted=any(
                one.get("type") == "DisruptionTarget" and one.get("status") == "True"
                for one in status.get("conditions") or ()
            ),
        )

    @property
    def ended(self) -> bool:
        """Whether no container of it runs or will run."""
        return self.phase in ("Succeeded", "Failed")


def _moment(time: str | None) -> datetime | None:
    return datetime.fromisoformat(time) if time else None


def _controller_uid(metadata: Mapping[str, Any], label: str) -> str | None:
    """The uid of the controlling owner; without one, the uid that the label has kept."""
    controllers = (o["uid"] for o in metadata.get("ownerReferences") or () if o.get("controller"))
    return next(controllers, None) or (metadata.get("labels") or {}).get(label)


def _waiting(status: Mapping[str, Any], waiting: Mapping[str, Any]) -> str:
    """The reason why a Pod does not run: its container's, else the scheduler's."""
    if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}".rstrip(": ")
    return ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The API server's answer to a create that it did not accept."""

    code: int
    reason: str
    """The machine-readable reason of the Status object, such as Forbidden, Invalid, AlreadyExists."""
    message: str
    time: datetime
    """When the answer came."""

    @property
    def quota(self) -> bool:
        """Whether a resource quota refused: it may admit the Job later."""
        return self.code == 403 and "exceeded quota" in self.message

    @property
    def passing(self) -> bool:
        """Whether it is no final answer: a quota gets room, an admission webhook answers again.

        In a namespace that is being deleted it is not for the Job to decide what becomes of the Workflow.
        """
        return self.quota or self.code >= 500 or (self.code == 403 and "being terminated" in self.message)

    @property
    def conflict(self) -> bool:
        """Whether the name belongs to somebody else's Job."""
        return self.reason == "AlreadyExists"


@dataclass(frozen=True, slots=True)
class ResubmissionObservation:
    """A Workflow that was created on request, or why it was not."""

    uid: str | None
    """None where it was refused for good."""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class PlaceObservation:
    """The line of the Workflow's concurrency key."""

    key: str
    line: Line
    read: bool = False
    """Whether it was read live for this pass, because the last one claimed a place."""
    ended: frozenset[str] = frozenset()
    """Uids of those who hold a place, and have ended or are gone: they are about to leave."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that one pass sees beside the Workflow itself."""

    jobs: Mapping[str, JobObservation] = field(default_factory=dict)
    """The Workflow's Jobs by name."""
    pods: Mapping[str, tuple[PodObservation, ...]] = field(default_factory=dict)
    """Pods by the uid of the Job that controls them."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """Refused creates by Job name, as far as they are newer than what the status says of that Job."""
    confirmed: frozenset[str] = frozenset()
    """Names of Jobs that were read live (with their Pods) for this pass, because the last one asked to."""
    namespace_terminating: bool | None = None
    """Whether the namespace is being deleted, as read live for this pass; None where it was not read."""
    resubmission: ResubmissionObservation | None = None
    """What became of the Workflow that the last pass asked to create."""
    place: PlaceObservation | None = None
    """The line of its concurrency key; None where none is known."""
