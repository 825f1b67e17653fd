"""StepExecutor: the actions that carry out, stop and close attempts."""

from collections.abc import Mapping
from dataclasses import replace

from kubesaga.api.container import Container
from kubesaga.api.names import Direction, job_name
from kubesaga.api.status import Execution, StepStatus, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import CreateJob, DeleteJob, StopJob
from kubesaga.engine.attempt import STOP_DEADLINE_SECONDS
from kubesaga.engine.context import Context
from kubesaga.engine.manifest import JobIdentity, job_manifest, tombstone_manifest
from kubesaga.engine.observation import JobObservation
from kubesaga.engine.plan import Plan


class StepExecutor:
    """Makes the actions of one Workflow's Jobs. Equal arguments give equal actions, in every pass and process."""

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        self._workflow = workflow
        self._plan = plan

    def name(self, step: str, direction: Direction, record: Execution, attempt: int | None = None) -> str:
        """The name of the Job of the attempt that the record speaks of, or of an earlier one."""
        return job_name(self._workflow.uid, step, direction, attempt or record.attempt, record.epoch)

    def owns(self, job: JobObservation) -> bool:
        """Whether the Job is controlled by this Workflow."""
        return job.owner_uid == self._workflow.uid

    def create(
        self,
        step: str,
        direction: Direction,
        record: Execution,
        status: WorkflowStatus,
        steps: Mapping[str, StepStatus],
        attempt: int | None = None,
    ) -> CreateJob:
        """Create the Job of the attempt that the record speaks of, or of an earlier one.

        A compensation must have a container.
        """
        attempt = attempt or record.attempt
        container, timeout = self._runs(step, direction)
        context = Context(self._workflow, self._plan, steps, direction, attempt, status.failure, status.finally_)
        incarnation = status.incarnations.get(step, 1)
        if direction is Direction.FINALLY:
            incarnation = record.epoch  # Every epoch has an end of its own, whose effect is wanted anew.
        identity = JobIdentity(step, direction, attempt, record.epoch, incarnation)
        manifest = job_manifest(self._workflow, identity, container, self._plan.pod, context, timeout)
        return CreateJob(manifest["metadata"]["name"], manifest, step, direction, attempt)

    def _runs(self, step: str, direction: Direction) -> tuple[Container, int | None]:
        """What a Job of that direction runs, and how long at most."""
        if direction is Direction.FINALLY:
            last = self._plan.finally_steps[step]
            return last.container, last.timeout_seconds
        planned = self._plan.by_name[step]
        if direction is Direction.FORWARD:
            assert isinstance(planned.work, Container), step  # noqa: S101 - other steps are never in flight as Jobs
            return planned.work, planned.timeout_seconds
        assert planned.compensation, step  # noqa: S101 - the resolver offers no others
        assert planned.compensation.container, step  # noqa: S101
        return planned.compensation.container, planned.compensation.timeout_seconds

    def tombstone(
        self,
        step: str,
        direction: Direction,
        record: Execution,
        status: WorkflowStatus,
        steps: Mapping[str, StepStatus],
        attempt: int | None = None,
    ) -> CreateJob:
        """Take the name of an attempt that must never start."""
        job = self.create(step, direction, record, status, steps, attempt)
        return replace(job, manifest=tombstone_manifest(job.manifest), tombstone=True)

    def stop(self, job: JobObservation) -> StopJob:
        """Make a Job fail and keep the object.

        While a Job is suspended its deadline does not tick: it is resumed without Pods to create, so that it fails.
        """
        spec: dict[str, object] = {"activeDeadlineSeconds": STOP_DEADLINE_SECONDS}
        if job.suspended:
            spec |= {"suspend": False, "parallelism": 0}
        return StopJob(job.name, job.uid, {"metadata": {"uid": job.uid}, "spec": spec})

    def delete(self, job: JobObservation) -> DeleteJob:
        """Delete a Job with all it owns: the undo of a step that says so."""
        return DeleteJob(job.name, job.uid)
