"""What an API server, its Job controller and its garbage collector do: asked of ours, and of a real one.

A scenario talks to the `Cluster` that the controller talks to, and to the few calls more that `Api` has.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar

import pytest

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.controller.cluster import Cluster, Raw
from kubesaga.controller.errors import ClusterError, Conflict, Exists, NotFound, Refused
from kubesaga.engine.observation import JobObservation, PodObservation

T = TypeVar("T")
Scenario = Callable[["Api"], Awaitable[None]]
SCENARIOS: Final[dict[str, Scenario]] = {}
LARGE: Final = 4 * 1024 * 1024
ELSEWHERE: Final = "00000000-0000-0000-0000-000000000000"
"""A uid that nothing has."""


class Api(Protocol):
    """A cluster, and what a scenario needs of it beside the controller's calls."""

    cluster: Cluster
    namespace: str

    def job(self, name: str, seconds: float, exit_code: int = 0, linger_seconds: float = 0.2) -> Raw:
        """The manifest of a Job whose one container takes so long and ends so; and so long once it is asked to end."""

    async def delete(self, resource: str, name: str, policy: str) -> None:
        """Delete an object, without waiting for it."""

    async def sleep(self, seconds: float) -> None:
        """Let time go by."""


def scenario(run: Scenario) -> Scenario:
    """Add a scenario under the name of its function."""
    SCENARIOS[run.__name__.replace("_", " ")] = run
    return run


async def until(api: Api, look: Callable[[], Awaitable[T | None]], seconds: float = 60.0) -> T:
    """Wait until there is something to see; returns it."""
    for _ in range(int(seconds / 0.1)):
        if found := await look():
            return found
        await api.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {look.__qualname__}")


async def observed(api: Api, name: str, seconds: float = 60.0, **fields: Any) -> JobObservation:
    """Wait until the controller would see a Job so."""

    async def look() -> JobObservation | None:
        seen = JobObservation.parse(await api.cluster.read_job(api.namespace, name))
        return seen if all(getattr(seen, field) == value for field, value in fields.items()) else None

    return await until(api, look, seconds)


async def phases(api: Api, job: str) -> list[str]:
    """The phases of a Job's Pods."""
    return [
        raw["status"].get("phase", "") if "status" in raw else ""
        for raw in await api.cluster.pods_of_job(api.namespace, job)
    ]


async def running(api: Api, job: str) -> Raw:
    """Wait until the Pod of a Job runs; returns the Job."""

    async def look() -> bool:
        return await phases(api, job) == ["Running"]

    await until(api, look)
    return await api.cluster.read_job(api.namespace, job)


async def gone(api: Api, job: str) -> None:
    """Wait until a Job and its Pods are gone."""

    async def look() -> bool:
        try:
            await api.cluster.read_job(api.namespace, job)
        except NotFound:
            return not await api.cluster.pods_of_job(api.namespace, job)
        return False

    await until(api, look, 90.0)


async def answer(call: Awaitable[Any]) -> tuple[type[ClusterError], int, str]:
    """How a call is refused."""
    with pytest.raises(ClusterError) as refused:
        await call
    return type(refused.value), refused.value.code, refused.value.reason


def workflow(name: str, **spec: Any) -> Raw:
    """The manifest of a Workflow."""
    steps = [{"name": "a", "container": {"image": "i"}}]
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": {"steps": steps, **spec}}


def owned(manifest: Raw, owner: Raw) -> Raw:
    """The manifest of a Job that belongs to a Workflow, as the controller makes it."""
    reference = {"apiVersion": API_VERSION, "kind": KIND, "controller": True, "blockOwnerDeletion": False}
    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}


def bound(raw: Raw, *operations: dict[str, Any]) -> list[dict[str, Any]]:
    """A patch of the status that is bound to the version of an object."""
    version = raw["metadata"]["resourceVersion"]
    return [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, *operations]


STARTED: Final = {"op": "add", "path": "/status", "value": {"startTime": "2026-01-01T00:00:00Z", "writes": 1}}

# Answers


@scenario
async def what_is_not_there_is_not_found(api: Api) -> None:
    space, cluster = api.namespace, api.cluster
    not_found = (NotFound, 404, "NotFound")
    assert await answer(cluster.read_job(space, "nobody")) == not_found
    assert await answer(cluster.read_workflow(space, "nobody")) == not_found
    assert await answer(cluster.patch_job(space, "nobody", {"spec": {"suspend": True}})) == not_found
    assert await answer(cluster.delete_job(space, "nobody", ELSEWHERE)) == not_found
    assert await answer(cluster.patch_status(space, "nobody", [STARTED])) == not_found
    assert await answer(cluster.read_namespace("nowhere-at-all")) == not_found
    assert await cluster.pods_of_job(space, "nobody") == []


