"""A Workflow as the API server stores it."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from kubesaga.api.status import StepStatus, WorkflowStatus
from kubesaga.api.workflow import Workflow

METADATA = {
    "namespace": "shop",
    "name": "order",
    "uid": "u",
    "resourceVersion": "9",
    "creationTimestamp": "2026-01-01T00:00:00Z",
}


def test_an_object_that_nobody_has_seen_has_an_empty_status() -> None:
    workflow = Workflow.parse({"metadata": METADATA, "spec": {"steps": []}})
    assert workflow.status == WorkflowStatus()
    assert (workflow.namespace, workflow.name, workflow.deleting, workflow.annotations) == ("shop", "order", False, {})
    assert workflow.created == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_status_that_we_wrote_is_taken_as_it_is() -> None:
    status = WorkflowStatus(observed_generation=3)
    assert Workflow.parse({"metadata": METADATA, "status": {"garbage": 1}}, status).status is status


def test_a_status_that_we_did_not_write_is_refused() -> None:
    with pytest.raises(ValidationError):
        Workflow.parse({"metadata": METADATA, "status": {"garbage": 1}})


def test_what_is_written_is_read_back_equal() -> None:
    start = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    status = WorkflowStatus(phase="Running", start_time=start, steps=(StepStatus(name="a", state="Running"),))
    assert WorkflowStatus.model_validate(status.wire()) == status
    assert status.wire()["startTime"] == "2026-01-01T12:00:00.250000Z"


def test_the_record_of_a_finished_step_is_small() -> None:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    record = StepStatus(name="individuals-id0000001", state="Succeeded", start_time=time, completion_time=time)
    assert len(str(record.wire())) <= 150
