"""What the API server stores of Jobs and Pods, read into the small views of the engine."""

from datetime import UTC, datetime

import pytest

from kubesaga.engine.observation import JobObservation, PodObservation, Refusal

META = {"name": "n", "uid": "u", "resourceVersion": "5", "creationTimestamp": "2026-01-01T00:00:00Z"}
OWNED = {**META, "ownerReferences": [{"uid": "x"}, {"uid": "o", "controller": True}]}


def test_a_new_job_is_neither_complete_nor_failed() -> None:
    job = JobObservation.parse({"metadata": META, "spec": {}})
    assert (job.terminal, job.active, job.succeeded, job.suspended, job.owner_uid) == (False, 0, 0, False, None)
    assert job.created == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_failed_job_tells_reason_and_message() -> None:
    conditions = [
        {"type": "Complete", "status": "False"},
        {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "late"},
    ]
    status = {"conditions": conditions, "startTime": "2026-01-01T00:00:01Z", "terminating": 1}
    job = JobObservation.parse({"metadata": OWNED, "spec": {"activeDeadlineSeconds": 3}, "status": status})
    assert (job.terminal, job.complete, job.failed) == (True, False, True)
    assert (job.failed_reason, job.failed_message, job.owner_uid) == ("DeadlineExceeded", "late", "o")
    assert (job.start_time, job.terminating) == (datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), 1)


def test_a_tombstone_is_known_by_its_label() -> None:
    metadata = {**META, "labels": {"kubesaga.dev/tombstone": "true"}, "deletionTimestamp": "x"}
    job = JobObservation.parse({"metadata": metadata, "spec": {"suspend": True}})
    assert (job.tombstone, job.suspended, job.deleting) == (True, True, True)


def test_an_ended_pod_tells_its_exit_code_and_message() -> None:
    ended = {"exitCode": 3, "message": "m", "finishedAt": "2026-01-01T00:00:00Z"}
    status = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": ended}}]}
    pod = PodObservation.parse({"metadata": OWNED, "spec": {"nodeName": "n1"}, "status": status})
    assert (pod.ended, pod.exit_code, pod.termination_message, pod.node) == (True, 3, "m", "n1")
    assert (pod.job_uid, pod.finished) == ("o", datetime(2026, 1, 1, tzinfo=UTC))


def test_what_the_kubelet_killed_says_why() -> None:
    for reason, told in (("OOMKilled", "OOMKilled"), ("Error", ""), ("Completed", "")):
        status = {"containerStatuses": [{"state": {"terminated": {"exitCode": 137, "reason": reason}}}]}
        assert PodObservation.parse({"metadata": OWNED, "status": status}).ended_by == told


def test_a_job_without_any_controller_is_known_by_its_label() -> None:
    labelled = {**META, "labels": {"kubesaga.dev/workflow-uid": "w"}}
    assert JobObservation.parse({"metadata": labelled}).owner_uid == "w"
    assert JobObservation.parse({"metadata": {**labelled, **OWNED}}).owner_uid == "o"


def test_a_pod_that_its_job_left_behind_is_known_by_its_label() -> None:
    orphan = {**META, "labels": {"batch.kubernetes.io/controller-uid": "j"}}
    assert PodObservation.parse({"metadata": orphan}).job_uid == "j"


def container_waits(reason: str, message: str = "") -> dict:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


def scheduled(status: str, reason: str = "", message: str = "") -> dict:
    return {"conditions": [{"type": "PodScheduled", "status": status, "reason": reason, "message": message}]}


@pytest.mark.parametrize(
    ("sentence", "status", "waiting"),
    [
        ("a new Pod waits for nothing known", {}, ""),
        ("a container being created is no news", container_waits("ContainerCreating"), ""),
        ("an image that cannot be pulled", container_waits("ErrImagePull", "no image"), "ErrImagePull: no image"),
        ("a Pod that fits nowhere", scheduled("False", "Unschedulable", "no node"), "Unschedulable: no node"),
        ("a Pod that is scheduled waits for nothing", scheduled("True"), ""),
    ],
)
def test_why_a_pod_waits(sentence: str, status: dict, waiting: str) -> None:
    assert PodObservation.parse({"metadata": META, "status": status}).waiting == waiting


def test_a_refusal_in_a_namespace_that_is_being_deleted_is_no_final_answer() -> None:
    message = 'jobs "x" is forbidden: unable to create new content in namespace n because it is being terminated'
    assert Refusal(403, "Forbidden", message, datetime(2026, 1, 1, tzinfo=UTC)).passing
