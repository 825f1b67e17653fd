"""Resubmission: a new Workflow with the spec of one that has ended. It is made once per request."""

import hashlib
from base64 import b32encode
from typing import Final

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.api.limits import OBJECT_NAME_LENGTH_MAX
from kubesaga.api.names import ANNOTATION_RESUBMISSION_OF
from kubesaga.api.status import Resubmission
from kubesaga.engine.action import CreateWorkflow
from kubesaga.engine.decision import EventType
from kubesaga.engine.state import StateManager

_SUFFIX_CHARACTERS: Final = 5


def resubmit(state: StateManager, token: str) -> str:
    """Decide the new Workflow; returns its name, a function of this one and of the token."""
    raw = hashlib.sha256(f"{state.workflow.uid}/{token}".encode()).digest()
    suffix = b32encode(raw).decode().lower()[:_SUFFIX_CHARACTERS]
    base = state.workflow.name[: OBJECT_NAME_LENGTH_MAX - _SUFFIX_CHARACTERS - 1].rstrip("-.")
    state.set(resubmission=Resubmission(name=f"{base}-{suffix}"))
    return f"{base}-{suffix}"


def observe_resubmission(state: StateManager) -> None:
    """Fold in what became of it."""
    asked, seen = state.status.resubmission, state.observed.resubmission
    if asked is None or asked.uid is not None or seen is None:
        return
    if seen.uid is not None:
        state.set(resubmission=asked.model_copy(update={"uid": seen.uid}))
    else:
        state.set(resubmission=None)
        state.tell(EventType.WARNING, "ResubmissionRefused", f"Workflow {asked.name} was not made: {seen.refusal}")


def resubmission(state: StateManager) -> tuple[CreateWorkflow, ...]:
    """The action that makes the new Workflow, until it was seen."""
    asked, workflow = state.status.resubmission, state.workflow
    if asked is None or asked.uid is not None:
        return ()
    metadata = {
        "name": asked.name,
        "namespace": workflow.namespace,
        "annotations": {ANNOTATION_RESUBMISSION_OF: f"{workflow.name}/{workflow.uid}"},
    }
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": workflow.spec}
    return (CreateWorkflow(asked.name, manifest),)
