"""Requests to a Workflow of a cluster: set the annotation, wait for the operator's answer, tell it."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import click

from kubesaga.cli.cluster_call import Problem, in_cluster
from kubesaga.cli.exit_code import ExitCode
from kubesaga.cli.workflow_changes import changes
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.errors import Conflict
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
    outputs: str | None = None,
) -> ExitCode:
    """Ask for `verb`; with a timeout of 0 s without waiting for the answer. Returns the exit code."""
    said = {verb.note: note, verb.outputs: outputs}

    async def ask(client: ClusterClient, where: str) -> ExitCode:
        return await _request(client, where, verb, name, target, timeout, said)

    return in_cluster(ask, namespace=namespace, context=context)


async def _request(
    client: ClusterClient,
    namespace: str,
    verb: Verb,
    name: str,
    target: str | None,
    seconds: float,
    said: Mapping[str, str | None],
) -> ExitCode:
    asked, token = await _ask(client, namespace, name, verb, target, said)
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


async def _ask(
    client: ClusterClient, namespace: str, name: str, verb: Verb, target: str | None, said: Mapping[str, str | None]
) -> tuple[Raw, str]:
    """Set the annotation; returns the Workflow and the token.

    An annotation holds one request. Raises Problem where it holds one for another step that has no answer yet.
    """
    while True:
        found = await client.read_workflow(namespace, name)
        if standing := unanswered_for_another(verb, target, found):
            raise Problem(f"{verb} {standing} waits for the operator's answer: ask again when it is there")
        token = new_token(verb, target, found, datetime.now(UTC))
        annotations = {verb.annotation: token, **said}
        metadata = {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": annotations}
        try:
            return await client.patch_workflow(namespace, name, {"metadata": metadata}), token
        except Conflict:
            continue  # It changed since it was read: who else asked?


def unanswered_for_another(verb: Verb, target: str | None, workflow: Raw) -> str | None:
    """A request of that verb for another target that has no answer yet, if there is one."""
    standing = (workflow["metadata"].get("annotations") or {}).get(verb.annotation)
    if standing is None or _handled(workflow, Request.parse(verb, standing)) is not None:
        return None
    parsed = Request.parse(verb, standing)
    return standing if parsed.number is not None and parsed.target != target else None


def new_token(verb: Verb, target: str | None, workflow: Raw, now: datetime) -> str:
    """A token that is greater than every one of that verb and target so far: the time, else a number above all."""
    handled = (workflow.get("status") or {}).get("handledRequests") or ()
    annotation = (workflow["metadata"].get("annotations") or {}).get(verb.annotation)
    tokens = [one["token"] for one in handled if one["verb"] == verb] + ([annotation] if annotation else [])
    parsed = [Request.parse(verb, token) for token in tokens]
    greatest = max((one.number for one in parsed if one.number is not None and one.target == target), default=0.0)
    moment = now.isoformat(timespec="milliseconds")
    token = moment if datetime.fromisoformat(moment).timestamp() > greatest else str(int(greatest) + 1)
    if Request.parse(verb, token).number is None:
        raise Problem(f"{verb} cannot be asked for any more: {int(greatest)}, its last token, is the greatest there is")
    return f"{target}@{token}" if target else token


async def _answer(client: ClusterClient, workflow: Raw, verb: Verb, token: str, seconds: float) -> Answer | None:
    """The operator's answer, as soon as it is there; None if it does not come in time."""
    asked = Request.parse(verb, token)
    try:
        async with asyncio.timeout(seconds), aclosing(changes(client, workflow)) as states:
            async for changed in states:
                if found := _handled(changed, asked):
                    return found
    except TimeoutError:
        pass
    return None


def _handled(workflow: Raw, asked: Request) -> Answer | None:
    """The answer to a request, or to a later one of the same verb and target that took its place."""
    handled = (workflow.get("status") or {}).get("handledRequests") or ()
    same = [one for one in handled if one["verb"] == asked.verb]
    exact = next((one for one in same if one["token"] == asked.token), None)
    return exact or next((one for one in same if _is_later(Request.parse(asked.verb, one["token"]), asked)), None)


def _is_later(other: Request, asked: Request) -> bool:
    return (
        other.target == asked.target
        and other.number is not None
        and asked.number is not None
        and other.number > asked.number
    )
