"""The patch from one status to the next leads exactly there, and names only what changed."""

import jsonpatch
from hypothesis import given
from hypothesis import strategies as st

from kubesaga.api.limits import STATUS_OPERATIONS_MAX
from kubesaga.api.status import StepState, StepStatus, WorkflowStatus
from kubesaga.controller.status_patch import status_patch

STATES = st.sampled_from(StepState)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[WorkflowStatus, WorkflowStatus]:
    """A status and one that may follow it: records change in place or go, new ones come last."""
    before = [StepStatus(name=f"s{i}", state=draw(STATES)) for i in range(draw(st.integers(0, 6)))]
    after = [draw(st.sampled_from([record, record.model_copy(update={"state": draw(STATES)})])) for record in before]
    after = [record for record in after if draw(st.integers(0, 5))]
    after += [StepStatus(name=f"n{i}", state=draw(STATES)) for i in range(draw(st.integers(0, 3)))]
    texts = st.none() | st.sampled_from(["1/2", "2/2"])
    first = WorkflowStatus(steps=tuple(before), progress=draw(texts), reason=draw(texts))
    return first, WorkflowStatus(steps=tuple(after), progress=draw(texts), reason=draw(texts))


@given(pairs())
def test_the_patch_gives_exactly_the_next_status(pair: tuple[WorkflowStatus, WorkflowStatus]) -> None:
    before, after = pair
    stored = {"metadata": {"resourceVersion": "7"}, "status": before.wire() or {"observedGeneration": -1}}
    operations = status_patch("7", stored["status"], before, after)
    patched = jsonpatch.apply_patch(stored, operations)
    assert {k: v for k, v in patched["status"].items() if (k, v) != ("observedGeneration", -1)} == after.wire()


def test_the_first_operation_binds_it_to_its_version() -> None:
    operations = status_patch("7", None, WorkflowStatus(), WorkflowStatus(reason="x"))
    assert operations[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert operations[1] == {"op": "add", "path": "/status", "value": {"reason": "x"}}


def test_one_changed_step_is_one_operation() -> None:
    steps = tuple(StepStatus(name=f"s{i}", state="Running") for i in range(1000))
    before = WorkflowStatus(steps=steps)
    done = steps[500].model_copy(update={"state": StepState.SUCCEEDED})
    after = WorkflowStatus(steps=(*steps[:500], done, *steps[501:]))
    assert [o["path"] for o in status_patch("1", before.wire(), before, after)[1:]] == ["/status/steps/500"]


def test_more_operations_than_a_server_takes_become_one() -> None:
    steps = tuple(StepStatus(name=f"s{i}", state="Running") for i in range(STATUS_OPERATIONS_MAX + 1))
    after = tuple(step.model_copy(update={"state": StepState.SUCCEEDED}) for step in steps)
    before = WorkflowStatus().model_copy(update={"steps": steps})  # more than the API admits
    next_ = before.model_copy(update={"steps": after})
    operations = status_patch("1", before.wire(), before, next_)
    assert [operation["path"] for operation in operations] == ["/metadata/resourceVersion", "/status"]
