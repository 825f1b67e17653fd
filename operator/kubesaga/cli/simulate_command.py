"""`kubesaga simulate`: Workflows in virtual time."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kubesaga.cli.exit_code import ExitCode, exit_code
from kubesaga.cli.manifest import Manifest
from kubesaga.engine.suggestion import Suggestions
from kubesaga.runner.failure_simulator import simulate_each_failure
from kubesaga.runner.simulator import as_json, simulate, ways_to_fail

Run = dict[str, Any]


def simulate_all(
    manifests: Sequence[Manifest], output: str, *, fail: str | None, every_failure: bool, durations: Path | None
) -> int:
    """Simulate every Workflow and print what came of it. Returns the highest exit code; 0 for --every-failure."""
    if fail is not None and every_failure:
        raise click.UsageError("--fail and --every-failure exclude each other")
    known = {name for manifest in manifests for name in (*manifest.plan.by_name, *manifest.plan.finally_steps)}
    if fail is not None:
        _check(fail, known, {way for manifest in manifests for way in ways_to_fail(manifest.plan)})
    seconds = _durations(durations, known)
    runs = [run for manifest in manifests for run in _simulated(manifest, seconds, fail, every_failure=every_failure)]
    if len(manifests) == 1:
        runs = [{key: value for key, value in run.items() if key != "name"} for run in runs]
    if output == "json":
        click.echo(json.dumps(runs[0] if len(runs) == 1 and not every_failure else runs, indent=2))
    else:
        click.echo("\n\n".join(_summary_line(run) if every_failure else _text(run) for run in runs).replace(
            "\n\n", "\n" if every_failure else "\n\n"))  # fmt: skip
    return ExitCode.SUCCEEDED if every_failure else max(exit_code(run["phase"]) for run in runs)


def _simulated(manifest: Manifest, seconds: Mapping[str, float], fail: str | None, *, every_failure: bool) -> list[Run]:
    """One run, or one for every step that may fail, each with `failed`."""
    if not every_failure:
        failed = fail if fail in ways_to_fail(manifest.plan) else None
        return [{"name": manifest.name, **as_json(simulate(manifest.plan, seconds, failed, manifest.name))}]
    return [
        {"name": manifest.name, "failed": step, **run}
        for step, run in simulate_each_failure(manifest.plan, seconds, manifest.name)
    ]


def _check(fail: str, known: set[str], ways: set[str]) -> None:
    """Raises a usage error where that cannot fail."""
    step, _, fallback = fail.partition("/")
    if step not in known or (fallback and fallback != "fallback"):
        raise click.BadParameter(_unknown(fail, known), param_hint="--fail")
    if fail not in ways:
        why = "has no fallback" if fallback else "is a wait, which cannot fail"
        raise click.BadParameter(f'step "{step}" {why}', param_hint="--fail")


def _durations(path: Path | None, known: set[str]) -> dict[str, float]:
    """Seconds by step name. Raises a usage error where the file says something else."""
    if path is None:
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{path} is no JSON: {error}", param_hint="--durations") from None
    if not isinstance(found, dict):
        raise click.BadParameter(f"{path} is no object of seconds by step name", param_hint="--durations")
    for name, seconds in found.items():
        if name not in known:
            raise click.BadParameter(f"{path}: {_unknown(name, known)}", param_hint="--durations")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 31_536_000:
            raise click.BadParameter(f"{path}: {name}: is no number of seconds", param_hint="--durations")
    return found


def _unknown(name: str, known: set[str]) -> str:
    return f'there is no step "{name}"; {Suggestions().did_you_mean(name, sorted(known))}'


def _summary_line(run: Run) -> str:
    """One line for the failure of one step."""
    undone = [span["name"] for span in run["compensations"]]
    what = f"undoes {', '.join(undone)}" if undone else "nothing to undo"
    title = f"{run['name']}: " if "name" in run else ""
    return f"{title}{run['failed']} fails: {run['phase']} after {run['makespanSeconds']:g} s, {what}"


def _text(run: Run) -> str:
    """A run for people."""
    title = f"{run['name']}: " if "name" in run else ""
    lines = [f"{title}{run['phase']} after {run['makespanSeconds']:g} s"]
    for before, spans in (("", run["steps"]), ("undo of ", run["compensations"]), ("finally ", run["finally"])):
        for span in spans:
            end = f"{span['endSeconds']:g}" if span["endSeconds"] is not None else "..."
            lines.append(f"  {span['startSeconds']:>7g} - {end:<7} {span['state']:<10} {before}{span['name']}")
    return "\n".join(lines)
