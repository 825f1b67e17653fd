"""The Cluster that is a Kubernetes API server. The one module that imports the Kubernetes client.

Raw dicts over the client's own transport: its typed models cost 0.9 ms an object, this 0.13 ms.
"""

import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from kubesaga.api.group import GROUP, PLURAL, VERSION
from kubesaga.api.names import LABEL_CONCURRENCY_KEY, LABEL_WORKFLOW_UID
from kubesaga.controller.cluster import Operation, Raw, Resource
from kubesaga.controller.errors import CannotStart, Conflict, Exists, NotFound, Refused, Unavailable
from kubesaga.controller.telemetry import Telemetry
from kubesaga.controller.watch import Page

TIMEOUT_SECONDS: Final = 30.0
"""Longest wait for one answer: the API server itself gives up a request after 60 s, and says 504 or 429 long before."""

CONNECT_SECONDS: Final = 5.0
PAGE_SIZE: Final = 500
CONNECTIONS_MAX: Final = 64

WATCH_SECONDS: Final = 300.0
"""How long one watch lasts: who waits on a connection that died unnoticed learns so after it."""

SILENCE_SECONDS: Final = 150.0
"""How long a watch may say nothing: the API server sends a bookmark about every minute."""

_KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Seconds and tries after which the kernel takes the other side of a silent watch for dead."""

_PREFIX: Final[Mapping[str, str]] = {
    "workflows": f"/apis/{GROUP}/{VERSION}",
    "jobs": "/apis/batch/v1",
    "pods": "/api/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "events": "/api/v1",
}
_SELECTED: Final[Mapping[str, str]] = {
    "jobs": LABEL_WORKFLOW_UID,
    "pods": LABEL_WORKFLOW_UID,
    "leases": LABEL_CONCURRENCY_KEY,
}
"""The label that what is ours carries. Of Leases a cluster has one a node, which changes every few seconds."""

_TRY_AGAIN: Final = frozenset({408, 429})
_JSON: Final = "application/json"
_PLAIN: Final = "identity"
"""Not compressed: it would cost both sides more time than a cluster's own network takes for the bytes."""

_JSON_PATCH: Final = "application/json-patch+json"
_MERGE_PATCH: Final = "application/merge-patch+json"