@scenario
async def a_name_is_given_once(api: Api) -> None:
    exists = (Exists, 409, "AlreadyExists")
    await api.cluster.create_workflow(api.namespace, workflow("twice"))
    assert await answer(api.cluster.create_workflow(api.namespace, workflow("twice"))) == exists
    await api.cluster.create_job(api.namespace, api.job("twice", 0.1))
    assert await answer(api.cluster.create_job(api.namespace, api.job("twice", 0.1))) == exists


@scenario
async def a_patch_of_a_status_that_has_changed_is_a_conflict_and_changes_nothing(api: Api) -> None:
    first = await api.cluster.create_workflow(api.namespace, workflow("stale"))
    second = await api.cluster.patch_status(api.namespace, "stale", bound(first, STARTED))
    late = {"op": "add", "path": "/status/writes", "value": 9}
    assert await answer(api.cluster.patch_status(api.namespace, "stale", bound(first, late))) == (
        Conflict,
        409,
        "Conflict",
    )
    assert await api.cluster.read_workflow(api.namespace, "stale") == second


@scenario
async def a_patch_that_takes_away_what_is_not_there_is_refused_before_its_version_is_looked_at(api: Api) -> None:
    first = await api.cluster.create_workflow(api.namespace, workflow("misfit"))
    await api.cluster.patch_status(api.namespace, "misfit", bound(first, STARTED))
    absent = {"op": "remove", "path": "/status/suspendedTime"}
    kind, code, _ = await answer(api.cluster.patch_status(api.namespace, "misfit", bound(first, absent)))
    assert (kind, code) == (Refused, 422)


@scenario
async def another_uid_or_version_is_a_conflict(api: Api) -> None:
    space, cluster = api.namespace, api.cluster
    made = await cluster.create_workflow(space, workflow("other"))
    await cluster.create_job(space, api.job("other", 0.1))
    stop = {"metadata": {"uid": ELSEWHERE}, "spec": {"activeDeadlineSeconds": 1}}
    assert await answer(cluster.patch_job(space, "other", stop)) == (Refused, 422, "Invalid")
    assert (await answer(cluster.delete_job(space, "other", ELSEWHERE)))[:2] == (Conflict, 409)
    uid = made["metadata"]["uid"]
    assert (await answer(cluster.delete_workflow(space, "other", uid, "1")))[:2] == (Conflict, 409)
    old = {"metadata": {"resourceVersion": "1", "finalizers": ["kubesaga.dev/rollback-unfinished"]}}
    assert (await answer(cluster.patch_workflow(space, "other", old)))[:2] == (Conflict, 409)


