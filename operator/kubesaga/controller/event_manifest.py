"""Kubernetes Events, for people who read `kubectl describe`."""

from datetime import datetime
from typing import Any

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.api.limits import MESSAGE_BYTES_MAX
from kubesaga.api.model import rfc3339
from kubesaga.api.workflow import Workflow
from kubesaga.engine.decision import Event
from kubesaga.engine.text import clip


def event_manifest(workflow: Workflow, event: Event, now: datetime) -> dict[str, Any]:
    """The core/v1 Event that tells `event` of a Workflow."""
    time = rfc3339(now.replace(microsecond=0))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{workflow.name[:200]}.", "namespace": _place(workflow, event)},
        "involvedObject": _subject(workflow, event),
        "type": event.type,
        "reason": event.reason,
        "message": clip(event.message, MESSAGE_BYTES_MAX),
        "source": {"component": "kubesaga"},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }


def _place(workflow: Workflow, event: Event) -> str:
    """Events about objects without a namespace, such as a Namespace, stand in `default`."""
    return "default" if event.about_namespace else workflow.namespace


def _subject(workflow: Workflow, event: Event) -> dict[str, str]:
    if event.about_namespace:
        return {"apiVersion": "v1", "kind": "Namespace", "name": workflow.namespace}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "namespace": workflow.namespace,
        "name": workflow.name,
        "uid": workflow.uid,
        "resourceVersion": workflow.resource_version,
    }
