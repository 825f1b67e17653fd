"""The mirrored shell does what the real one does: both walk through the same worlds, in lockstep."""

import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from kubesaga.api.status import WorkflowStatus
from kubesaga.controller import pass_
from kubesaga.controller.controller import Controller
from kubesaga.controller.errors import Conflict
from kubesaga.engine.observation import JobObservation, PodObservation
from kubesaga.runner.object_store import ObjectStore
from model.brain import BACKOFF, BEGINNING, timeless
from model.configuration import CHAIN2, DELETE_JOB, ONE, TWO, Configuration, spec
from model.model import Model
from model.state import (
    BROKE,
    COMPLETE,
    DEADLINE_BUT_DONE,
    DELETING,
    FOREIGN,
    GOES_ON,
    GONE,
    NO_POD,
    OUR_UID,
    RUNS,
    Job,
    World,
)

KEY = ("default", "order")
WALKS, MOVES_MAX = 8, 100


class Store(ObjectStore):
    """An API server that gives Jobs the uids that the model gives them."""

    def __init__(self) -> None:
        super().__init__(now=lambda: BEGINNING, new_uid=lambda: OUR_UID)
        self.counts: dict[str, int] = {}

    def create(self, resource: Any, manifest: Any, namespace: str = "default") -> dict[str, Any]:
        made = super().create(resource, manifest, namespace)
        if resource != "jobs":
            return made
        name = made["metadata"]["name"]
        count = self.counts[name] = self.counts.get(name, -1) + 1
        return self.renamed("jobs", name, f"{name}.{count}")

    def renamed(self, resource: Any, name: str, uid: str) -> dict[str, Any]:
        raw = self.get(resource, name)
        assert raw is not None
        raw["metadata"]["uid"] = uid
        return self._store((resource, "default", name), raw)

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """In the foreground: it is there until the walk says that it is gone."""
        raw = await self.read_job(namespace, name)
        if raw["metadata"]["uid"] != uid:
            raise Conflict(409, "Conflict", "another uid")
        raw["metadata"]["deletionTimestamp"] = raw["metadata"]["creationTimestamp"]
        self._store(("jobs", namespace, name), raw)


