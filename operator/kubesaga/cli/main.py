"""The commands of `kubesaga`. Each imports what it needs when it is called: help has to be there at once."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import click

from kubesaga.cli.options import (
    Seconds,
    SuggestingGroup,
    file_argument,
    output_option,
    pairs_option,
    param_option,
    place_options,
    workflow_argument,
)
from kubesaga.cli.verb_commands import verb_commands
from kubesaga.runner import STATE_DIR_DEFAULT

_VERBS = verb_commands()
_FILE = "FILE is a manifest (YAML or JSON, any number of documents), a folder of them, or - for standard input."


@click.group(
    cls=SuggestingGroup,
    sections={
        "Without a cluster": ("plan", "simulate", "run"),
        "Look at a Workflow in a cluster": ("get", "logs", "wait"),
        "Ask something of a Workflow in a cluster": tuple(command.name or "" for command in _VERBS),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try it:  kubesaga run examples/order-saga-failing.yaml",
)
@click.version_option(installed_version("kubesaga"), prog_name="kubesaga", message="%(prog)s %(version)s")
def main() -> None:
    """Multi-step work that finishes or is undone: on Kubernetes, or on this machine.

    \b
    kubesaga plan FILE        what would run, and how it would be undone
    kubesaga simulate FILE    the same in virtual time, with failures
    kubesaga run FILE         run it here, steps as local processes
    kubectl apply -f FILE     run it in a cluster, where the operator is installed
    """


@main.command(help=f"Show levels, critical path, rollback order and warnings.\n\n{_FILE}")
@file_argument
@param_option
@output_option("text", "json", "mermaid", "dot")
def plan(file: str, params: dict[str, str], output: str | None) -> None:
    """Show the plan of each Workflow."""
    from kubesaga.cli.plan_command import print_plans
    from kubesaga.cli.read import read

    print_plans(read(file, params), output or "text")


@main.command(
    help=f"""Run Workflows on this machine, steps as local processes.

{_FILE}
Several Workflows run one after another, until one does not succeed. Other kinds are left out.

Images are ignored: command, args and env are run here, with this shell's environment below that of the container.
A step finds the file for its outputs in $KUBESAGA_TERMINATION_LOG.

Ctrl-C cancels: what runs is stopped, what was done is undone. A second Ctrl-C stops at once; --resume goes on.
So it does after a closed terminal, a kill -9 or a power cut: what then still ran is waited for.

\b
Exit codes:
    0  Succeeded
    1  Failed or Cancelled, and there was nothing to undo
    2  the input was refused
    3  RolledBack: all that was done is undone
    4  RollbackBlocked: an undo failed; mend what stops it, then --resume.
       Suspended: a step failed past a pivot; mend it, then --resume.
       PartiallyRolledBack or RollbackFailed: it ended, and something is left
  130  stopped before the end; --resume goes on

\b
Examples:
  kubesaga run order.yaml -p order=4711
  kubesaga run order.yaml -o json | jq .status.phase
  kubesaga run --resume order-saga
  kubesaga run --resume order-saga --request rollback
  kubesaga run --resume order-saga --request skip-compensation=ship --note "called back"
""",
)
@click.argument("file", metavar="[FILE]", required=False)
@param_option
@output_option("json", "yaml")
@click.option(
    "--resume",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Go on with an earlier run; without NAME, with the one that has not ended.",
)
@click.option("--request", metavar="VERB[=STEP]", help="With --resume: ask that of the run first.")
@click.option("--note", metavar="TEXT", help="With --request: why.")
@pairs_option("--step-output", "outputs", "With --request skip-step=STEP: an output of it. May be repeated.")
@click.option("--name", metavar="NAME", help="Run the Workflow under another name.")
@click.option("--logs/--no-logs", default=True, show_default=True, help="Show what steps write.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=STATE_DIR_DEFAULT,
    show_default=True,
    envvar="KUBESAGA_STATE_DIR",
    help="Where runs keep their state and logs, a folder for each name.",
)
def run(file: str | None, params: dict[str, str], output: str | None, **options: Any) -> None:
    """Run Workflows here."""
    from kubesaga.cli.run_queue import run_all

    sys.exit(run_all(file, params, output, **options))


@main.command(
    help=f"""Run a Workflow in virtual time: what runs, what is undone, in which order, how long it takes.

