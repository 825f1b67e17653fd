"""Reading what a cluster holds."""

import json

from cluster.command import Command


def status(kubectl: Command, name: str, namespace: str) -> dict:
    """The status of a Workflow."""
    return json.loads(kubectl("get", "saga", name, "-n", namespace, "-o", "json"))["status"]