class Reality:
    """The real controller's caches and passes over a store, moved by the model's moves."""

    def __init__(self, configuration: Configuration) -> None:
        self.store = Store()
        self.now = BEGINNING
        made = {"apiVersion": "kubesaga.dev/v1alpha1", "kind": "Workflow", "metadata": {"name": "order"}}
        self.store.create("workflows", {**made, "spec": configuration.spec})
        self.queued = True
        self.begin()

    def begin(self) -> None:
        """An operator that has just started."""
        self.controller = Controller(self.store, now=lambda: self.now)

    async def prime(self) -> None:
        await self.controller._list(everything=True)

    # What the model's moves are in the store

    def job_becomes(self, job: Job) -> None:
        """The cluster has changed a Job."""
        pod_name = f"{job.uid}-pod"
        there = self.store.get("jobs", job.name)
        if job.says == GONE:
            if job.pod != RUNS:
                self.store.remove("pods", pod_name)
            if there and there["metadata"]["uid"] == job.uid:
                self.store.remove("jobs", job.name)
        elif not job.ours:
            return
        elif job.says != DELETING and there:
            self.store.set_status("jobs", job.name, _job_status(job))
        if job.pod == NO_POD or job.says == GONE:
            return
        if not self.store.get("pods", pod_name):
            self.store.create("pods", _pod(job, pod_name))
            self.store.renamed("pods", pod_name, pod_name)
        phase = {"runs": "Running"}.get(job.pod, job.pod)
        if self.store.get("pods", pod_name):
            ended = {"exitCode": 1 if job.pod == BROKE else 0, "reason": "Completed"}
            containers = [{"state": {} if job.pod == RUNS else {"terminated": ended}}]
            self.store.set_status("pods", pod_name, {"phase": phase, "containerStatuses": containers})

    def annotate(self, verb: str, value: str) -> None:
        self.store.patch("workflows", "order", {"metadata": {"annotations": {f"kubesaga.dev/{verb}": value}}})

    def sees(self, resources: Sequence[str]) -> None:
        """Watches show all that there is."""
        for resource, cache, parse in (
            ("jobs", self.controller.jobs, JobObservation.parse),
            ("pods", self.controller.pods, PodObservation.parse),
        ):
            if resource in resources:
                self._show(resource, cache, parse)
        if "workflows" in resources:
            raw = self.store.get("workflows", "order")
            assert raw is not None
            self.queued |= self.controller.workflows.put(raw)

    def _show(self, resource: Any, cache: Any, parse: Any) -> None:
        known = {value.uid for _, value in cache}
        there = self.store.all(resource)
        for raw in there:
            self.queued |= cache.put(OUR_UID, parse(raw))
        for uid in known - {raw["metadata"]["uid"] for raw in there}:
            self.queued |= cache.remove(uid) is not None

    async def passes(self, *, timer_over: bool) -> None:
        """One pass, with all that it does."""
        self.now += BACKOFF if timer_over else timedelta()
        delay = await self.controller._pass.run(KEY)
        self.queued = delay == 0.0
        for raw in self.store.all("jobs"):
            name, uid = raw["metadata"]["name"], raw["metadata"]["uid"]
            if not raw["spec"].get("suspend") and not self.store.get("pods", f"{uid}-pod"):
                self.job_becomes(Job(name, int(uid.rpartition(".")[2]), False, "", RUNS))

    # What both can be asked

    def status(self) -> WorkflowStatus:
        raw = self.store.get("workflows", "order")
        assert raw is not None
        found = WorkflowStatus.model_validate(raw.get("status") or {})
        return timeless(found, self.now, late=False)

    def jobs(self) -> list[str]:
        """Uid of every Job that is there; with a mark, if it goes on and was told to stop."""
        return sorted(raw["metadata"]["uid"] + _mark(raw) for raw in self.store.all("jobs"))

    def known(self) -> list[str]:
        """Uids of the Jobs in the cache."""
        return sorted(self.controller.jobs.group(OUR_UID))


def _mark(job: dict[str, Any]) -> str:
    ends = (job.get("status") or {}).get("conditions") or job["metadata"].get("deletionTimestamp")
    return " stopped" if job["spec"].get("activeDeadlineSeconds") == 1 and not ends else ""


def _job_status(job: Job) -> dict[str, Any]:
    """What the Job controller would write."""
    status: dict[str, Any] = {"active": int(job.says == "")}
    if job.says in (COMPLETE, DEADLINE_BUT_DONE):
        status["succeeded"] = 1
    if job.says == COMPLETE:
        status["conditions"] = [{"type": "Complete", "status": "True"}]
    elif job.says not in ("", FOREIGN):
        reason = "BackoffLimitExceeded" if job.says == "Failed" else "DeadlineExceeded"
        status["conditions"] = [{"type": "Failed", "status": "True", "reason": reason}]
    return status


def _pod(job: Job, name: str) -> dict[str, Any]:
    labels = {"kubesaga.dev/workflow-uid": OUR_UID, "batch.kubernetes.io/job-name": job.name}
    labels["batch.kubernetes.io/controller-uid"] = job.uid
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job.name, "uid": job.uid, "controller": True}
    return {"metadata": {"name": name, "labels": labels, "ownerReferences": [owner]}, "spec": {"nodeName": "node-1"}}


@asynccontextmanager
async def reality(configuration: Configuration) -> AsyncIterator[Reality]:
    real = Reality(configuration)
    await real.prime()
    yield real
    await real.controller._pass.drain()


