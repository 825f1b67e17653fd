"""Requests to a Workflow of a cluster: set the annotation, wait for the operator's answer, tell it."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import click

from kubesaga.cli.cluster_call import in_cluster
from kubesaga.cli.exit_code import ExitCode
from kubesaga.cli.workflow_changes import changes
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.engine.request import Request, Verb

Raw = dict[str, Any]
Answer = Mapping[str, Any]


def request(
    verb: Verb,
    name: str,
    target: str | None,
    *,
    namespace: str | None,
    context: str | None,
    timeout: float,
    note: str | None = None,
) -> ExitCode:
    """Ask for `verb`; with a timeout of 0 s without waiting for the answer. Returns the exit code."""

    async def ask(client: ClusterClient, where: str) -> ExitCode:
        return await _request(client, where, verb, name, target, timeout, note)

    return in_cluster(ask, namespace=namespace, context=context)


async def _request(
    client: ClusterClient, namespace: str, verb: Verb, name: str, target: str | None, seconds: float, note: str | None
) -> ExitCode:
    found = await client.read_workflow(namespace, name)
    token = new_token(verb, target, found, datetime.now(UTC))
    asked = await client.annotate_workflow(namespace, name, {verb.annotation: token, verb.note: note})
    what = f"workflow.kubesaga.dev/{name}: {verb}{f' {target}' if target else ''}"
    if not seconds:
        click.echo(f"{what} requested")
        return ExitCode.SUCCEEDED
    answer = await _answer(client, asked, verb, token, seconds)
    if answer is None:
        waited = f"no answer in {seconds:g} s; the request stands, and is answered when the operator runs"
        click.echo(f"{what} requested: {waited}", err=True)
        return ExitCode.FAILED
    click.echo(
        f"{what} {'accepted' if answer['accepted'] else 'refused'}: {answer['message']}", err=not answer["accepted"]
    )
    return ExitCode.SUCCEEDED if answer["accepted"] else ExitCode.FAILED


def new_token(verb: Verb, target: str | None, workflow: Raw, now: datetime) -> str:
    """A token that is greater than every one of that verb and target so far: the time, else a number above all."""
    handled = (workflow.get("status") or {}).get("handledRequests") or ()
    annotation = (workflow["metadata"].get("annotations") or {}).get(verb.annotation)
    tokens = [one["token"] for one in handled if one["verb"] == verb] + ([annotation] if annotation else [])
    parsed = [Request.parse(verb, token) for token in tokens]
    greatest = max((one.number for one in parsed if one.number is not None and one.target == target), default=0.0)
    moment = now.isoformat(timespec="milliseconds")
    token = moment if datetime.fromisoformat(moment).timestamp() > greatest else str(int(greatest) + 1)
    return f"{target}@{token}" if target else token


async def _answer(client: ClusterClient, workflow: Raw, verb: Verb, token: str, seconds: float) -> Answer | None:
    """The operator's answer, as soon as it is there; None if it does not come in time."""
    try:
        async with asyncio.timeout(seconds), aclosing(changes(client, workflow)) as states:
            async for changed in states:
                if found := _handled(changed, verb, token):
                    return found
    except TimeoutError:
        pass
    return None


def _handled(workflow: Raw, verb: Verb, token: str) -> Answer | None:
    handled = (workflow.get("status") or {}).get("handledRequests") or ()
    return next((one for one in handled if one["verb"] == verb and one["token"] == token), None)
