"""The controller over a store with the API server's semantics: writes, effects, crashes and garbage."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import generate_latest

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.api.names import Direction, job_name
from kubesaga.controller import pass_
from kubesaga.controller.controller import Controller
from kubesaga.controller.errors import Conflict, Exists, Refused, Unavailable
from kubesaga.engine.reconcile import reconcile
from kubesaga.runner.object_store import ObjectStore


class Cluster(ObjectStore):
    """A store that remembers the calls made to it, and fails those it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.failing: dict[str, list[Exception]] = {}
        self.lost = 0
        """How many of the next status writes are made and not answered."""

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        self._called("patch_status")
        answer = await super().patch_status(namespace, name, operations)
        if self.lost:
            self.lost -= 1
            raise Unavailable(0, "TimeoutError", "no answer in time")
        return answer

    async def create_job(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        self._called("create_job")
        return await super().create_job(namespace, manifest)

    async def patch_job(self, namespace: str, name: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        self._called("patch_job")
        return await super().patch_job(namespace, name, patch)

    async def read_job(self, namespace: str, name: str) -> dict[str, Any]:
        self._called("read_job")
        return await super().read_job(namespace, name)

    async def patch_workflow(self, namespace: str, name: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        self._called("patch_workflow")
        return await super().patch_workflow(namespace, name, patch)

    async def create_workflow(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        self._called("create_workflow")
        return await super().create_workflow(namespace, manifest)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.failing.get(name):
            raise self.failing[name].pop(0)

    def saga(self, name: str = "order", *steps: str, **fields: Any) -> dict[str, Any]:
        named = {"steps": [{"name": step, "container": {"image": "i"}} for step in steps or ("a",)]}
        spec = named | fields
        return self.create(
            "workflows", {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
        )

    def status(self, name: str = "order") -> dict[str, Any]:
        found = self.get("workflows", name)
        return (found or {}).get("status") or {}

    def succeed(self, job: str) -> None:
        complete = [{"type": "Complete", "status": "True"}]
        self.set_status("jobs", job, {"succeeded": 1, "conditions": complete})

    def jobs(self) -> list[str]:
        return [raw["metadata"]["name"] for raw in self.all("jobs")]


FEEDS = {
    ("workflows", "changed"): "workflow_changed",
    ("workflows", "gone"): "workflow_gone",
    ("jobs", "changed"): "job_changed",
    ("jobs", "gone"): "job_gone",
    ("leases", "changed"): "lease_changed",
    ("leases", "gone"): "lease_gone",
    ("pods", "changed"): "pod_changed",
    ("pods", "gone"): "pod_gone",
}


@asynccontextmanager
async def controlled(cluster: Cluster, lag_seconds: float | None = None) -> AsyncIterator[Controller]:
    """A controller that watches the store, until the block ends; with a lag what a call does is seen after it."""
    controller, loop = Controller(cluster), asyncio.get_running_loop()

    def tell(resource: str, change: str, raw: dict[str, Any]) -> None:
        feed = getattr(controller, FEEDS[resource, change])
        if lag_seconds is None:
            feed(raw)
        else:
            loop.call_later(lag_seconds, feed, raw)

    cluster.listen(tell)
    running = asyncio.create_task(controller.run())
    try:
        yield controller
    finally:
        controller.stop()
        await running


async def until(what: Any, seconds: float = 10.0) -> None:
    """Let the controller go on until it is so."""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - anything may be waited for, not one event
            await asyncio.sleep(0.005)


async def test_a_workflow_runs_to_its_end() -> None:
    cluster = Cluster()
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "Succeeded")


async def test_the_status_is_written_before_the_job_is_created() -> None:
    cluster = Cluster()
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
    assert cluster.calls[:2] == ["patch_status", "create_job"]


async def test_every_write_of_the_status_is_counted_in_it() -> None:
    """The rules that keep the spec as it was rely on it: they let pass what differs in the count."""
    cluster = Cluster()
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "Succeeded")
    assert cluster.status()["writes"] == cluster.calls.count("patch_status")


async def test_while_many_jobs_run_one_write_carries_what_became_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pass_, "REST_SECONDS_MIN", 0.3)
    passes: list[str] = []
    monkeypatch.setattr(pass_, "reconcile", lambda *given: passes.append("made") or reconcile(*given))
    steps, cluster = [f"s{index}" for index in range(20)], Cluster()
    async with controlled(cluster):
        cluster.saga("order", *steps)
        await until(lambda: len(cluster.jobs()) == len(steps))
        cluster.calls.clear()
        passes.clear()
        for job in cluster.jobs():
            cluster.succeed(job)
            await asyncio.sleep(0.005)
        await until(lambda: cluster.status().get("phase") == "Succeeded")
    assert cluster.calls == ["patch_status"]
    assert len(passes) <= 2, "one that writes, and one after the end"


async def test_a_write_that_is_stale_creates_nothing_and_is_decided_anew() -> None:
    cluster = Cluster()
    cluster.failing["patch_status"] = [Conflict(409, "Conflict", "modified")]
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
    assert cluster.calls[:3] == ["patch_status", "patch_status", "create_job"]


async def test_a_write_whose_answer_was_lost_is_stale_and_no_failure() -> None:
    """What it took away is not there any more, so the server finds no fault with the version, but with the patch."""
    cluster = Cluster()
    async with controlled(cluster, lag_seconds=0.4) as controller:
        cluster.saga(suspend=True)
        await until(lambda: cluster.status().get("suspendedTime"))
        cluster.lost = 1
        cluster.patch("workflows", "order", {"spec": {"suspend": False}})
        await until(cluster.jobs)
    assert "kubesaga_failed_passes_total 0.0" in generate_latest(controller.telemetry.registry).decode()


async def test_a_create_that_was_not_answered_is_made_again_under_the_same_name() -> None:
    cluster = Cluster()
    cluster.failing["create_job"] = [Unavailable(0, "Timeout", "no answer")] * 3
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
    assert cluster.calls.count("create_job") == 4
    assert len(cluster.jobs()) == 1


async def test_the_uid_of_a_job_is_recorded_though_the_watch_tells_nothing_new_of_it() -> None:
    cluster = Cluster()
    async with controlled(cluster, lag_seconds=0.02):
        cluster.saga()
        await until(lambda: any("jobUID" in step for step in cluster.status().get("steps", ())), seconds=3)


async def test_a_tombstone_is_the_end_of_a_deletion_though_the_watch_tells_nothing_new_of_it() -> None:
    cluster = Cluster()
    made = {"name": "made", "container": {"image": "i"}, "compensate": {"deleteJob": {}}}
    async with controlled(cluster, lag_seconds=0.02):
        cluster.saga(steps=[made])
        await until(cluster.jobs)
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "Succeeded")
        cluster.patch("workflows", "order", {"metadata": {"annotations": {"kubesaga.dev/rollback": "1"}}})
        await until(lambda: cluster.status().get("phase") == "RolledBack", seconds=3)


async def test_a_controller_that_begins_after_a_crash_creates_what_was_decided() -> None:
    cluster = Cluster()
    cluster.failing["create_job"] = [Unavailable(0, "Timeout", "crash")] * 100
    async with controlled(cluster):
        cluster.saga()
        await until(lambda: "create_job" in cluster.calls)
    cluster.failing.clear()
    async with controlled(cluster):
        await until(cluster.jobs)
    assert cluster.status()["steps"][0]["state"] in ("Starting", "Running")


async def test_a_job_that_was_created_before_a_crash_is_recognised() -> None:
    cluster = Cluster()
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
    async with controlled(cluster):
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "Succeeded")
    assert len(cluster.jobs()) == 1


