"""Jobs for tests, as manifests."""

import json
from collections.abc import Sequence

FAKE_NODE = {
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
}
"""What a Pod's spec says to run on the fake node; without it, it runs for real."""


def real(name: str, image: str, script: str) -> str:
    """A Job whose one Pod runs a shell script."""
    return _job(name, {"containers": [{"name": "main", "image": image, "command": ["sh", "-ec", script]}]}, {})


def fake(name: str, *, fail: bool = False, delay_ms: int = 0) -> str:
    """A Job whose one Pod seems to run."""
    annotations = {"kubesaga.test/delay-ms": str(delay_ms)} | ({"kubesaga.test/fail": "true"} if fail else {})
    return _job(name, {"containers": [{"name": "main", "image": "none"}], **FAKE_NODE}, annotations)


def conditions(job: str) -> Sequence[str]:
    """The types of the true conditions of a Job, of its JSON."""
    found = json.loads(job).get("status", {}).get("conditions", [])
    return [one["type"] for one in found if one["status"] == "True"]


def _job(name: str, pod: dict, annotations: dict) -> str:
    template = {"metadata": {"annotations": annotations}, "spec": {"restartPolicy": "Never", **pod}}
    spec = {"backoffLimit": 0, "template": template}
    return json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec})
