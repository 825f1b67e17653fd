"""What is measured: Workflows of several shapes, and the bare Jobs that they are held against, on the fake node."""

import json
from typing import Any

from cluster import jobs
from cluster.manifests import fake, fake_workflow


def chain(name: str, length: int, *, undo: bool = False) -> dict[str, Any]:
    """One step after another."""
    return fake_workflow(name, [fake(f"s{i}", *([f"s{i - 1}"] if i else []), undo=undo) for i in range(length)])


def independent(name: str, width: int, *, undo: bool = False) -> dict[str, Any]:
    """Steps that do not depend on each other."""
    return fake_workflow(name, [fake(f"s{i}", undo=undo) for i in range(width)])


def fan(name: str, width: int) -> dict[str, Any]:
    """One step, then `width` of them, then one."""
    middle = [f"m{i}" for i in range(width)]
    return fake_workflow(name, [fake("first"), *(fake(step, "first") for step in middle), fake("last", *middle)])


def bare_job(name: str) -> dict[str, Any]:
    """A Job that a chain of Jobs, without any operator, would consist of."""
    manifest: dict[str, Any] = json.loads(jobs.fake(name))
    return manifest