class ClusterClient:
    """Implements `kubesaga.controller.cluster.Cluster`."""

    def __init__(self, api: ApiClient, telemetry: Telemetry, namespaces: Sequence[str] = ()) -> None:
        self._api = api
        self._telemetry = telemetry
        self._namespaces = tuple(namespaces)
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=CONNECT_SECONDS)

    @classmethod
    async def connect(cls, telemetry: Telemetry, namespaces: Sequence[str] = ()) -> "ClusterClient":
        """Connect as the Pod's service account, or by the kubeconfig where there is none; CannotStart without both."""
        configuration = _configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            try:
                await config.load_kube_config(client_configuration=configuration)
            except config.ConfigException as error:
                raise CannotStart(f"no service account, and no kubeconfig to use instead: {error}") from None
        configuration.connection_pool_maxsize = CONNECTIONS_MAX
        return cls(ApiClient(configuration), telemetry, namespaces)

    @classmethod
    async def connect_as_user(cls, context: str | None = None) -> tuple["ClusterClient", str]:
        """Connect as kubectl does, by the kubeconfig; also returns the namespace of the context.

        Raises CannotStart where the kubeconfig or the context is missing or wrong.
        """
        configuration = _configuration()
        try:
            contexts, current = config.list_kube_config_contexts()
            await config.load_kube_config(context=context, client_configuration=configuration)
        except (config.ConfigException, OSError) as error:
            raise CannotStart(f"kubeconfig: {error}") from None
        chosen = next((one for one in contexts if one["name"] == context), current)
        namespace: str = chosen["context"].get("namespace") or "default"
        return cls(ApiClient(configuration), Telemetry()), namespace

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Operation]) -> Raw:
        """See Cluster."""
        path = f"{_path('workflows', namespace, name)}/status"
        return await self._call("PATCH", path, "workflows/status", list(operations), content=_JSON_PATCH)

    async def read_workflow(self, namespace: str, name: str) -> Raw:
        """See Cluster."""
        return await self._call("GET", _path("workflows", namespace, name), "workflows")

    async def create_workflow(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return await self._call("POST", _path("workflows", namespace), "workflows", manifest)

    async def patch_workflow(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return await self._call("PATCH", _path("workflows", namespace, name), "workflows", patch, content=_MERGE_PATCH)

    async def read_namespace(self, name: str) -> Raw:
        """See Cluster."""
        return await self._call("GET", f"/api/v1/namespaces/{quote(name)}", "namespaces")

    async def watch_workflow(self, workflow: Raw) -> AsyncGenerator[Raw, None]:
        """The Workflow each time that it changes after `workflow` was read, until it is gone or the watch ends."""
        metadata = workflow["metadata"]
        selected = {"watch": "1", "fieldSelector": f"metadata.name={metadata['name']}"}
        bounds = {"resourceVersion": metadata["resourceVersion"], "timeoutSeconds": str(int(WATCH_SECONDS))}
        path = f"{_path('workflows', metadata['namespace'])}?{urlencode({**selected, **bounds})}"
        async with aclosing(self._stream(path, WATCH_SECONDS + TIMEOUT_SECONDS)) as chunks:
            async for event in _events(chunks):
                if event["type"] not in ("ADDED", "MODIFIED"):
                    return
                yield event["object"]

    async def pod_log(
        self, namespace: str, name: str, container: str, *, follow: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """What a container of a Pod has written, as it was; with `follow` also what it writes until it ends.

        Raises Refused where it has not begun, NotFound.
        """
        query = urlencode({"container": container, "follow": str(follow).lower()})
        async with aclosing(self._stream(f"{_path('pods', namespace, name)}/log?{query}", None)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _stream(
        self, path: str, seconds: float | None, silence: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """An answer as it comes, for at most so many seconds; the response is closed with the iteration.

        Raises Unavailable where nothing came for `silence` seconds.
        """
        bound = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS, sock_read=silence)
        try:
            response = await self._ask("GET", path, None, bound=bound)
            if response.status >= 400:
                raise _error(response.status, _decoded(await response.read()))
            _keep_alive(response.response)
            try:
                async for chunk in response.response.content.iter_any():
                    yield chunk
            finally:
                response.response.close()
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(0, type(error).__name__, str(error)) from None

    async def delete_workflow(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """See Cluster."""
        options = {
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
        }
        await self._call("DELETE", _path("workflows", namespace, name), "workflows", options)

    async def create_job(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return await self._call("POST", _path("jobs", namespace), "jobs", manifest)

    async def read_job(self, namespace: str, name: str) -> Raw:
        """See Cluster."""
        return await self._call("GET", _path("jobs", namespace, name), "jobs")

    async def patch_job(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return await self._call("PATCH", _path("jobs", namespace, name), "jobs", patch, content=_MERGE_PATCH)

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """See Cluster."""
        options = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        await self._call("DELETE", _path("jobs", namespace, name), "jobs", options)

    async def pods_of_job(self, namespace: str, job_name: str) -> Sequence[Raw]:
        """See Cluster."""
        query = urlencode({"labelSelector": f"batch.kubernetes.io/job-name={job_name}"})
        answer = await self._call("GET", f"{_path('pods', namespace)}?{query}", "pods", verb="list")
        items: list[Raw] = answer["items"]
        return items

    async def create_lease(self, namespace: str, manifest: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return await self._call("POST", _path("leases", namespace), "leases", manifest)

    async def read_lease(self, namespace: str, name: str) -> Raw:
        """See Cluster."""
        return await self._call("GET", _path("leases", namespace, name), "leases")

    async def patch_lease(self, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """See Cluster."""
        return await self._call("PATCH", _path("leases", namespace, name), "leases", patch, content=_MERGE_PATCH)

    async def delete_lease(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """See Cluster."""
        options = {"preconditions": {"uid": uid, "resourceVersion": resource_version}}
        await self._call("DELETE", _path("leases", namespace, name), "leases", options)

    async def create_event(self, namespace: str, manifest: Mapping[str, Any]) -> None:
        """See Cluster."""
        await self._call("POST", _path("events", namespace), "events", manifest)

    @property
    def namespaces(self) -> Sequence[str | None]:
        """The namespaces that are listed and watched one by one; only None where it is all of them at once."""
        return self._namespaces or (None,)

    async def list(self, resource: Resource) -> AsyncIterator[Raw]:
        """See Cluster."""
        for namespace in self.namespaces:
            async for page in self.pages(resource, namespace):
                for raw in page.objects:
                    yield raw

    async def pages(self, resource: Resource, namespace: str | None) -> AsyncIterator[Page]:
        """See Source."""
        query = {"limit": str(PAGE_SIZE), **_selected(resource)}
        while True:
            path = f"{_path(resource, namespace)}?{urlencode(query)}"
            answer = await self._call("GET", path, resource, verb="list")
            yield Page(answer["items"], answer["metadata"].get("resourceVersion") or "0")
            query["continue"] = answer["metadata"].get("continue") or ""
            if not query["continue"]:
                return

    async def watch(self, resource: Resource, namespace: str | None, version: str) -> AsyncGenerator[Raw, None]:
        """See Source."""
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(int(WATCH_SECONDS))}
        query |= {"resourceVersion": version, **_selected(resource)}
        path = f"{_path(resource, namespace)}?{urlencode(query)}"
        async with aclosing(self._stream(path, WATCH_SECONDS + TIMEOUT_SECONDS, SILENCE_SECONDS)) as chunks:
            async for event in _events(chunks):
                yield event

    async def _call(
        self,
        method: str,
        path: str,
        resource: str,
        body: Any = None,
        *,
        content: str = _JSON,
        verb: str | None = None,
    ) -> Raw:
        """One request: counted, bounded in time, its answer translated into our errors."""
        verb = verb or _VERBS[method]
        try:
            response = await self._ask(method, path, body, content, self._timeout)
            raw = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._telemetry.call(verb, resource, 0)
            raise Unavailable(0, type(error).__name__, str(error) or "no answer in time") from None
        self._telemetry.call(verb, resource, response.status)
        answer = _decoded(raw)
        if response.status < 400:
            return answer
        raise _error(response.status, answer)

    async def _ask(
        self, method: str, path: str, body: Any, content: str = _JSON, bound: aiohttp.ClientTimeout | None = None
    ) -> Any:
        """One request as whom we are; returns the response as it begins."""
        headers = {"Accept": _JSON, "Accept-Encoding": _PLAIN, "Content-Type": content, "User-Agent": "kubesaga"}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = f"{self._api.configuration.host}{path}"
        return await self._api.rest_client.request(method, url, headers=headers, body=body, _request_timeout=bound)


_VERBS: Final = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


def _configuration() -> Configuration:
    """A connection that no proxy of the environment comes between."""
    configuration = Configuration()
    configuration.client_session_kwargs = {"trust_env": False}
    return configuration


def _path(resource: str, namespace: str | None, name: str | None = None) -> str:
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    plural = PLURAL if resource == "workflows" else resource
    return f"{_PREFIX[resource]}{where}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


def _selected(resource: Resource) -> Mapping[str, str]:
    return {"labelSelector": _SELECTED[resource]} if resource in _SELECTED else {}


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    """Let the kernel find out whether the other side of a connection that is silent is still there."""
    transport = response.connection.transport if response.connection else None
    connection = transport.get_extra_info("socket") if transport else None
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE.items():
        if hasattr(socket, option):  # Not on every system.
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Raw]:
    """The events of a watch; what was cut off in the middle of one is none. Raises Unavailable where one is no JSON."""
    buffer = b""
    async for chunk in chunks:
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                raise Unavailable(0, "BrokenWatch", f"not JSON: {line[:200].decode(errors='replace')}") from None


def _decoded(raw: bytes) -> Raw:
    try:
        answer = json.loads(raw)
    except ValueError:
        return {"message": raw[:200].decode(errors="replace")}
    return answer if isinstance(answer, dict) else {}


def _error(code: int, answer: Raw) -> Exception:
    """The answer as one of our errors."""
    reason, message = answer.get("reason") or str(code), answer.get("message") or ""
    if code >= 500 or code in _TRY_AGAIN or code == 401:
        error = Unavailable(code, reason, message)
        error.retry_after_seconds = (answer.get("details") or {}).get("retryAfterSeconds")
        return error
    if code == 404:
        return NotFound(code, reason, message)
    if code == 409:
        return Exists(code, reason, message) if reason == "AlreadyExists" else Conflict(code, reason, message)
    return Refused(code, reason, message)
