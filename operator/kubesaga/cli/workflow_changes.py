"""What becomes of one Workflow of a cluster: told by a watch, which is taken up again when it ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from kubesaga.cli.cluster_call import Problem
from kubesaga.controller.cluster import Raw
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.errors import NotFound, Refused, Unavailable

PAUSES_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""How long to leave an API server alone that does not answer; a restart of one takes less than all of these."""

_GONE: Final = 410
"""What was read is too old to watch from: the API server keeps changes for some minutes."""


class Deleted(Problem):
    """The Workflow is not there any more."""


async def changes(client: ClusterClient, workflow: Raw) -> AsyncGenerator[Raw, None]:
    """The Workflow each time that it was seen to have changed since it was read. Raises Deleted, ClusterError."""
    patience = iter(PAUSES_SECONDS)
    while True:
        try:
            async with aclosing(_watched(client, workflow)) as states:
                async for changed in states:
                    workflow = changed
                    yield changed
            found = await _read_again(client, workflow)
        except Unavailable:
            pause = next(patience, None)
            if pause is None:
                raise
            await asyncio.sleep(pause)
            continue
        patience = iter(PAUSES_SECONDS)
        if _version(found) != _version(workflow):
            workflow = found
            yield found
        else:  # Nothing has changed, so nobody waits: a server that ends every watch at once is spared.
            await asyncio.sleep(PAUSES_SECONDS[0])


async def _watched(client: ClusterClient, workflow: Raw) -> AsyncGenerator[Raw, None]:
    """One watch, as long as it lasts."""
    try:
        async with aclosing(client.watch_workflow(workflow)) as states:
            async for changed in states:
                yield changed
    except Refused as refused:
        if refused.code != _GONE:
            raise


async def _read_again(client: ClusterClient, workflow: Raw) -> Raw:
    metadata = workflow["metadata"]
    deleted = Deleted(f"workflow.kubesaga.dev/{metadata['name']} was deleted")
    try:
        found = await client.read_workflow(metadata["namespace"], metadata["name"])
    except NotFound:
        raise deleted from None
    if found["metadata"]["uid"] != metadata["uid"]:
        raise deleted  # Another one has its name.
    return found


def _version(workflow: Raw) -> str:
    version: str = workflow["metadata"]["resourceVersion"]
    return version
