"""A command that talks to a cluster: connected as kubectl is, its errors told in one line."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from kubesaga.cli.exit_code import ExitCode
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.errors import CannotStart, ClusterError, Unavailable


class Problem(Exception):  # noqa: N818 - what a person reads, who did nothing wrong
    """Why a command cannot do what it was asked for, in one line."""


def in_cluster(
    work: Callable[[ClusterClient, str], Awaitable[ExitCode]], *, namespace: str | None, context: str | None
) -> ExitCode:
    """Do the work with a client and a namespace, that of the context by default. Returns the exit code."""
    try:
        return asyncio.run(_connected(work, namespace, context))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Problem as problem:
        click.echo(f"kubesaga: {problem}", err=True)
    except (CannotStart, ClusterError) as error:
        away = "cannot reach the API server: " if isinstance(error, Unavailable) and not error.code else ""
        click.echo(f"kubesaga: {away}{getattr(error, 'message', None) or error}", err=True)
    return ExitCode.FAILED


async def _connected(
    work: Callable[[ClusterClient, str], Awaitable[ExitCode]], namespace: str | None, context: str | None
) -> ExitCode:
    client, own = await ClusterClient.connect_as_user(context)
    try:
        return await work(client, namespace or own)
    finally:
        await client.close()
