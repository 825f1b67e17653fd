"""`kubesaga wait`: until a Workflow of a cluster has ended, or waits for a person."""

import asyncio
from contextlib import aclosing

import click

from kubesaga.cli.cluster_call import Problem, in_cluster
from kubesaga.cli.exit_code import ExitCode, exit_code
from kubesaga.cli.reading import Reading
from kubesaga.cli.terminal_text import one_line
from kubesaga.cli.workflow_changes import changes
from kubesaga.controller.cluster_client import ClusterClient


def wait(name: str, *, namespace: str | None, context: str | None, timeout: float | None) -> ExitCode:
    """Wait, at most until the timeout, and tell how it ended. Returns the exit code of the phase."""

    async def work(client: ClusterClient, where: str) -> ExitCode:
        return await _wait(client, where, name, timeout)

    return in_cluster(work, namespace=namespace, context=context)


async def _wait(client: ClusterClient, namespace: str, name: str, seconds: float | None) -> ExitCode:
    workflow = await client.read_workflow(namespace, name)
    reading = Reading.of(workflow)
    try:
        async with asyncio.timeout(seconds), aclosing(changes(client, workflow)) as states:
            while not reading.resting:
                reading = Reading.of(await anext(states), reading)
    except TimeoutError:
        raise Problem(f"no end in {seconds:g} s: {_sentence(reading)}") from None
    click.echo(_sentence(reading))
    return exit_code(reading.status.phase)


def _sentence(reading: Reading) -> str:
    """Where it stands: phase, reason and message."""
    what, status = f"workflow.kubesaga.dev/{reading.workflow.name}:", reading.status
    said = reading.condition("Succeeded") if reading.ended else reading.stalled or reading.condition("Succeeded")
    reason, message = (said.reason, said.message) if said else (status.reason, "")
    if status.phase is None and reason is None:
        return f"{what} not seen by the operator yet"
    stands = str(status.phase or "Pending")
    because = f" ({reason})" if reason and reason != stands else ""
    return f"{what} {stands}{because}{f': {one_line(message)}' if message else ''}"