{_FILE}

Exit codes are those of `run`; with --every-failure 0.

\b
Examples:
  kubesaga simulate order.yaml --fail ship
  kubesaga simulate order.yaml --every-failure -o json
""",
)
@file_argument
@param_option
@output_option("text", "json")
@click.option("--fail", metavar="STEP", help="Let this step fail in every attempt; STEP/fallback: its fallback too.")
@click.option("--every-failure", is_flag=True, help="Simulate once for each step, with that step failing.")
@click.option(
    "--durations",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Seconds by step name, as a JSON object; 1 by default. An undo takes as long as its step.",
)
def simulate(file: str, params: dict[str, str], output: str | None, **options: Any) -> None:
    """Simulate Workflows."""
    from kubesaga.cli.read import read
    from kubesaga.cli.simulate_command import simulate_all

    sys.exit(simulate_all(read(file, params), output or "text", **options))


@main.command()
@workflow_argument
@click.option("-w", "--watch", is_flag=True, help="Show every change, until it ends; Ctrl-C stops watching only.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="Print the object, as kubectl does.")
@place_options
def get(name: str, output: str | None, **options: Any) -> None:
    """Show a Workflow in a cluster: where it stands and why, every step and every undo."""
    from kubesaga.cli.get_command import get as show

    sys.exit(show(name, output, **options))


@main.command()
@workflow_argument
@click.argument("step", metavar="STEP")
@click.option("--compensation", is_flag=True, help="The log of its undo.")
@click.option("--attempt", metavar="N", type=click.IntRange(1), help="Of this attempt; the latest by default.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the container ends.")
@place_options
def logs(name: str, step: str, **options: Any) -> None:
    """Print what a step of a Workflow in a cluster has written."""
    from kubesaga.cli.logs_command import print_log

    sys.exit(print_log(name, step, **options))


@main.command(
    help="""Wait until a Workflow in a cluster has ended or waits for a person; print phase, reason and message.

\b
Exit codes:
    0  Succeeded
    1  Failed or Cancelled, and there was nothing to undo; the operator cannot go on;
       deleted, not over in time, or another error
    3  RolledBack: all that was done is undone
    4  RollbackBlocked or Suspended: somebody has to look.
       PartiallyRolledBack or RollbackFailed: it ended, and something is left
  130  Ctrl-C
"""
)
@workflow_argument
@click.option("--timeout", metavar="SECONDS", type=Seconds(0), help="Longest wait; no limit by default, 0 looks once.")
@place_options
def wait(name: str, **options: Any) -> None:
    """Wait for a Workflow."""
    from kubesaga.cli.wait_command import wait as wait_for

    sys.exit(wait_for(name, **options))


@main.command()
def crd() -> None:
    """Print the CustomResourceDefinition, for kubectl apply."""
    from kubesaga.cli.crd_command import print_crd

    print_crd(sys.stdout)


@main.command()
def schema() -> None:
    """Print a JSON schema of Workflows, for editors (yaml-language-server)."""
    from kubesaga.cli.schema_command import print_schema

    print_schema(sys.stdout)


@main.command()
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="KUBESAGA_OPERATOR_NAMESPACE",
    show_envvar=True,
    help="Watch this namespace; all by default. May be repeated; in the variable, separated by spaces.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="KUBESAGA_OPERATOR_LOG_FORMAT",
    show_envvar=True,
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    envvar="KUBESAGA_OPERATOR_LOG_LEVEL",
    show_envvar=True,
)
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    envvar="KUBESAGA_OPERATOR_HTTP_PORT",
    show_envvar=True,
    help="Port of /livez, /readyz and /metrics.",
)
def operator(namespaces: tuple[str, ...], **options: Any) -> None:
    """Run the operator, in a cluster or with the current kubeconfig."""
    from kubesaga.controller.entrypoint import main as run_operator
    from kubesaga.controller.settings import Settings

    sys.exit(run_operator(Settings(namespaces=namespaces, **options)))


@main.command()
def version() -> None:
    """Show the version."""
    click.echo(f"kubesaga {installed_version('kubesaga')}")


for _command in _VERBS:
    main.add_command(_command)
