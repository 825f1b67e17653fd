"""Carries out the actions of a decision, after its status was written."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kubesaga.api.names import LABEL_WORKFLOW_UID
from kubesaga.api.workflow import Workflow
from kubesaga.controller.cluster import Cluster, Raw
from kubesaga.controller.errors import ClusterError, Conflict, Exists, NotFound, Refused, Unavailable
from kubesaga.controller.object_cache import ObjectCache
from kubesaga.controller.places import Places
from kubesaga.controller.settings import ACTIONS_AT_ONCE
from kubesaga.controller.workflow_cache import WorkflowCache
from kubesaga.engine.action import (
    Action,
    ClaimPlace,
    ConfirmJob,
    CreateJob,
    CreateWorkflow,
    DeleteJob,
    DeleteWorkflow,
    ReadNamespace,
    ReleasePlace,
    SetFinalizers,
    StopJob,
)
from kubesaga.engine.observation import JobObservation, PodObservation, Refusal, ResubmissionObservation

_log = logging.getLogger(__name__)

_INTERNAL_ERROR: Final = 500
"""What an API server that is there answers where an admission webhook cannot be called: the step waits, and says so."""

_INVALID: Final = 422


@dataclass(slots=True)
class Aftermath:
    """What the next pass has to know of the actions of this one."""

    refusals: dict[str, Refusal] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    errors: list[ClusterError] = field(default_factory=list)
    namespace_terminating: bool | None = None
    resubmission: ResubmissionObservation | None = None
    line_read: bool = False
    """Whether the line of its concurrency key was changed or read live."""
    again: bool = False
    """Whether something else was done that the next pass has to go on from: what a call returned is in the cache, so no
    watch shows it as new."""

    @property
    def pass_again(self) -> bool:
        """Whether the engine has to hear of it at once."""
        return bool(self.refusals or self.confirmed or self.again)


class Effects:
    """Does actions through a Cluster and takes what it returns into the caches at once."""

    def __init__(
        self,
        cluster: Cluster,
        workflows: WorkflowCache,
        jobs: ObjectCache[JobObservation],
        pods: ObjectCache[PodObservation],
        places: Places,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._workflows = workflows
        self._jobs = jobs
        self._pods = pods
        self._places = places
        self._now = now

    async def carry_out(self, workflow: Workflow, actions: Sequence[Action]) -> Aftermath:
        """Do every action; one that fails holds up no other."""
        aftermath = Aftermath()
        room = asyncio.Semaphore(ACTIONS_AT_ONCE)

        async def one(action: Action) -> None:
            async with room:
                try:
                    await self._do(workflow, action, aftermath)
                except ClusterError as error:
                    aftermath.errors.append(error)

        await asyncio.gather(*(one(action) for action in actions))
        return aftermath

    async def _do(self, workflow: Workflow, action: Action, aftermath: Aftermath) -> None:
        match action:
            case CreateJob():
                await self._create(workflow, action, aftermath)
            case StopJob():
                await self._stop(workflow, action, aftermath)
            case DeleteJob():
                await self._delete(workflow, action, aftermath)
            case ConfirmJob(name=name):
                await self._confirm(workflow, name)
                aftermath.confirmed.add(name)
            case DeleteWorkflow(uid=uid, resource_version=version):
                await self._delete_workflow(workflow, uid, version)
            case SetFinalizers():
                await self._set_finalizers(workflow, action, aftermath)
            case ReadNamespace():
                aftermath.namespace_terminating = await self._is_terminating(workflow.namespace)
                aftermath.again = True
            case CreateWorkflow():
                aftermath.resubmission = await self._resubmit(workflow, action)
                aftermath.again = True
            case ClaimPlace():
                await self._places.claim(workflow, action)
                aftermath.line_read = aftermath.again = True
            case ReleasePlace():
                await self._places.release(workflow, action)

    async def _create(self, workflow: Workflow, action: CreateJob, aftermath: Aftermath) -> None:
        fields = {"namespace": workflow.namespace, "workflow": workflow.name, "step": action.step, "job": action.name}
        try:
            self._take(workflow, await self._cluster.create_job(workflow.namespace, action.manifest), aftermath)
            _log.info("Tombstone created" if action.tombstone else "Job created", extra=fields)
        except Exists as exists:
            await self._adopt(workflow, action.name, exists, aftermath)
        except Conflict as met:
            raise _again(met) from met
        except (Refused, Unavailable) as refused:
            if isinstance(refused, Unavailable) and refused.code != _INTERNAL_ERROR:
                raise
            _log.warning("Job refused", extra={**fields, "code": refused.code, "answer": refused.message})
            aftermath.refusals[action.name] = self._refusal(refused)

    async def _adopt(self, workflow: Workflow, name: str, exists: Exists, aftermath: Aftermath) -> None:
        """The Job is there: ours, if it was created before a crash; else the name is somebody else's."""
        aftermath.again = True  # It may have ended, or been deleted, since.
        asked_at = self._jobs.clock()
        try:
            raw = await self._cluster.read_job(workflow.namespace, name)
        except NotFound:
            return
        job = JobObservation.parse(raw)
        if job.owner_uid == workflow.uid:
            self._jobs.put(workflow.uid, job, asked_at=asked_at)
        else:
            aftermath.refusals[name] = self._refusal(exists)

    async def _stop(self, workflow: Workflow, action: StopJob, aftermath: Aftermath) -> None:
        try:
            raw = await self._cluster.patch_job(workflow.namespace, action.name, action.patch)
            self._take(workflow, raw, aftermath)
        except Refused as refused:
            if not _is_replaced(refused):
                raise
            self._drop(action.uid, aftermath)
        _log.info("Job stopped", extra={"workflow": workflow.name, "job": action.name})

    async def _delete(self, workflow: Workflow, action: DeleteJob, aftermath: Aftermath) -> None:
        try:
            await self._cluster.delete_job(workflow.namespace, action.name, action.uid)
        except (NotFound, Conflict):
            self._drop(action.uid, aftermath)
        _log.info("Job deleted to undo its step", extra={"workflow": workflow.name, "job": action.name})

    async def _confirm(self, workflow: Workflow, name: str) -> None:
        """Read a Job and its Pods live, and let the caches know."""
        try:
            asked_at = self._jobs.clock()
            job = JobObservation.parse(await self._cluster.read_job(workflow.namespace, name))
            self._jobs.put(workflow.uid, job, asked_at=asked_at)
        except NotFound:
            for job in list(self._jobs.group(workflow.uid).values()):
                if job.name == name:
                    self._jobs.remove(job.uid)
        for raw in await self._cluster.pods_of_job(workflow.namespace, name):
            if (raw["metadata"].get("labels") or {}).get(LABEL_WORKFLOW_UID) == workflow.uid:
                self._pods.put(workflow.uid, PodObservation.parse(raw))

    async def _delete_workflow(self, workflow: Workflow, uid: str, resource_version: str) -> None:
        try:
            await self._cluster.delete_workflow(workflow.namespace, workflow.name, uid, resource_version)
            _log.info("Workflow deleted after its time to live", extra={"workflow": workflow.name})
        except (NotFound, Conflict):
            pass  # It is gone, or it changed: the watch tells.

    async def _set_finalizers(self, workflow: Workflow, action: SetFinalizers, aftermath: Aftermath) -> None:
        """Set the finalizers; where the Workflow changed meanwhile, the next pass decides anew."""
        patch = {"metadata": {"resourceVersion": action.resource_version, "finalizers": list(action.finalizers)}}
        try:
            raw = await self._cluster.patch_workflow(workflow.namespace, workflow.name, patch)
        except NotFound:
            return  # It is gone; the watch tells.
        except Conflict:
            raw = await self._cluster.read_workflow(workflow.namespace, workflow.name)
        if not workflow.deleting:  # Else this may have been the last that was seen of it.
            self._workflows.put(raw)
            aftermath.again = True
        _log.info("Finalizers set", extra={"workflow": workflow.name, "finalizers": " ".join(action.finalizers)})

    async def _is_terminating(self, namespace: str) -> bool:
        try:
            raw = await self._cluster.read_namespace(namespace)
        except NotFound:
            return True
        return "deletionTimestamp" in raw["metadata"]

    async def _resubmit(self, workflow: Workflow, action: CreateWorkflow) -> ResubmissionObservation | None:
        """Create the new Workflow, or find the one that was created before a crash; None to try again."""
        try:
            raw = await self._cluster.create_workflow(workflow.namespace, action.manifest)
        except Exists as exists:
            try:
                raw = await self._cluster.read_workflow(workflow.namespace, action.name)
            except NotFound:
                return None  # It was deleted since.
            wanted = action.manifest["metadata"]["annotations"].items()
            if not wanted <= (raw["metadata"].get("annotations") or {}).items():
                return ResubmissionObservation(None, exists.message)
        except Conflict as met:
            raise _again(met) from met
        except Refused as refused:
            return ResubmissionObservation(None, refused.message)
        return ResubmissionObservation(raw["metadata"]["uid"])

    def _take(self, workflow: Workflow, raw: Raw, aftermath: Aftermath) -> None:
        """What a call returned is news as much as what a watch shows, which will tell nothing new of it."""
        aftermath.again |= self._jobs.put(workflow.uid, JobObservation.parse(raw))

    def _drop(self, uid: str, aftermath: Aftermath) -> None:
        """A Job is gone, or replaced: the next pass reads it live."""
        self._jobs.remove(uid)
        aftermath.again = True

    def _refusal(self, refused: ClusterError) -> Refusal:
        return Refusal(refused.code, refused.reason, refused.message, self._now())


def _is_replaced(refused: Refused) -> bool:
    """Whether the object that was meant is not there any more: a patch with another's uid is answered as invalid."""
    return isinstance(refused, (NotFound, Conflict)) or (refused.code == _INVALID and "metadata.uid" in refused.message)


def _again(met: Conflict) -> Unavailable:
    """What is new is bound to no version: its create met the write of something else, such as the count of a quota."""
    return Unavailable(met.code, met.reason, met.message)