async def test_a_tombstone_that_its_answer_shows_first_ends_the_undo() -> None:
    """The watch then says nothing new, and the Job controller changes nothing that counts."""
    cluster = Cluster()
    async with controlled(cluster, lag_seconds=0.05):
        undone = {"name": "a", "container": {"image": "i"}, "compensate": {"deleteJob": {}}}
        cluster.saga(steps=[undone, {"name": "b", "dependsOn": ["a"], "container": {"image": "i"}}])
        await until(cluster.jobs)
        cluster.failing["create_job"] = [Refused(422, "Invalid", "no image")]
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "RolledBack")


async def test_a_job_that_ended_before_its_create_was_answered_is_seen_to_have_ended() -> None:
    """The first answer is lost; the second try finds a Job that has ended, and the watch then says nothing new."""
    cluster = Cluster()
    async with controlled(cluster, lag_seconds=0.4):
        cluster.failing["create_job"] = [Unavailable(0, "TimeoutError", "no answer in time")]
        cluster.saga()
        await until(lambda: cluster.calls.count("create_job"))
        name = job_name(cluster.get("workflows", "order")["metadata"]["uid"], "a", Direction.FORWARD, 1)
        owner = {"uid": cluster.get("workflows", "order")["metadata"]["uid"], "controller": True}
        labels = {"kubesaga.dev/workflow-uid": owner["uid"]}
        cluster.create("jobs", {"metadata": {"name": name, "labels": labels, "ownerReferences": [owner]}, "spec": {}})
        cluster.succeed(name)
        await until(lambda: cluster.status().get("phase") == "Succeeded")


