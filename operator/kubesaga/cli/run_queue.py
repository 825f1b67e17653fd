"""What `kubesaga run` has to run: Workflows of a FILE one after another, or one that was begun earlier."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from kubesaga.api.status import Phase
from kubesaga.cli.envelope import is_subdomain
from kubesaga.cli.exit_code import ExitCode
from kubesaga.cli.lasting_stream import silence
from kubesaga.cli.manifest import Manifest
from kubesaga.cli.read import read, refuse
from kubesaga.cli.run_command import Outcome, begin
from kubesaga.cli.run_command import resume as resume_run
from kubesaga.controller.cluster import Raw
from kubesaga.controller.errors import Unavailable
from kubesaga.engine.suggestion import Suggestions
from kubesaga.engine.text import counted
from kubesaga.engine.verb import Verb
from kubesaga.runner.local_run import LocalRequest
from kubesaga.runner.run_folder import RunRefused, earlier_runs, has_ended

LOCAL_VERBS: Final = tuple(v.value for v in Verb if v not in (Verb.SUSPEND, Verb.ASSUME_STOPPED, Verb.RESUBMIT))
"""Verbs that a run without a cluster knows: it is suspended by ending it, and made anew by running its file."""


def run_all(
    file: str | None,
    params: Mapping[str, str],
    output: str | None,
    *,
    resume: str | None,
    name: str | None,
    logs: bool,
    state_dir: Path,
    request: str | None,
    note: str | None,
    outputs: Mapping[str, str],
) -> ExitCode:
    """Run, until one does not succeed; prints the Workflows that ended. Returns the exit code of the last one."""
    if resume is not None and (params or name):
        raise click.UsageError("--param and --name go with a new run: a resumed one keeps its own")
    asked = _asked(request, note, outputs)
    if asked is not None and resume is None:
        raise click.UsageError("--request goes with --resume: it is asked of an earlier run")
    if resume is None:
        runs = [
            partial(begin, manifest.raw, manifest.name, state_dir, logs=logs)
            for manifest in _manifests(file, params, name)
        ]
    else:
        names = _resumed(file, resume, state_dir, ended=asked is not None)
        runs = [partial(resume_run, one, state_dir, logs=logs, asked=asked) for one in names]
    return _run_each(runs, output)


def _asked(request: str | None, note: str | None, outputs: Mapping[str, str]) -> LocalRequest | None:
    """VERB or VERB=STEP as a request."""
    if request is None:
        if note or outputs:
            raise click.UsageError("--note and --step-output go with --request")
        return None
    name, _, step = request.partition("=")
    if name not in LOCAL_VERBS:
        raise click.BadParameter(Suggestions().did_you_mean(name, LOCAL_VERBS), param_hint="--request")
    return LocalRequest(Verb(name), step or None, note, json.dumps(outputs) if outputs else None)


def _run_each(runs: Sequence[Callable[[], Outcome]], output: str | None) -> ExitCode:
    ended: list[Raw] = []
    code = ExitCode.SUCCEEDED
    try:
        for one in runs:
            raw, code = one()
            ended.append(raw)
            if code is not ExitCode.SUCCEEDED:
                break
    except (RunRefused, Unavailable) as refused:
        click.echo(refused.message if isinstance(refused, Unavailable) else str(refused), err=True)
        code = ExitCode.REFUSED
    if ended and (left := len(runs) - len(ended)):
        click.echo(f"{counted(left, 'more Workflow')} not run", err=True)
    _print_objects(ended, output)
    return code


def _manifests(file: str | None, params: Mapping[str, str], name: str | None) -> list[Manifest]:
    """The Workflows of FILE that can be run here."""
    if file is None:
        raise click.UsageError("name a FILE to run, or --resume")
    manifests = read(file, params)
    if name is not None and len(manifests) != 1:
        raise click.UsageError(f"--name names one Workflow; {file} has {len(manifests)}")
    if name is not None and not is_subdomain(name):
        raise click.BadParameter(f'"{name}" is no DNS subdomain', param_hint="--name")
    suspended = [
        f'{m.origin}: spec.suspend: found true; nothing would ever start: run "{m.name}" without it'
        for m in manifests
        if m.plan.suspend
    ]
    if suspended:
        refuse(suspended)
    return [replace(manifests[0], name=name)] if name is not None else manifests


def _resumed(file: str | None, name: str, state_dir: Path, *, ended: bool) -> list[str]:
    """The names of the runs to go on with; `ended`: those that have ended count, too."""
    if file is not None:
        if name:
            raise click.UsageError("--resume NAME goes without FILE: the run knows its manifest")
        return [manifest.name for manifest in read(file, {})]
    if name and not is_subdomain(name):
        refuse([f'--resume: found "{name}"; must be the name of a run'])
    earlier, refused = earlier_runs(state_dir)
    if name:
        if name not in earlier and not (state_dir / name).is_dir():
            known = Suggestions().did_you_mean(name, sorted(earlier))
            refuse([f'there is no run of "{name}" in {state_dir}; {known}'])
        return [name]
    unfinished = [one for one, raw in earlier.items() if ended or not has_ended(raw)]
    if len(unfinished) != 1:
        which = f"there are {len(earlier)} runs; name one: {', '.join(earlier)}" if ended and earlier else ""
        refuse([*refused, f"--resume: {which or _which(unfinished, earlier)}"])
    return unfinished


def _which(unfinished: list[str], earlier: Mapping[str, Raw]) -> str:
    if unfinished:
        return f"{len(unfinished)} runs have not ended; name one: {', '.join(unfinished)}"
    ended = ", ".join(f"{name} ({Phase(raw['status']['phase'])})" for name, raw in earlier.items())
    return f"no run is unfinished; those that ended: {ended}" if ended else "there is no earlier run"


def _print_objects(objects: list[Raw], output: str | None) -> None:
    """The final Workflows on standard output; a List if there are several."""
    if output is None or not objects:
        return
    printed = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects}
    try:
        _print(printed, output)
        sys.stdout.flush()
    except OSError as error:  # The outcome is still in the exit code.
        click.echo(f"standard output: {error.strerror or error}", err=True)
        silence(sys.stdout)


def _print(printed: Mapping[str, Any], output: str) -> None:
    if output == "json":
        unicode = sys.stdout.encoding.lower().startswith("utf")
        click.echo(json.dumps(printed, indent=2, ensure_ascii=not unicode))
        return
    from kubesaga.cli.yaml_output import print_yaml

    print_yaml(printed, sys.stdout)