async def walk(configuration: Configuration, seed: int) -> int:
    """Both worlds from their beginning, until nothing more happens; how many passes were made."""
    chance = random.Random(seed)
    model = Model(configuration)
    world, passes = model.beginning(), 0
    async with reality(configuration) as real:
        for _ in range(MOVES_MAX):
            steps = [step for step in model.steps(world) if "hears no answer" not in step[0][-1]]
            if not steps:
                break
            move, after, broken = chance.choice(steps)
            assert not broken, broken
            if move[0] == "operator A" and move[1].startswith("passes"):
                after = _all_done(model, after)
                await real.passes(timer_over="back-off" in move[1])
                passes += 1
            else:
                await _happens(real, model, move, world, after)
            world = after
            _compare(real, model, world, move)
    return passes


def _all_done(model: Model, world: World) -> World:
    """The world after everything that a pass has decided was done."""
    while pending := model.operators[world[3]].pending:
        words = model.words(pending[0])
        world = next(after for move, after, _ in model.steps(world) if move == ("operator A", *words))
    return world


async def _happens(real: Reality, model: Model, move: Sequence[str], before: World, after: World) -> None:
    """A move of the model, in the store."""
    if before[1] != after[1]:
        there = set(model.jobs[before[1]])
        for job in model.jobs[after[1]]:
            if job not in there:
                real.job_becomes(job)
    elif move[1] == "requests":
        real.annotate(move[2], move[3])
    elif move[1].startswith("sees"):
        words = {"Workflow": "workflows", "Jobs": "jobs", "Pods": "pods"}
        real.sees([resource for word, resource in words.items() if word in move[1]])
    elif "dies" in move[1]:
        real.begin()
        await real.prime()
        real.queued = True
    else:
        raise AssertionError(f"the walk does not know {move}")


def _compare(real: Reality, model: Model, world: World, move: Sequence[str]) -> None:
    """Whether both have come to the same."""
    stored, operator = model.stored[world[0]], model.operators[world[3]]
    expected = model.brain.status(stored.status).model_dump_json(by_alias=True, exclude_defaults=True)
    assert json.loads(real.status().model_dump_json(by_alias=True, exclude_defaults=True)) == json.loads(expected), move
    jobs = [job for job in model.jobs[world[1]] if job.exists and job.ours]
    assert real.jobs() == sorted(job.uid + " stopped" * (job.stopped and job.says == GOES_ON) for job in jobs), move
    assert real.known() == sorted(f"{view.name}.{view.count}" for view in operator.jobs), move
    assert real.queued == operator.queued, move


WALKED = [
    Configuration("retries", spec(ONE, "a", 1, 1), undos_fail=True, apart=True),
    Configuration("two steps", spec(TWO, "ab")),
    Configuration("a chain", spec(CHAIN2, "ab", 1), undos_fail=True),
    Configuration("in flight: Cancel", spec(TWO, "ab", inFlight="Cancel"), apart=True),
    Configuration("cancel", spec(TWO, "ab"), requests=(("cancel", "1"),)),
    Configuration("retry", spec(CHAIN2, "a"), requests=(("rollback", "1"), ("retry", "1")), requests_max=2),
    Configuration("undo by deletion", spec(CHAIN2, "b", each={"a": DELETE_JOB})),
    Configuration("a Job is deleted", spec(TWO, "ab"), deletions=1),
]


@pytest.mark.parametrize("configuration", WALKED, ids=lambda one: one.name)
async def test_the_real_controller_walks_the_same_way(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pass_, "RECORD_WITHIN_SECONDS", 0.0)
    monkeypatch.setattr(pass_, "REST_SECONDS_MIN", 0.0)
    monkeypatch.setattr(pass_, "WRITE_REST_FACTOR", 0.0)
    monkeypatch.setattr(pass_, "PASS_REST_FACTOR", 0.0)
    passes = [await walk(configuration, seed) for seed in range(WALKS)]
    assert min(passes) > 1
    assert sum(passes) > 5 * WALKS
