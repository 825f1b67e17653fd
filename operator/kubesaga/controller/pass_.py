"""One pass of the controller over one Workflow: observe, decide, write, act, tell."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from kubesaga.api.workflow import Workflow
from kubesaga.controller.cluster import Cluster, Raw
from kubesaga.controller.containment import stall_patch
from kubesaga.controller.effects import Aftermath, Effects
from kubesaga.controller.errors import ClusterError, Conflict, NotFound, Refused, Unavailable
from kubesaga.controller.event_manifest import event_manifest
from kubesaga.controller.object_cache import ObjectCache
from kubesaga.controller.places import Places
from kubesaga.controller.plan_cache import PlanCache
from kubesaga.controller.queue import Key
from kubesaga.controller.settings import PASS_REST_FACTOR, REST_SECONDS_MIN, WRITE_REST_FACTOR
from kubesaga.controller.status_patch import status_patch
from kubesaga.controller.telemetry import Telemetry
from kubesaga.controller.workflow_cache import CachedWorkflow, WorkflowCache
from kubesaga.engine.decision import RECORD_WITHIN_SECONDS, Decision, Event, PhaseTransition, StepTransition, Write
from kubesaga.engine.observation import JobObservation, Observed, PodObservation, Refusal
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.reconcile import reconcile

_log = logging.getLogger(__name__)

Watcher = Callable[[Workflow, Decision], None]
"""Called with the Workflow and its decision after the status was written."""


@dataclass(slots=True)
class _Memory:
    """What is kept between two passes of a Workflow; all of it may be lost."""

    refusals: dict[str, Refusal] = field(default_factory=dict)
    aftermath: Aftermath = field(default_factory=Aftermath)
    """What the last pass's actions found out: told to the engine once."""
    rests_until: float = 0.0
    """Before that time no pass is made: while many Jobs run, one write carries what became of several."""
    unwritten_since: float | None = None
    """When a lazy change was first put off."""