async def test_a_job_that_ended_just_before_it_was_stopped_is_seen_to_have_ended() -> None:
    """The answer to the stop shows how it ended, before the watch does."""
    cluster = Cluster()
    async with controlled(cluster, lag_seconds=0.2):
        cluster.saga()
        await until(cluster.jobs)
        cluster.set_status("jobs", cluster.jobs()[0], {"active": 1})
        await until(lambda: cluster.status().get("steps", [{}])[0].get("jobUID"))
        cluster.patch("workflows", "order", {"metadata": {"annotations": {"kubesaga.dev/cancel": "1"}}})
        await asyncio.sleep(0.15)
        failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
        cluster.set_status("jobs", cluster.jobs()[0], {"failed": 1, "conditions": failed})
        await until(lambda: cluster.status().get("phase") == "Cancelled")


async def test_a_job_that_is_gone_when_it_is_to_be_deleted_is_known_to_be_gone() -> None:
    """The answer says so, and the watch then tells of nothing that is still known."""
    cluster = Cluster()
    async with controlled(cluster, lag_seconds=0.2):
        undone = {"name": "a", "container": {"image": "i"}, "compensate": {"deleteJob": {}}}
        cluster.saga(steps=[undone, {"name": "b", "dependsOn": ["a"], "container": {"image": "i"}}])
        await until(cluster.jobs)
        first = cluster.jobs()[0]
        cluster.failing["create_job"] = [Refused(422, "Invalid", "no image")]
        cluster.succeed(first)
        await until(lambda: cluster.calls.count("create_job") == 2)
        cluster.remove("jobs", first)
        await until(lambda: cluster.status().get("phase") == "RolledBack")


async def test_a_job_that_went_between_two_answers_is_made_again() -> None:
    """The create says that it is there, the read that it is not, and nothing of it is ever watched."""
    cluster = Cluster()
    async with controlled(cluster, lag_seconds=0.05):
        cluster.failing["create_job"] = [Exists(409, "AlreadyExists", "it is there")]
        cluster.saga()
        await until(cluster.jobs)
    assert cluster.calls.count("create_job") == 2


async def test_a_job_that_lost_its_label_is_found_when_its_create_is_tried_again() -> None:
    """The watch told that it was gone; asking for it again and again would find it each time, and forget it."""
    cluster = Cluster()
    async with controlled(cluster) as controller:
        saga = cluster.saga()
        await until(cluster.jobs)
        job = cluster.get("jobs", cluster.jobs()[0])
        controller.job_gone(job)
        controller.queue.add(("default", saga["metadata"]["name"]))
        await until(lambda: any("jobUID" in step for step in cluster.status().get("steps", ())), seconds=3)
    assert cluster.calls.count("create_job") == 2


