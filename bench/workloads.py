"""What is measured: Workflows of several shapes, and the bare Jobs that they are held against, on the fake node."""

from typing import Any

FAKE_NODE = {
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
}


def chain(name: str, length: int) -> dict[str, Any]:
    """One step after another."""
    return _workflow(name, [_step(f"s{i}", *([f"s{i - 1}"] if i else [])) for i in range(length)])


def fan(name: str, width: int) -> dict[str, Any]:
    """One step, then `width` of them, then one."""
    middle = [f"m{i}" for i in range(width)]
    steps = [_step("first"), *(_step(step, "first") for step in middle), _step("last", *middle)]
    return _workflow(name, steps)


def bare_job(name: str) -> dict[str, Any]:
    """A Job that a chain of Jobs, without any operator, would consist of."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "fake"}], **FAKE_NODE}
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def _step(name: str, *dependencies: str) -> dict[str, Any]:
    return {"name": name, "dependsOn": list(dependencies), "container": {"image": "fake"}}


def _workflow(name: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "kubesaga.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"defaults": {"pod": FAKE_NODE}, "steps": steps},
    }