class Pass:
    """Makes passes. The status is written first; only when that is accepted is anything done."""

    def __init__(
        self,
        cluster: Cluster,
        workflows: WorkflowCache,
        jobs: ObjectCache[JobObservation],
        pods: ObjectCache[PodObservation],
        places: Places,
        telemetry: Telemetry,
        now: Callable[[], datetime],
        watcher: Watcher | None,
    ) -> None:
        self._cluster = cluster
        self._workflows = workflows
        self._jobs = jobs
        self._pods = pods
        self._places = places
        self._telemetry = telemetry
        self._now = now
        self._watcher = watcher
        self._plans = PlanCache(WorkflowPlanner().plan)
        self._effects = Effects(cluster, workflows, jobs, pods, places, now)
        self._memories: dict[Key, _Memory] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def forget(self, key: Key, uid: str) -> None:
        """Drop what is kept of a Workflow that is gone."""
        self._memories.pop(key, None)
        self._plans.forget(uid)

    async def run(self, key: Key) -> float | None:
        """Pass once. Returns in how many seconds to pass again, None where only an event calls for it.

        Raises where the pass has to be tried again after a back-off; whatever went wrong is reported before.
        """
        cached = self._workflows.get(key)
        if cached is None:
            return None
        try:
            return await self._run(key, cached)
        except Unavailable as error:
            _log.warning("API server unavailable", extra={"workflow": key[1], "error": str(error)})
            raise
        except NotFound:
            return None  # The Workflow is gone; the watch tells.
        except Exception as error:
            self._telemetry.failed_pass()
            invalid = isinstance(error, ValidationError)
            _log.error("Pass failed", extra={"workflow": key[1], "namespace": key[0]}, exc_info=not invalid)
            await self._contain(key, cached, error)
            raise

    async def _run(self, key: Key, cached: CachedWorkflow) -> float | None:
        memory = self._memories.setdefault(key, _Memory())
        rest = memory.rests_until - asyncio.get_running_loop().time()
        if rest > 0:
            return rest
        workflow = cached.workflow()
        planned, fresh = await self._plans.get(workflow)
        if fresh and isinstance(planned, Plan):
            fields = {"namespace": workflow.namespace, "workflow": workflow.name, "steps": len(planned.steps)}
            _log.info("Plan created", extra=fields)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        decision = reconcile(workflow, planned, self._observed(cached, memory), self._now())
        took = loop.time() - begun
        self._telemetry.pass_seconds.observe(took)
        if decision.in_flight > 1:
            memory.rests_until = loop.time() + PASS_REST_FACTOR * took
        memory.aftermath = Aftermath()
        put_off = self._put_off(memory) if decision.write is Write.LAZY else None
        if put_off is None and decision.write is not Write.NONE:
            try:
                await self._write(key, cached, workflow, decision, memory)
            except Refused as refused:
                raw = await self._cluster.read_workflow(*key)
                if not self._is_stale(workflow, raw, refused):
                    raise
                self._workflows.put(raw)
                return 0.0
        elif put_off is None:
            self._tell_all(workflow, decision)
        if self._workflows.key_of(cached.uid) is None:
            return None  # It was deleted meanwhile: nothing is begun for it any more.
        aftermath = await self._effects.carry_out(workflow, decision.actions)
        memory.refusals |= aftermath.refusals
        memory.aftermath = aftermath
        if aftermath.errors:
            raise aftermath.errors[0]
        if aftermath.pass_again:
            return 0.0
        return self._delay(decision, put_off)

    def _is_stale(self, workflow: Workflow, raw: Raw, refused: Refused) -> bool:
        """Whether a write was refused because the Workflow changed: a patch of an older one need not fit it at all."""
        return isinstance(refused, Conflict) or raw["metadata"]["resourceVersion"] != workflow.resource_version

    def _observed(self, cached: CachedWorkflow, memory: _Memory) -> Observed:
        uid = cached.uid
        pods: dict[str, tuple[PodObservation, ...]] = {}
        for pod in self._pods.group(uid).values():
            pods[pod.job_uid or ""] = (*pods.get(pod.job_uid or "", ()), pod)
        jobs = {job.name: job for job in self._jobs.group(uid).values()}
        for name in [name for name in memory.refusals if name in jobs]:
            del memory.refusals[name]
        seen = memory.aftermath
        return Observed(
            jobs,
            pods,
            memory.refusals,
            frozenset(seen.confirmed),
            seen.namespace_terminating,
            seen.resubmission,
            self._places.observed(cached.line, read=seen.line_read),
        )

    def _put_off(self, memory: _Memory) -> float | None:
        """For how many seconds a lazy write is put off, so that it goes with another; None to write now."""
        now = asyncio.get_running_loop().time()
        if memory.unwritten_since is None:
            memory.unwritten_since = now
        left = memory.unwritten_since + RECORD_WITHIN_SECONDS - now
        return left if left > 0 else None

    def _delay(self, decision: Decision, put_off: float | None) -> float | None:
        """When to pass again: at the engine's own time, or when a write that was put off is due."""
        delays = [put_off] if put_off is not None else []
        if decision.wake_at is not None:
            delays.append(max(0.0, (decision.wake_at - self._now()).total_seconds()))
        return min(delays, default=None)

    async def _write(
        self, key: Key, cached: CachedWorkflow, workflow: Workflow, decision: Decision, memory: _Memory
    ) -> None:
        """Write the status, and tell of what it says once it is accepted."""
        status = decision.status.model_copy(update={"writes": workflow.status.writes + 1})
        operations = status_patch(workflow.resource_version, cached.raw.get("status"), workflow.status, status)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        raw = await self._cluster.patch_status(*key, operations)
        took = loop.time() - begun
        if decision.in_flight > 1:
            memory.rests_until = loop.time() + max(REST_SECONDS_MIN, WRITE_REST_FACTOR * took)
        memory.unwritten_since = None
        self._telemetry.write_seconds.observe(took)
        self._workflows.put(raw, status)
        self._telemetry.decided(decision)
        self._log_transitions(workflow, decision)
        if self._watcher is not None:
            self._watcher(workflow, decision)
        self._tell_all(workflow, decision)

    def _log_transitions(self, workflow: Workflow, decision: Decision) -> None:
        common = {"namespace": workflow.namespace, "workflow": workflow.name}
        for transition in decision.transitions:
            if isinstance(transition, StepTransition):
                extra = {"step": transition.step, "direction": transition.direction.value}
                extra |= {"attempt": str(transition.attempt), "state": transition.after.value}
                _log.info("Step moved", extra=common | extra)
            elif isinstance(transition, PhaseTransition):
                _log.info("Workflow moved", extra=common | {"phase": transition.after.value})
        for found in decision.inconsistencies:
            _log.warning("State inconsistent", extra=common | {"found": found})

    def _tell_all(self, workflow: Workflow, decision: Decision) -> None:
        for event in decision.events:
            self._tell(workflow, event)

    def _tell(self, workflow: Workflow, event: Event) -> None:
        """Send an Event without waiting for it: it is best effort."""
        manifest = event_manifest(workflow, event, self._now())
        self._spawn(self._cluster.create_event(manifest["metadata"]["namespace"], manifest))

    def _spawn(self, call: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            try:
                await call
            except ClusterError as error:
                _log.warning("Event not sent", extra={"error": str(error)})

        telling = asyncio.create_task(quietly())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def drain(self) -> None:
        """Wait for the Events that are under way."""
        await asyncio.gather(*self._telling)

    async def _contain(self, key: Key, cached: CachedWorkflow, error: Exception) -> None:
        """Record on the Workflow what went wrong with it, once."""
        operations = stall_patch(cached.raw, error, self._now())
        if operations:
            try:
                self._workflows.put(await self._cluster.patch_status(*key, operations))
            except ClusterError as failed:
                _log.warning("Failure not recorded", extra={"workflow": key[1], "error": str(failed)})
