"""The store answers as an API server does."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from kubesaga.controller.errors import Conflict, Exists, NotFound, Refused
from kubesaga.runner.journal import Journal
from kubesaga.runner.object_store import ObjectStore

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@pytest.fixture
def store() -> ObjectStore:
    uids = count(1)
    return ObjectStore(now=lambda: NOW, new_uid=lambda: f"uid-{next(uids)}")


def workflow(**metadata: Any) -> dict[str, Any]:
    return {"kind": "Workflow", "metadata": {"name": "w", **metadata}, "spec": {"steps": []}}


def owned(name: str, owner: dict[str, Any], **fields: Any) -> dict[str, Any]:
    reference = {"uid": owner["metadata"]["uid"], "name": owner["metadata"]["name"], "controller": True}
    metadata = {"name": name, "ownerReferences": [reference], "labels": {"batch.kubernetes.io/job-name": "j"}}
    return {"metadata": metadata, "spec": {}, **fields}


def replace_version(raw: dict[str, Any]) -> dict[str, Any]:
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": raw["metadata"]["resourceVersion"]}


def test_what_only_the_server_says_is_not_taken_from_a_manifest(store):
    created = store.create("workflows", workflow(uid="mine", resourceVersion="77", generation=9) | {"status": {"a": 1}})
    assert created["metadata"] == {
        "name": "w",
        "namespace": "default",
        "uid": "uid-1",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }
    assert created["status"] == {"observedGeneration": -1}


def test_one_name_per_namespace_and_resource(store):
    store.create("workflows", workflow())
    store.create("workflows", workflow(namespace="other"))
    store.create("jobs", workflow())
    with pytest.raises(Exists) as refused:
        store.create("workflows", workflow())
    assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")


async def test_the_version_grows_with_every_write_and_the_generation_with_the_spec_alone(store):
    raw = store.create("workflows", workflow())
    raw = await store.patch_status(
        "default", "w", [replace_version(raw), {"op": "add", "path": "/status/a", "value": 1}]
    )
    assert (raw["metadata"]["resourceVersion"], raw["metadata"]["generation"]) == ("2", 1)
    raw = store.patch("workflows", "w", {"metadata": {"annotations": {"a": "b"}}})
    assert (raw["metadata"]["resourceVersion"], raw["metadata"]["generation"]) == ("3", 1)
    raw = store.patch("workflows", "w", {"spec": {"suspend": True}})
    assert (raw["metadata"]["resourceVersion"], raw["metadata"]["generation"]) == ("4", 2)


async def test_a_write_that_changes_nothing_is_no_write(store):
    told = []
    store.create("jobs", workflow())
    store.listen(lambda *change: told.append(change))
    assert store.patch("jobs", "w", {"spec": {"steps": []}})["metadata"]["resourceVersion"] == "1"
    assert told == []


async def test_a_stale_status_is_a_conflict_and_changes_nothing(store):
    stale = store.create("workflows", workflow())
    store.patch("workflows", "w", {"spec": {"suspend": True}})
    with pytest.raises(Conflict):
        await store.patch_status(
            "default", "w", [replace_version(stale), {"op": "add", "path": "/status/a", "value": 1}]
        )
    assert (await store.read_workflow("default", "w"))["status"] == {"observedGeneration": -1}


async def test_of_a_status_patch_only_the_status_counts(store):
    store.create("workflows", workflow())
    patch = [{"op": "add", "path": "/spec/suspend", "value": True}, {"op": "add", "path": "/status/a", "value": 1}]
    raw = await store.patch_status("default", "w", patch)
    assert (raw["spec"], raw["status"]["a"]) == ({"steps": []}, 1)


async def test_a_patch_that_does_not_fit_is_invalid(store):
    store.create("workflows", workflow())
    with pytest.raises(Refused) as refused:
        await store.patch_status("default", "w", [{"op": "replace", "path": "/status/no/such", "value": 1}])
    assert refused.value.code == 422


async def test_a_patch_merges_and_is_invalid_with_the_uid_of_another(store):
    store.create("jobs", {"metadata": {"name": "j", "labels": {"a": "1", "b": "2"}}, "spec": {"x": {"y": 1}}})
    raw = await store.patch_job("default", "j", {"metadata": {"uid": "uid-1", "labels": {"a": None}}, "spec": {"z": 2}})
    assert (raw["metadata"]["labels"], raw["spec"]) == ({"b": "2"}, {"x": {"y": 1}, "z": 2})
    with pytest.raises(Refused, match=r"metadata\.uid"):
        await store.patch_job("default", "j", {"metadata": {"uid": "another"}, "spec": {"z": 3}})


async def test_a_delete_has_preconditions(store):
    store.create("workflows", workflow())
    with pytest.raises(Conflict):
        await store.delete_workflow("default", "w", "another", "1")
    with pytest.raises(Conflict):
        await store.delete_workflow("default", "w", "uid-1", "0")
    await store.delete_workflow("default", "w", "uid-1", "1")
    with pytest.raises(NotFound):
        await store.read_workflow("default", "w")


async def test_what_a_workflow_owns_goes_with_it(store):
    store.create("jobs", owned("j", store.create("workflows", workflow())))
    store.create("pods", owned("p", store.get("jobs", "j")))
    store.create("jobs", workflow())
    await store.delete_workflow("default", "w", "uid-1", "1")
    assert [raw["metadata"]["name"] for resource in ("workflows", "jobs", "pods") for raw in store.all(resource)] == [
        "w"
    ]


async def test_a_job_waits_for_its_running_pod_when_it_is_deleted(store):
    told = []
    job = store.create("jobs", {"metadata": {"name": "j"}, "spec": {}})
    store.create("pods", owned("p", job, spec={"nodeName": "local"}))
    store.set_status("pods", "p", {"phase": "Running"})
    store.listen(lambda *change: told.append(change[:2]))
    await store.delete_job("default", "j", "uid-1")
    assert told == [("jobs", "changed"), ("pods", "changed")]
    assert "deletionTimestamp" in (await store.read_job("default", "j"))["metadata"]
    store.remove("pods", "p")
    assert told[2:] == [("pods", "gone"), ("jobs", "gone")]


async def test_a_job_without_a_running_pod_is_deleted_at_once(store):
    job = store.create("jobs", {"metadata": {"name": "j"}, "spec": {}})
    store.create("pods", owned("p", job, spec={"nodeName": "local"}))
    store.set_status("pods", "p", {"phase": "Succeeded"})
    await store.delete_job("default", "j", "uid-1")
    assert not store.all("jobs") + store.all("pods")


async def test_what_has_finalizers_stays_until_the_last_one_is_taken_away(store):
    made = store.create("workflows", {"metadata": {"name": "w", "finalizers": ["a/b", "c/d"]}, "spec": {}})
    store.create("jobs", owned_by(made, "j"))
    store.delete("workflows", "w")
    deleted = await store.read_workflow("default", "w")
    assert "deletionTimestamp" in deleted["metadata"]
    assert store.get("jobs", "j") is not None
    await store.patch_workflow("default", "w", {"metadata": {"finalizers": ["c/d"]}})
    assert store.get("workflows", "w") is not None
    await store.patch_workflow("default", "w", {"metadata": {"finalizers": []}})
    assert (store.get("workflows", "w"), store.get("jobs", "j")) == (None, None)


async def test_in_the_foreground_what_it_owns_goes_first_and_other_finalizers_keep_it(store):
    made = store.create("workflows", {"metadata": {"name": "w", "finalizers": ["a/b"]}, "spec": {}})
    store.create("jobs", owned_by(made, "j"))
    store.delete("workflows", "w", foreground=True)
    assert store.get("jobs", "j") is None
    assert store.get("workflows", "w")["metadata"]["finalizers"] == ["a/b"]


def owned_by(owner, name):
    reference = {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
    return {"metadata": {"name": name, "ownerReferences": [reference]}, "spec": {}}


async def test_nobody_can_change_the_store_by_what_it_gave_or_got(store):
    manifest = workflow()
    given = [store.create("workflows", manifest), await store.read_workflow("default", "w"), *store.all("workflows")]
    store.listen(lambda *change: given.append(change[2]))
    store.patch("workflows", "w", {"spec": {"suspend": False}})
    for raw in (manifest, *given):
        raw["spec"]["steps"] = "changed"
    assert store.get("workflows", "w")["spec"]["steps"] == []


async def test_lists_and_pods_of_a_job(store):
    job = store.create("jobs", {"metadata": {"name": "j"}, "spec": {}})
    store.create("pods", owned("p", job))
    store.create("pods", owned("q", job) | {"metadata": {"name": "q", "namespace": "other"}})
    assert [raw["metadata"]["name"] async for raw in store.list("pods")] == ["p", "q"]
    assert [raw["metadata"]["name"] for raw in await store.pods_of_job("default", "j")] == ["p"]


async def test_events_are_kept_for_those_who_look(store):
    await store.create_event("default", {"reason": "Started"})
    assert [event["reason"] for event in store.events] == ["Started"]


async def test_everything_is_there_after_a_restart(tmp_path):
    first = ObjectStore(Journal(tmp_path / "state.db"))
    created = first.create("workflows", workflow())
    first.create("jobs", {"metadata": {"name": "j"}, "spec": {}})
    first.remove("jobs", "j")
    second = ObjectStore(Journal(tmp_path / "state.db"))  # The first one was killed: it never closed anything.
    assert second.all("workflows") == [created]
    assert second.all("jobs") == []
    changed = second.patch("workflows", "w", {"spec": {"suspend": True}})
    assert int(changed["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])
    first.close()
    second.close()
