"""Manifests for cluster tests: the examples with a ledger on this machine, and small Workflows for the fake node."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from cluster.jobs import FAKE_NODE

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str, ledger: Path | None = None, **metadata: str) -> dict[str, Any]:
    """An example; with a ledger its steps append what they do to that file of this machine."""
    manifest = YAML(typ="safe").load(EXAMPLES / f"{name}.yaml")
    manifest["metadata"].update(metadata)
    if ledger is not None:
        with_ledger(manifest, ledger)
    return manifest


def with_ledger(manifest: dict[str, Any], ledger: Path) -> dict[str, Any]:
    """Mount the ledger's folder into every step and name the file to it."""
    defaults = manifest["spec"].setdefault("defaults", {})
    volume = {"name": "ledger", "hostPath": {"path": str(ledger.parent), "type": "DirectoryOrCreate"}}
    defaults.setdefault("pod", {})["volumes"] = [volume]
    container = defaults.setdefault("container", {})
    container["volumeMounts"] = [{"name": "ledger", "mountPath": "/ledger"}]
    container.setdefault("env", []).append({"name": "LEDGER", "value": f"/ledger/{ledger.name}"})
    return manifest


def workflow(name: str, steps: list[Mapping[str, Any]], **spec: Any) -> dict[str, Any]:
    """A Workflow on the real node."""
    return {
        "apiVersion": "kubesaga.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"steps": steps, **spec},
    }


def shell(name: str, script: str, *dependencies: str, undo: str | None = None, **fields: Any) -> dict[str, Any]:
    """A step that runs a script in busybox, with a script that undoes it."""
    step: dict[str, Any] = {"name": name, "dependsOn": list(dependencies), "container": _container(script), **fields}
    if undo is not None:
        step["compensate"] = {"container": _container(undo)}
    return step


def fake(
    name: str, *dependencies: str, undo: bool = False, fail: bool = False, failures: int = 0, delay_ms: int = 0
) -> dict[str, Any]:
    """A step for the fake node, which succeeds at once unless it is told otherwise.

    `failures`: so many attempts fail, and the next one succeeds.
    """
    env = [{"name": "FAKE_FAIL", "value": "true"}] if fail else []
    env += [{"name": "FAKE_FAILURES", "value": str(failures)}] if failures else []
    env += [{"name": "FAKE_DELAY_MS", "value": str(delay_ms)}] if delay_ms else []
    container = {"image": "fake", "env": env} if env else {"image": "fake"}
    step: dict[str, Any] = {"name": name, "dependsOn": list(dependencies), "container": container}
    if undo:
        step["compensate"] = {"container": {"image": "fake"}}
    return step


def fake_workflow(name: str, steps: list[Mapping[str, Any]], **spec: Any) -> dict[str, Any]:
    """A Workflow on the fake node."""
    return workflow(name, steps, defaults={"pod": FAKE_NODE}, **spec)


def text(*manifests: Mapping[str, Any]) -> str:
    """Manifests for kubectl's standard input."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


def _container(script: str) -> dict[str, Any]:
    return {"image": "busybox:1.36", "command": ["/bin/sh", "-ec"], "args": [script]}
