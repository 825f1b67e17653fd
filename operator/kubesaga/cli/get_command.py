"""`kubesaga get`: a Workflow of a cluster and all its steps, once or as long as it goes on."""

import json
import sys
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final, Protocol

import click
from rich.console import Console

from kubesaga.cli.cluster_call import in_cluster
from kubesaga.cli.exit_code import ExitCode
from kubesaga.cli.live_report import LiveReport
from kubesaga.cli.plain_changes import PlainChanges
from kubesaga.cli.reading import Reading
from kubesaga.cli.step_table import can_draw
from kubesaga.cli.workflow_changes import changes
from kubesaga.cli.workflow_report import print_report
from kubesaga.controller.cluster import Raw
from kubesaga.controller.cluster_client import ClusterClient

_WIDE: Final = 100_000
"""In a file or a pipe nothing is cut off or wrapped: whoever reads it may search it."""


class Shows(Protocol):
    """Shows one reading after another."""

    def __enter__(self) -> Any:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """Leave the last reading to be seen."""

    def show(self, reading: Reading) -> None:
        """Show how it stands now."""


def get(name: str, output: str | None, *, watch: bool, namespace: str | None, context: str | None) -> ExitCode:
    """Show the Workflow; with `watch` each change of it, until it ends. Returns the exit code."""

    async def work(client: ClusterClient, where: str) -> ExitCode:
        workflow = await client.read_workflow(where, name)
        if output is not None:
            await _print_objects(client, workflow, output, watch=watch)
        elif watch:
            await _follow(client, workflow)
        else:
            print_report(Reading.of(workflow), _console())
        return ExitCode.SUCCEEDED

    return in_cluster(work, namespace=namespace, context=context)


async def _follow(client: ClusterClient, workflow: Raw) -> None:
    reading, console = Reading.of(workflow), _console()
    shows: Shows = LiveReport(reading, console) if can_draw(console) else PlainChanges(sys.stdout)
    with shows:
        shows.show(reading)
        async with aclosing(changes(client, workflow)) as states:
            while not reading.ended:
                reading = Reading.of(await anext(states), reading)
                shows.show(reading)


async def _print_objects(client: ClusterClient, workflow: Raw, output: str, *, watch: bool) -> None:
    """The object; with `watch` also as it is after each change, until it ends."""
    _print(workflow, output)
    async with aclosing(changes(client, workflow)) as states:
        while watch and not Reading.of(workflow).ended:
            workflow = await anext(states)
            if output == "yaml":
                click.echo("---")
            _print(workflow, output)


def _print(workflow: Raw, output: str) -> None:
    """As kubectl prints it: without the record of who manages which field."""
    metadata = {key: value for key, value in workflow["metadata"].items() if key != "managedFields"}
    printed: Mapping[str, Any] = {**workflow, "metadata": metadata}
    if output == "json":
        click.echo(json.dumps(printed, indent=2, ensure_ascii=not sys.stdout.encoding.lower().startswith("utf")))
        return
    from kubesaga.cli.yaml_output import print_yaml

    print_yaml(printed, sys.stdout)
    sys.stdout.flush()


def _console() -> Console:
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console