@scenario
async def what_breaks_the_schema_is_invalid(api: Api) -> None:
    bad_job = api.job("bad", 0.1)
    bad_job["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    assert await answer(api.cluster.create_job(api.namespace, bad_job)) == (Refused, 422, "Invalid")
    bad_name = api.job("No_Label", 0.1)
    assert await answer(api.cluster.create_job(api.namespace, bad_name)) == (Refused, 422, "Invalid")
    bad = workflow("bad", parallelism=0)
    assert await answer(api.cluster.create_workflow(api.namespace, bad)) == (Refused, 422, "Invalid")


@scenario
async def what_is_larger_than_a_request_may_be_is_refused(api: Api) -> None:
    large = workflow("large")
    large["metadata"]["annotations"] = {"example.com/large": "x" * LARGE}
    kind, code, reason = await answer(api.cluster.create_workflow(api.namespace, large))
    assert (kind, code, reason) == (Refused, 413, "RequestEntityTooLarge")


# Versions


@scenario
async def a_patch_of_the_status_touches_nothing_else(api: Api) -> None:
    made = await api.cluster.create_workflow(api.namespace, workflow("apart"))
    other = {"op": "add", "path": "/spec/parallelism", "value": 7}
    after = await api.cluster.patch_status(api.namespace, "apart", bound(made, STARTED, other))
    assert after["spec"] == made["spec"]
    assert after["status"]["writes"] == 1
    assert made["status"] == {"observedGeneration": -1}


@scenario
async def the_generation_rises_with_the_spec_alone(api: Api) -> None:
    made = await api.cluster.create_workflow(api.namespace, workflow("generation"))
    noted = await api.cluster.patch_workflow(api.namespace, "generation", {"metadata": {"annotations": {"a.b/c": "d"}}})
    written = await api.cluster.patch_status(api.namespace, "generation", bound(noted, STARTED))
    changed = await api.cluster.patch_workflow(api.namespace, "generation", {"spec": {"suspend": True}})
    seen = [one["metadata"]["generation"] for one in (made, noted, written, changed)]
    assert seen == [1, 1, 1, 2]
    versions = [one["metadata"]["resourceVersion"] for one in (made, noted, written, changed)]
    assert len(set(versions)) == 4
    assert sorted(versions, key=int) == versions


@scenario
async def a_patch_that_changes_nothing_makes_no_version(api: Api) -> None:
    await api.cluster.create_workflow(api.namespace, workflow("same"))
    first, second = [await api.cluster.patch_workflow(api.namespace, "same", {"spec": {"suspend": True}}) for _ in "ab"]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@scenario
async def the_steps_of_a_workflow_that_has_started_stay_as_they_are(api: Api) -> None:
    made = await api.cluster.create_workflow(api.namespace, workflow("frozen"))
    await api.cluster.patch_status(api.namespace, "frozen", bound(made, STARTED))
    steps = [{"name": "b", "container": {"image": "i"}}]
    kind, code, _ = await answer(api.cluster.patch_workflow(api.namespace, "frozen", {"spec": {"steps": steps}}))
    assert (kind, code) == (Refused, 422)
    await api.cluster.patch_workflow(api.namespace, "frozen", {"spec": {"parallelism": 3}})


# Jobs


@scenario
async def a_job_that_succeeds_says_so_after_its_pod(api: Api) -> None:
    await api.cluster.create_job(api.namespace, api.job("good", 0.5))

    async def succeeded() -> bool:
        return await phases(api, "good") == ["Succeeded"]

    await until(api, succeeded)
    job = await observed(api, "good", complete=True)
    assert (job.succeeded, job.active, job.terminating, job.failed) == (1, 0, 0, False)


@scenario
async def a_job_that_fails_says_why(api: Api) -> None:
    await api.cluster.create_job(api.namespace, api.job("bad-end", 0.5, exit_code=3))
    job = await observed(api, "bad-end", failed=True)
    assert (job.failed_reason, job.succeeded, job.active) == ("BackoffLimitExceeded", 0, 0)
    assert await phases(api, "bad-end") == ["Failed"]


@scenario
async def a_job_past_its_deadline_ends_its_pod_and_stays(api: Api) -> None:
    late = api.job("late", 600)
    late["spec"]["activeDeadlineSeconds"] = 4
    await api.cluster.create_job(api.namespace, late)
    job = await observed(api, "late", failed=True)
    assert job.failed_reason == "DeadlineExceeded"
    assert (job.active, job.terminating) == (0, 0)
    assert "Running" not in await phases(api, "late")


@scenario
async def a_job_whose_pod_ends_just_before_the_deadline_counts_a_success_whatever_it_says(api: Api) -> None:
    """Its controller may look at the clock first, and then it says DeadlineExceeded.

    A Pod that it deletes at the deadline counts as failed from then on, also where its kubelet says later that it had
    ended well before: so a Pod whose end was told late is the one that is being deleted.
    """
    race = api.job("race", 2.5)
    race["spec"]["activeDeadlineSeconds"] = 5
    await api.cluster.create_job(api.namespace, race)

    async def over() -> JobObservation | None:
        seen = JobObservation.parse(await api.cluster.read_job(api.namespace, "race"))
        return seen if seen.terminal else None

    job = await until(api, over)
    pods = [PodObservation.parse(raw) for raw in await api.cluster.pods_of_job(api.namespace, "race")]
    assert job.start_time is not None
    surely_before = job.start_time + timedelta(seconds=4)  # Both times are whole seconds.
    for pod in pods:
        told_in_time = pod.phase == "Succeeded" and pod.deletion_time is None
        if told_in_time and pod.finished is not None and pod.finished < surely_before:
            assert job.succeeded == 1
    assert job.complete or job.failed_reason == "DeadlineExceeded"


@scenario
async def a_running_job_is_stopped_by_its_deadline_and_says_so_after_its_pod_has_ended(api: Api) -> None:
    await api.cluster.create_job(api.namespace, api.job("stopped", 600, linger_seconds=4.0))
    made = await running(api, "stopped")
    patch = {"metadata": {"uid": made["metadata"]["uid"]}, "spec": {"activeDeadlineSeconds": 1}}
    await api.cluster.patch_job(api.namespace, "stopped", patch)
    ending = await observed(api, "stopped", active=0, terminating=1)
    assert not ending.failed
    job = await observed(api, "stopped", failed=True)
    assert (job.failed_reason, job.terminating) == ("DeadlineExceeded", 0)


@scenario
async def a_suspended_job_has_no_pod_and_no_deadline(api: Api) -> None:
    asleep = api.job("asleep", 0.1)
    asleep["spec"] |= {"suspend": True, "activeDeadlineSeconds": 1}
    await api.cluster.create_job(api.namespace, asleep)
    await api.sleep(4.0)
    job = await observed(api, "asleep", suspended=True)
    assert (job.active, job.start_time, job.failed) == (0, None, False)
    assert await phases(api, "asleep") == []


@scenario
async def a_suspended_job_is_stopped_by_waking_it_without_pods(api: Api) -> None:
    asleep = api.job("woken", 0.1)
    asleep["spec"]["suspend"] = True
    made = await api.cluster.create_job(api.namespace, asleep)
    spec = {"activeDeadlineSeconds": 1, "suspend": False, "parallelism": 0}
    await api.cluster.patch_job(api.namespace, "woken", {"metadata": {"uid": made["metadata"]["uid"]}, "spec": spec})
    job = await observed(api, "woken", failed=True)
    assert job.failed_reason == "DeadlineExceeded"
    assert await phases(api, "woken") == []


# Deletion


@scenario
async def a_job_deleted_in_the_foreground_waits_for_its_pod(api: Api) -> None:
    await api.cluster.create_job(api.namespace, api.job("leaving", 600, linger_seconds=4.0))
    made = await running(api, "leaving")
    await api.cluster.delete_job(api.namespace, "leaving", made["metadata"]["uid"])
    raw = await api.cluster.read_job(api.namespace, "leaving")
    assert raw["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert JobObservation.parse(raw).deleting
    await gone(api, "leaving")


@scenario
async def what_a_workflow_owns_goes_with_it(api: Api) -> None:
    made = await api.cluster.create_workflow(api.namespace, workflow("owner"))
    await api.cluster.create_job(api.namespace, owned(api.job("member", 600), made))
    await running(api, "member")
    now = await api.cluster.read_workflow(api.namespace, "owner")
    await api.cluster.delete_workflow(
        api.namespace, "owner", now["metadata"]["uid"], now["metadata"]["resourceVersion"]
    )
    assert (await answer(api.cluster.read_workflow(api.namespace, "owner")))[1] == 404
    await gone(api, "member")


@scenario
async def a_workflow_deleted_in_the_foreground_does_not_wait_for_jobs_that_do_not_hold_it(api: Api) -> None:
    made = await api.cluster.create_workflow(api.namespace, workflow("front"))
    await api.cluster.create_job(api.namespace, owned(api.job("front-member", 600, linger_seconds=4.0), made))
    await running(api, "front-member")
    await api.delete("workflows", "front", "Foreground")

    async def away() -> bool:
        try:
            await api.cluster.read_workflow(api.namespace, "front")
        except NotFound:
            return True
        return False

    await until(api, away)
    await gone(api, "front-member")


@scenario
async def an_orphan_of_a_workflow_stays(api: Api) -> None:
    made = await api.cluster.create_workflow(api.namespace, workflow("leaver"))
    await api.cluster.create_job(api.namespace, owned(api.job("orphan", 0.1), made))
    await observed(api, "orphan", complete=True)
    await api.delete("workflows", "leaver", "Orphan")

    async def alone() -> bool:
        return "ownerReferences" not in (await api.cluster.read_job(api.namespace, "orphan"))["metadata"]

    await until(api, alone)


@scenario
async def our_finalizer_keeps_a_deleted_workflow_until_it_is_taken_away(api: Api) -> None:
    ours = "kubesaga.dev/rollback-unfinished"
    made = await api.cluster.create_workflow(api.namespace, workflow("held"))
    version = made["metadata"]["resourceVersion"]
    hold = {"metadata": {"resourceVersion": version, "finalizers": [ours]}}
    await api.cluster.patch_workflow(api.namespace, "held", hold)
    await api.delete("workflows", "held", "Background")
    raw = await api.cluster.read_workflow(api.namespace, "held")
    assert "deletionTimestamp" in raw["metadata"]
    release = {"metadata": {"resourceVersion": raw["metadata"]["resourceVersion"], "finalizers": []}}
    await api.cluster.patch_workflow(api.namespace, "held", release)
    assert (await answer(api.cluster.read_workflow(api.namespace, "held")))[1] == 404


@scenario
async def a_job_whose_owner_is_gone_is_collected(api: Api) -> None:
    """So a Job that an operator creates too late does not stay."""
    made = await api.cluster.create_workflow(api.namespace, workflow("past"))
    await api.delete("workflows", "past", "Background")
    await api.cluster.create_job(api.namespace, owned(api.job("too-late", 600), made))
    await gone(api, "too-late")
