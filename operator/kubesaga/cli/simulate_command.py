"""`kubesaga simulate`: a Workflow in virtual time."""

import json
from pathlib import Path
from typing import Any

import click

from kubesaga.cli.manifest import Manifest
from kubesaga.runner.simulator import as_json, simulate


def read_durations(path: Path | None) -> dict[str, float]:
    """Seconds by step name. Raises a usage error where the file says something else."""
    if path is None:
        return {}
    try:
        durations = json.loads(path.read_text())
    except (ValueError, RecursionError):
        durations = None
    numbers = isinstance(durations, dict) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
        for value in durations.values()
    )
    if not numbers:
        raise click.BadParameter(f"{path} is no JSON object of seconds by step name", param_hint="--durations")
    found: dict[str, float] = durations
    return found


def simulate_manifest(
    manifest: Manifest, durations: dict[str, float], failed: str | None, *, every_failure: bool
) -> list[dict[str, Any]]:
    """One run, or one for every step that may fail, each with `failed`."""
    if not every_failure:
        return [as_json(simulate(manifest.plan, durations, failed, manifest.name))]
    return [
        {"failed": name, **as_json(simulate(manifest.plan, durations, name, manifest.name))}
        for name in manifest.plan.order
    ]


def simulated_text(run: dict[str, Any]) -> str:
    """A run for people."""
    failed = f"{run['failed']} fails: " if "failed" in run else ""
    lines = [f"{failed}{run['phase']} after {run['makespanSeconds']:g} s"]
    for title, spans in (("", run["steps"]), ("undo of ", run["compensations"])):
        for span in spans:
            end = f"{span['endSeconds']:g}" if span["endSeconds"] is not None else "..."
            lines.append(f"  {span['startSeconds']:>8g} - {end:<8} {span['state']:<10} {title}{span['name']}")
    return "\n".join(lines)
