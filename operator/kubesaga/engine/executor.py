"""StepExecutor: the actions that carry out, stop and close attempts."""

from collections.abc import Mapping
from dataclasses import replace

from kubesaga.api.container import Container
from kubesaga.api.names import Direction, idempotency_key, job_name
from kubesaga.api.status import CompensationStatus, Execution, StepStatus, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import CreateJob, DeleteJob, StopJob
from kubesaga.engine.attempt import STOP_DEADLINE_SECONDS
from kubesaga.engine.context import Context
from kubesaga.engine.manifest import EffectKeys, JobIdentity, job_manifest, tombstone_manifest
from kubesaga.engine.observation import JobObservation
from kubesaga.engine.plan import Plan, PlannedFallback, PlannedStep
from kubesaga.engine.way import job_direction, planned_for


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
        container, timeout = self._runs(step, record)
        context = Context(
            self._workflow,
            self._plan,
            steps,
            lenient=direction is not Direction.FORWARD,
            attempt=attempt,
            failure=status.failure,
            ending=status.finally_,
        )
        identity = JobIdentity(
            step, job_direction(direction, record), attempt, record.epoch, self._keys(step, direction, record, status)
        )
        manifest = job_manifest(self._workflow, identity, container, self._plan.pod, context, timeout)
        return CreateJob(manifest["metadata"]["name"], manifest, step, direction, attempt)

    def _keys(self, step: str, direction: Direction, record: Execution, status: WorkflowStatus) -> EffectKeys:
        """The keys of the effects that a Job of that direction has to do with."""
        uid = self._workflow.uid
        if direction is Direction.FINALLY:  # Every epoch has an end of its own, whose effect is wanted anew.
            return EffectKeys(idempotency_key(uid, step, direction, record.epoch))

        def incarnation(way: Direction) -> int:
            begun = status.fallback_incarnations if way is Direction.FALLBACK else status.incarnations
            return begun.get(step, 1)

        def done(way: Direction) -> str:
            return idempotency_key(uid, step, way, incarnation(way))

        if not isinstance(record, CompensationStatus):
            return EffectKeys(done(job_direction(direction, record)))
        own = idempotency_key(uid, step, direction, incarnation(record.way), way=record.way)
        fallback = done(Direction.FALLBACK) if self._plan.by_name[step].fallback is not None else None
        return EffectKeys(own, done(Direction.FORWARD), fallback)

    def _runs(self, step: str, record: Execution) -> tuple[Container, int | None]:
        """What a Job of that record runs, and how long at most."""
        planned = planned_for(self._plan, step, record)
        runs = planned.work if isinstance(planned, PlannedStep | PlannedFallback) else planned.container
        assert isinstance(runs, Container), step  # noqa: S101 - nothing else is ever in flight as a Job
        return runs, planned.timeout_seconds

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
