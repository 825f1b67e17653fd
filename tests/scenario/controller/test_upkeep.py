"""What the controller does to Workflows themselves: finalizers, resubmission, and what it reads of namespaces."""

from collections.abc import Mapping
from typing import Any

from test_controller import Cluster, controlled, until

from kubesaga.controller.errors import Conflict, Exists, NotFound, Refused
from kubesaga.engine.finalizer import FINALIZER

HELD = {"deletionPolicy": "RollbackUnfinished"}


def held(cluster: Cluster) -> dict[str, Any]:
    undone = {"name": "a", "container": {"image": "i"}, "compensate": {"container": {"image": "i"}}}
    return cluster.saga("order", steps=[undone], **HELD)


def finalizers(cluster: Cluster) -> list[str]:
    found = cluster.get("workflows", "order") or {"metadata": {}}
    return found["metadata"].get("finalizers") or []


async def test_the_finalizer_is_set_before_the_first_job_and_taken_away_in_the_end() -> None:
    cluster = Cluster()
    seen = []
    cluster.listen(
        lambda resource, _, __: seen.append(FINALIZER in finalizers(cluster)) if resource == "jobs" else None
    )
    async with controlled(cluster):
        held(cluster)
        await until(cluster.jobs)
        assert seen == [True]
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: cluster.status().get("phase") == "Succeeded")
        await until(lambda: finalizers(cluster) == [])


async def test_where_the_workflow_changed_meanwhile_it_is_set_anew() -> None:
    cluster = Cluster()
    cluster.failing["patch_workflow"] = [Conflict(409, "Conflict", "modified")]
    async with controlled(cluster):
        held(cluster)
        await until(cluster.jobs)
    assert finalizers(cluster) == [FINALIZER]


async def test_a_deleted_workflow_is_undone_and_goes_then() -> None:
    cluster = Cluster()
    async with controlled(cluster):
        held(cluster)
        await until(cluster.jobs)
        cluster.delete("workflows", "order")
        await until(lambda: cluster.status().get("phase") == "RollingBack")
        forward = cluster.jobs()[0]
        failed = [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]
        cluster.set_status("jobs", forward, {"conditions": failed})
        await until(lambda: len(cluster.jobs()) == 2)
        cluster.succeed(next(job for job in cluster.jobs() if job != forward))
        await until(lambda: cluster.get("workflows", "order") is None)
    assert cluster.jobs() == []


async def test_a_workflow_that_is_gone_needs_no_finalizer_taken_away() -> None:
    cluster = Cluster()
    async with controlled(cluster) as controller:
        held(cluster)
        await until(cluster.jobs)
        cluster.failing["patch_workflow"] = [NotFound(404, "NotFound", "gone")]
        cluster.succeed(cluster.jobs()[0])
        await until(lambda: not cluster.failing["patch_workflow"])
    assert controller.telemetry.registry.get_sample_value("kubesaga_pass_failures_total") in (None, 0)


async def test_in_a_namespace_that_is_being_deleted_it_is_let_go_and_told_elsewhere() -> None:
    class Terminating(Cluster):
        async def read_namespace(self, name: str) -> dict[str, Any]:
            return {"metadata": {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"}}

    await let_go(Terminating())


async def test_a_namespace_that_is_gone_is_one_that_was_deleted() -> None:
    class Gone(Cluster):
        async def read_namespace(self, name: str) -> dict[str, Any]:
            raise NotFound(404, "NotFound", name)

    await let_go(Gone())


async def let_go(cluster: Cluster) -> None:
    async with controlled(cluster):
        held(cluster)
        await until(cluster.jobs)
        cluster.delete("workflows", "order")
        await until(lambda: cluster.get("workflows", "order") is None)
        await until(lambda: any(event["reason"] == "Released" for event in cluster.events))
    event = next(event for event in cluster.events if event["reason"] == "Released")
    assert event["involvedObject"] == {"apiVersion": "v1", "kind": "Namespace", "name": "default"}
    assert event["metadata"]["namespace"] == "default"


async def succeeded(cluster: Cluster) -> None:
    cluster.saga()
    await until(cluster.jobs)
    cluster.succeed(cluster.jobs()[0])
    await until(lambda: cluster.status().get("phase") == "Succeeded")


def resubmit(cluster: Cluster, token: str = "1") -> None:
    cluster.patch("workflows", "order", {"metadata": {"annotations": {"kubesaga.dev/resubmit": token}}})


async def test_where_somebody_elses_has_its_name_nothing_is_made_and_that_is_told() -> None:
    class Taken(Cluster):
        async def create_workflow(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
            cluster.saga(manifest["metadata"]["name"])
            return await super().create_workflow(namespace, manifest)

    cluster = Taken()
    async with controlled(cluster):
        await succeeded(cluster)
        resubmit(cluster)
        await until(lambda: any(event["reason"] == "ResubmissionRefused" for event in cluster.events))
    assert "resubmission" not in cluster.status()


async def test_one_that_was_there_and_is_gone_is_made_again() -> None:
    cluster = Cluster()
    cluster.failing["create_workflow"] = [Exists(409, "AlreadyExists", "it is there")]
    async with controlled(cluster):
        await succeeded(cluster)
        resubmit(cluster)
        await until(lambda: (cluster.status().get("resubmission") or {}).get("uid"))
    assert len(cluster.all("workflows")) == 2


async def test_one_whose_create_met_another_write_is_made_again() -> None:
    """As where a quota is counted."""
    cluster = Cluster()
    cluster.failing["create_workflow"] = [Conflict(409, "Conflict", "the quota has been modified")]
    async with controlled(cluster):
        await succeeded(cluster)
        resubmit(cluster)
        await until(lambda: (cluster.status().get("resubmission") or {}).get("uid"))
    assert len(cluster.all("workflows")) == 2


async def test_the_new_one_runs_like_the_first() -> None:
    cluster = Cluster()
    async with controlled(cluster):
        await succeeded(cluster)
        resubmit(cluster)
        await until(lambda: (cluster.status().get("resubmission") or {}).get("uid"))
        await until(lambda: len(cluster.jobs()) == 2)
    assert len(cluster.all("workflows")) == 2


async def test_one_that_was_made_before_a_crash_is_found() -> None:
    cluster = Cluster()
    async with controlled(cluster):
        await succeeded(cluster)
        resubmit(cluster)
        await until(lambda: (cluster.status().get("resubmission") or {}).get("uid"))
        status = cluster.status()
        del status["resubmission"]["uid"]
        cluster.set_status("workflows", "order", status)
        await until(lambda: (cluster.status().get("resubmission") or {}).get("uid"))
    assert len(cluster.all("workflows")) == 2


async def test_a_refusal_is_told() -> None:
    cluster = Cluster()
    cluster.failing["create_workflow"] = [Refused(403, "Forbidden", "exceeded quota")]
    async with controlled(cluster):
        await succeeded(cluster)
        resubmit(cluster)
        await until(lambda: any(event["reason"] == "ResubmissionRefused" for event in cluster.events))
    assert any("exceeded quota" in event["message"] for event in cluster.events)
