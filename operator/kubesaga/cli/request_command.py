"""Requests to a Workflow of a cluster: set the annotation, wait for the operator's answer, tell it."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import click

from kubesaga.cli.exit_code import ExitCode
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.errors import CannotStart, ClusterError, Unavailable
from kubesaga.engine.request import Request
from kubesaga.engine.verb import Verb

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
    try:
        return asyncio.run(_request(verb, name, target, namespace, context, timeout, note))
    except (CannotStart, ClusterError) as error:
        away = "cannot reach the API server: " if isinstance(error, Unavailable) and not error.code else ""
        click.echo(f"kubesaga: {away}{getattr(error, 'message', None) or error}", err=True)
        return ExitCode.FAILED


async def _request(
    verb: Verb,
    name: str,
    target: str | None,
    namespace: str | None,
    context: str | None,
    seconds: float,
    note: str | None,
) -> ExitCode:
    client, own = await ClusterClient.connect_as_user(context)
    try:
        namespace = namespace or own
        found = await client.read_workflow(namespace, name)
        token = new_token(verb, target, found, datetime.now(UTC))
        asked = await client.annotate_workflow(namespace, name, {verb.annotation: token, verb.note: note})
        what = f"workflow.kubesaga.dev/{name}: {verb}{f' {target}' if target else ''}"
        if not seconds:
            click.echo(f"{what} requested")
            return ExitCode.SUCCEEDED
        answer = await _answer(client, asked, verb, token, seconds)
    finally:
        await client.close()
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
    namespace, name = workflow["metadata"]["namespace"], workflow["metadata"]["name"]
    try:
        async with asyncio.timeout(seconds):
            while True:
                async with aclosing(client.watch_workflow(workflow)) as changes:
                    async for changed in changes:
                        if found := _handled(changed, verb, token):
                            return found
                workflow = await client.read_workflow(namespace, name)
                if found := _handled(workflow, verb, token):
                    return found
    except TimeoutError:
        return None


def _handled(workflow: Raw, verb: Verb, token: str) -> Answer | None:
    handled = (workflow.get("status") or {}).get("handledRequests") or ()
    return next((one for one in handled if one["verb"] == verb and one["token"] == token), None)
