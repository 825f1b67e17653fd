"""The commands of `kubesaga`."""

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from kubesaga.cli.exit_code import ExitCode, exit_code
from kubesaga.cli.manifest import Manifest, ManifestsRefused, read_manifests

_STATE_DIR = ".kubesaga"


class _Commands(click.Group):
    """Suggests the command that was meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("kubesaga"), prog_name="kubesaga")
def main() -> None:
    """Multi-step work that finishes or is undone: on Kubernetes, or on this machine.

    \b
    kubesaga plan FILE        what would run, and how it would be undone
    kubesaga simulate FILE    the same in virtual time, with failures
    kubesaga run FILE         run it here, steps as local processes
    kubectl apply -f FILE     run it in a cluster, where the operator is installed
    """


def _parameters(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, separator, _ in pairs:
        if not separator or not name:
            raise click.BadParameter(f'"{name}" is not NAME=VALUE', ctx, param)
    return {name: value for name, _, value in pairs}


_file = click.argument("file", metavar="FILE")
_param = click.option(
    "-p", "--param", "params", multiple=True, metavar="NAME=VALUE", callback=_parameters, help="Replace a parameter."
)


def _output(*formats: str) -> Callable[[Any], Any]:
    return click.option("-o", "--output", type=click.Choice(formats), help="Print this to standard output instead.")


def _read(file: str, params: dict[str, str]) -> list[Manifest]:
    """Read manifests, or print every error and exit with 2."""
    try:
        return read_manifests(file, params)
    except ManifestsRefused as refused:
        for line in refused.lines:
            click.echo(line, err=True)
        count = len(refused.lines)
        click.echo(f"refused: {count} error{'s' if count > 1 else ''}", err=True)
        sys.exit(ExitCode.REFUSED)


@main.command()
@_file
@_param
@_output("text", "json", "mermaid", "dot")
def plan(file: str, params: dict[str, str], output: str | None) -> None:
    """Show levels, critical path, rollback order and warnings.

    FILE is a manifest, a folder of them, or - for standard input.
    """
    from kubesaga.cli.plan_command import plan_dot, plan_json, plan_mermaid, plan_text

    manifests = _read(file, params)
    if output == "json":
        plans = [plan_json(manifest.plan) for manifest in manifests]
        click.echo(json.dumps(plans[0] if len(plans) == 1 else plans, indent=2))
        return
    printers: dict[str | None, Callable[[Manifest], str]] = {
        "mermaid": lambda manifest: plan_mermaid(manifest.plan),
        "dot": lambda manifest: plan_dot(manifest.plan),
    }
    text = printers.get(output) or (lambda manifest: plan_text(manifest.name, manifest.plan))
    click.echo("\n\n".join(text(manifest) for manifest in manifests))


@main.command()
@click.argument("file", metavar="[FILE]", required=False)
@_param
@_output("json", "yaml")
@click.option("--resume", metavar="NAME", is_flag=False, flag_value="", help="Go on with an earlier run.")
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path),
    default=_STATE_DIR,
    show_default=True,
    help="Where runs keep their state.",
)
def run(file: str | None, params: dict[str, str], output: str | None, resume: str | None, state_dir: Path) -> None:
    """Run Workflows on this machine, steps as local processes.

    FILE is a manifest, a folder of them, or - for standard input; several Workflows run one after another, until one
    does not succeed. Images are ignored; command, args and env are those of the containers.

    \b
    Exit codes: 0 Succeeded, 1 Failed or Cancelled, 2 the input was refused, 3 RolledBack,
    4 RollbackBlocked, 130 interrupted. Ctrl-C cancels and undoes; a second Ctrl-C stops at once.
    """
    from kubesaga.cli.run_command import run_workflow
    from kubesaga.runner.local_run import RunRefused

    console = Console(stderr=True, highlight=False)
    results: list[Any] = []
    code = ExitCode.SUCCEEDED
    try:
        for manifest, name in _runs(file, params, resume, state_dir):
            raw, code = run_workflow(manifest, name, state_dir, console)
            results.append(raw)
            if code is not ExitCode.SUCCEEDED:
                break
    except RunRefused as refused:
        click.echo(str(refused), err=True)
        sys.exit(ExitCode.REFUSED)
    _print_objects(results, output)
    sys.exit(code)


def _runs(
    file: str | None, params: dict[str, str], resume: str | None, state_dir: Path
) -> list[tuple[Manifest | None, str]]:
    """What to run: manifests, or the runs to resume."""
    if resume is None:
        if file is None:
            raise click.UsageError("name a FILE to run, or --resume NAME")
        manifests = _read(file, params)
        return [(manifest, manifest.name) for manifest in manifests]
    if file is not None and resume == "":
        return [(None, manifest.name) for manifest in _read(file, params)]
    if file is not None:
        raise click.UsageError("--resume NAME goes without FILE: the state knows the manifest")
    names = [resume] if resume else sorted(p.parent.name for p in state_dir.glob("*/state.db"))
    if len(names) != 1:
        raise click.UsageError(f"--resume NAME: there are {len(names)} runs in {state_dir}: {', '.join(names)}")
    return [(None, names[0])]


def _print_objects(objects: list[Any], output: str | None) -> None:
    """The final Workflows on standard output; a List if there are several."""
    if output is None or not objects:
        return
    printed = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects}
    if output == "json":
        click.echo(json.dumps(printed, indent=2))
        return
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.dump(printed, sys.stdout)


@main.command()
@_file
@_param
@_output("text", "json")
@click.option("--fail", metavar="STEP", help="Let this step fail in every attempt.")
@click.option("--every-failure", is_flag=True, help="Simulate once for each step, with that step failing.")
@click.option(
    "--durations",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Seconds by step name, as JSON; 1 by default.",
)
def simulate(
    file: str, params: dict[str, str], output: str | None, fail: str | None, every_failure: bool, durations: Path | None
) -> None:
    """Run a Workflow in virtual time: what runs, what is undone, in which order.

    Exit codes are those of `run`; with --every-failure 0.
    """
    from kubesaga.cli.simulate_command import read_durations, simulate_manifest, simulated_text

    manifests = _read(file, params)
    if len(manifests) != 1:
        raise click.UsageError("simulate takes one Workflow")
    manifest = manifests[0]
    if fail is not None and fail not in manifest.plan.by_name:
        raise click.BadParameter(f'there is no step "{fail}"', param_hint="--fail")
    runs = simulate_manifest(manifest, read_durations(durations), fail, every_failure=every_failure)
    if output == "json":
        click.echo(json.dumps(runs if every_failure else runs[0], indent=2))
    else:
        click.echo("\n\n".join(simulated_text(one) for one in runs))
    sys.exit(0 if every_failure else exit_code(runs[0]["phase"]))


@main.command()
def crd() -> None:
    """Print the CustomResourceDefinition, for kubectl apply."""
    from kubesaga.cli.crd_command import print_crd

    print_crd(sys.stdout)


@main.command(context_settings={"auto_envvar_prefix": "KUBESAGA_OPERATOR"})
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="KUBESAGA_OPERATOR_NAMESPACE",
    help="Watch this namespace; all by default. May be repeated.",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    help="Port of /livez, /readyz and /metrics.",
)
def operator(namespaces: tuple[str, ...], log_format: str, log_level: str, http_port: int) -> None:
    """Run the operator, in a cluster or against the current kubeconfig."""
    from kubesaga.controller.entrypoint import main as run_operator
    from kubesaga.controller.settings import Settings

    sys.exit(run_operator(Settings(namespaces, "json" if log_format == "json" else "text", log_level, http_port)))


if __name__ == "__main__":
    main()
