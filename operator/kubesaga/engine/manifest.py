"""The exact Job manifest of one attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kubesaga.api import names
from kubesaga.api.container import Container
from kubesaga.api.group import API_VERSION, KIND
from kubesaga.api.names import Direction
from kubesaga.api.pod import PodSettings
from kubesaga.api.workflow import Workflow
from kubesaga.engine.substitution import resolve

_DISRUPTION_IS_NO_FAILURE: Final = {
    # An evicted, preempted or drained Pod is replaced inside the same Job: the attempt is not used up.
    "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
}


@dataclass(frozen=True, slots=True)
class EffectKeys:
    """Idempotency keys: of the Job's own effect, and for an undo those of what it undoes."""

    own: str
    forward: str | None = None
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """What a Job is for."""

    step: str
    direction: Direction
    attempt: int
    epoch: int
    keys: EffectKeys

    def name(self, workflow: Workflow) -> str:
        """The name of the Job."""
        return names.job_name(workflow.uid, self.step, self.direction, self.attempt, self.epoch)


def job_manifest(
    workflow: Workflow,
    identity: JobIdentity,
    container: Container,
    pod: PodSettings,
    context: Mapping[str, str],
    timeout_seconds: int | None,
) -> dict[str, Any]:
    """The Job that runs `container` for one attempt, every reference resolved."""
    name = identity.name(workflow)
    labels = _labels(workflow, identity)
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": _DISRUPTION_IS_NO_FAILURE,
        "template": _pod_template(labels, pod, _container(workflow, identity, container, context)),
    }
    if timeout_seconds is not None:
        spec["activeDeadlineSeconds"] = timeout_seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": workflow.namespace,
            "labels": labels,
            "annotations": {names.ANNOTATION_WORKFLOW: workflow.name},
            "ownerReferences": [_owner(workflow)],
        },
        "spec": spec,
    }


def tombstone_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The same Job as a tombstone: suspended, and without Pods to create even if somebody resumed it."""
    metadata = {**manifest["metadata"]}
    metadata["labels"] = {**metadata["labels"], names.LABEL_TOMBSTONE: "true"}
    return {**manifest, "metadata": metadata, "spec": {**manifest["spec"], "suspend": True, "parallelism": 0}}


def _labels(workflow: Workflow, identity: JobIdentity) -> dict[str, str]:
    """Labels of the Job and its Pods. The Workflow's uid, not its name: label values end at 63 characters."""
    return {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_WORKFLOW_UID: workflow.uid,
        names.LABEL_STEP: identity.step,
        names.LABEL_DIRECTION: identity.direction.value,
        names.LABEL_ATTEMPT: str(identity.attempt),
        names.LABEL_EPOCH: str(identity.epoch),
    }


def _owner(workflow: Workflow) -> dict[str, Any]:
    """The owner reference. Without blockOwnerDeletion, which would need a right on the Workflow's finalizers."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": workflow.name,
        "uid": workflow.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _pod_template(labels: Mapping[str, str], pod: PodSettings, container: Mapping[str, Any]) -> dict[str, Any]:
    settings = pod.wire()
    metadata: dict[str, Any] = {"labels": {**settings.pop("labels", {}), **labels}}
    if annotations := settings.pop("annotations", None):
        metadata["annotations"] = annotations
    spec = {**settings, "restartPolicy": "Never", "containers": [container]}
    if "serviceAccountName" not in spec:
        spec["automountServiceAccountToken"] = False
    return {"metadata": metadata, "spec": spec}


def _container(
    workflow: Workflow, identity: JobIdentity, container: Container, context: Mapping[str, str]
) -> dict[str, Any]:
    """The step's container with its references resolved and our variables first, so that its own may use them."""
    wire = container.wire()
    wire["name"] = names.CONTAINER_NAME
    wire["image"] = resolve(wire["image"], context, escape=False)
    for field in ("command", "args"):
        if field in wire:
            wire[field] = [resolve(text, context, escape=True) for text in wire[field]]
    own = [
        {**variable, "value": resolve(variable["value"], context, escape=True)} if "value" in variable else variable
        for variable in wire.get("env", ())
    ]
    path = wire.setdefault("terminationMessagePath", names.TERMINATION_LOG_DEFAULT)
    # What a failing container said last becomes the step's message, unless it wrote one itself.
    wire["terminationMessagePolicy"] = "FallbackToLogsOnError"
    wire["env"] = _environment(workflow, identity, path) + own
    return wire


def _environment(workflow: Workflow, identity: JobIdentity, termination_log: str) -> list[dict[str, str]]:
    """The variables that every Pod gets."""
    step, direction = identity.step, identity.direction
    variables = {
        names.ENV_WORKFLOW: workflow.name,
        names.ENV_WORKFLOW_UID: workflow.uid,
        names.ENV_STEP: step,
        names.ENV_ITEM: "",
        names.ENV_ATTEMPT: str(identity.attempt),
        names.ENV_DIRECTION: direction.value,
        names.ENV_IDEMPOTENCY_KEY: identity.keys.own,
        names.ENV_TERMINATION_LOG: termination_log,
        names.ENV_TRACEPARENT: names.traceparent(workflow.uid, identity.name(workflow)),
    }
    if identity.keys.forward is not None:
        variables[names.ENV_FORWARD_IDEMPOTENCY_KEY] = identity.keys.forward
    if identity.keys.fallback is not None:
        variables[names.ENV_FALLBACK_IDEMPOTENCY_KEY] = identity.keys.fallback
    return [{"name": name, "value": value} for name, value in variables.items()]