async def test_a_refused_job_fails_its_step() -> None:
    cluster = Cluster()
    cluster.failing["create_job"] = [Refused(422, "Invalid", "bad image")]
    async with controlled(cluster):
        cluster.saga()
        await until(lambda: cluster.status().get("phase") == "Failed")
    assert cluster.status()["steps"][0]["reason"] == "CreateRejected"


async def test_a_create_that_met_another_write_is_made_again() -> None:
    """As where a quota is counted: a new Job is bound to no version, so the 409 says nothing about it."""
    cluster = Cluster()
    conflict = "Operation cannot be fulfilled on resourcequotas: the object has been modified"
    cluster.failing["create_job"] = [Conflict(409, "Conflict", conflict)] * 2
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
        assert cluster.calls.count("create_job") == 3
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "Succeeded")


async def test_a_stop_that_met_another_write_is_made_again() -> None:
    cluster = Cluster()
    cluster.failing["patch_job"] = [Conflict(409, "Conflict", "the object has been modified")]
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
        assert "jobUID" not in cluster.status()["steps"][0], "its uid is recorded late"
        cluster.patch("workflows", "order", {"metadata": {"annotations": {"kubesaga.dev/cancel": "1"}}})
        await until(lambda: cluster.get("jobs", cluster.jobs()[0])["spec"].get("activeDeadlineSeconds") == 1)


async def test_a_job_that_a_webhook_holds_up_says_so_and_holds_up_no_other_step() -> None:
    cluster = Cluster()
    cluster.failing["create_job"] = [Unavailable(500, "InternalError", "failed calling webhook")]
    async with controlled(cluster):
        cluster.saga("order", "a", "b")
        await until(lambda: any("webhook" in step.get("message", "") for step in cluster.status().get("steps", ())))
        await until(cluster.jobs)
    assert cluster.calls.count("create_job") == 2


@pytest.mark.parametrize("garbage", [{"steps": "no list"}, {"phase": "Nonsense"}, {"steps": [{"name": "a"}]}])
async def test_garbage_in_a_status_stalls_that_workflow_alone(garbage: dict[str, Any]) -> None:
    cluster = Cluster()
    cluster.saga("broken")
    cluster.set_status("workflows", "broken", garbage)
    async with controlled(cluster):
        await until(lambda: "Stalled" in [c.get("type") for c in cluster.status("broken").get("conditions", [])])
        cluster.saga("good")
        await until(cluster.jobs)
    stalled = next(c for c in cluster.status("broken")["conditions"] if c["type"] == "Stalled")
    assert stalled["reason"] == "InvalidStatus"
    assert "kubesaga did not write this" in stalled["message"]


async def test_a_finished_workflow_causes_no_call_when_a_controller_begins() -> None:
    cluster = Cluster()
    async with controlled(cluster):
        cluster.saga()
        await until(cluster.jobs)
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "Succeeded")
    cluster.calls.clear()
    async with controlled(cluster) as controller:
        await until(lambda: controller.primed.is_set() and len(controller.queue) == 0)
    assert cluster.calls == []


class DeletedMeanwhile(Cluster):
    """The Workflow is deleted, and its watch tells, before a write of its status is answered."""

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        answer = await super().patch_status(namespace, name, operations)
        self.remove("workflows", name)
        return answer


async def test_a_workflow_that_was_deleted_before_a_write_of_it_is_answered_stays_forgotten() -> None:
    cluster = DeletedMeanwhile()
    async with controlled(cluster) as controller:
        cluster.saga()
        await until(lambda: "patch_status" in cluster.calls)
        await asyncio.sleep(0.1)
        assert (len(controller.workflows), cluster.calls, cluster.jobs()) == (0, ["patch_status"], [])


async def test_a_deleted_workflow_is_forgotten() -> None:
    cluster = Cluster()
    async with controlled(cluster) as controller:
        cluster.saga()
        await until(cluster.jobs)
        cluster.remove("workflows", "order")
        assert len(controller.workflows) == 0
