"""The few calls of the API server that a measurement makes, as thin as they can be."""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

WORKFLOWS = "/apis/kubesaga.dev/v1alpha1/namespaces/{namespace}/workflows"
JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
PODS = "/api/v1/namespaces/{namespace}/pods"


class Api:
    """An API server, by the rights of a kubeconfig."""

    def __init__(self, session: aiohttp.ClientSession, host: str) -> None:
        self._session = session
        self._host = host

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path) -> AsyncIterator["Api"]:
        """Connect, for as long as the context lasts."""
        configuration = Configuration()
        await config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
        connector = aiohttp.TCPConnector(ssl=context, limit=64)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout()) as session:
            yield cls(session, configuration.host)

    async def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object in the collection at `path`."""
        return await self._call("POST", path, json=body)

    async def merge(self, path: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Merge a patch (RFC 7396) into the object at `path`."""
        return await self._call("PATCH", path, json=patch, headers={"Content-Type": "application/merge-patch+json"})

    async def get(self, path: str) -> dict[str, Any]:
        """The object, or the list, at `path`."""
        return await self._call("GET", path)

    @asynccontextmanager
    async def watch(self, path: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Every object of the collection at `path`, and again as it changes, from when the context is entered."""
        async with self._session.get(self._host + path, params={"watch": "true"}) as answer:
            if answer.status >= 400:
                raise RuntimeError(f"watch {path}: {answer.status} {await answer.text()}")
            yield _objects(answer)

    async def wait_for(self, path: str, count: int, done: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until `count` objects of the collection are done."""
        async with self.watch(path) as objects:
            there = set()
            async for one in objects:
                if done(one):
                    there.add(one["metadata"]["uid"])
                    if len(there) == count:
                        return

    async def rest(self, namespace: str, jobs: int) -> None:
        """Wait until the Job controller has counted every Pod, so that what comes next has it for itself."""
        await self.wait_for(JOBS.format(namespace=namespace), jobs, _complete)

    async def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        async with self._session.request(method, self._host + path, **arguments) as answer:
            body = await answer.json()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {body.get('message')}")
            return body


async def _objects(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    buffer = b""
    async for chunk in answer.content.iter_any():
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)["object"]


def _complete(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any(one["type"] == "Complete" and one["status"] == "True" for one in conditions)


def succeeded(one: Mapping[str, Any]) -> bool:
    """Whether a Pod or a Workflow has succeeded."""
    return one.get("status", {}).get("phase") == "Succeeded"
