"""The client turns every answer of an API server into one of our errors, and none into a hang."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiClient, Configuration

from kubesaga.controller import cluster_client
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.errors import Conflict, Exists, NotFound, Refused, Unavailable
from kubesaga.controller.telemetry import Telemetry


class Server:
    """Gives the answer it is told, and remembers the last request."""

    def __init__(self) -> None:
        self.code, self.answer = 200, {}
        self.text: str | None = None
        self.request: web.Request | None = None
        self.body = ""
        self.answering: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.request, self.body = request, await request.text()
        if self.answering is not None:
            return await self.answering(request)
        if self.text is not None:
            return web.Response(text=self.text, status=self.code)
        return web.json_response(self.answer, status=self.code)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[ClusterClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with TestServer(app) as listening:
        configuration = Configuration(host=str(listening.make_url("")).rstrip("/"))
        configuration.client_session_kwargs = {"trust_env": False}
        made = ClusterClient(ApiClient(configuration), Telemetry())
        yield made
        await made.close()


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", Exists),
        (409, "Conflict", Conflict),
        (403, "Forbidden", Refused),
        (422, "Invalid", Refused),
        (401, "Unauthorized", Unavailable),
        (408, "Timeout", Unavailable),
        (429, "TooManyRequests", Unavailable),
        (500, "InternalError", Unavailable),
        (504, "Timeout", Unavailable),
    ],
)
async def test_each_answer_is_one_error(
    client: ClusterClient, server: Server, code: int, reason: str, error: type[Exception]
) -> None:
    server.code, server.answer = code, {"reason": reason, "message": "why", "details": {"retryAfterSeconds": 3}}
    with pytest.raises(error, match="why") as raised:
        await client.create_job("ns", {"kind": "Job"})
    assert type(raised.value) is error
    if error is Unavailable:
        assert raised.value.retry_after_seconds == 3


async def test_a_status_is_patched_by_operations_on_the_subresource(client: ClusterClient, server: Server) -> None:
    await client.patch_status("ns", "name", [{"op": "add", "path": "/status", "value": {}}])
    assert server.request is not None
    assert server.request.path == "/apis/kubesaga.dev/v1alpha1/namespaces/ns/workflows/name/status"
    assert server.request.headers["Content-Type"] == "application/json-patch+json"
    assert server.request.headers["User-Agent"] == "kubesaga"


async def test_deletes_name_a_propagation_policy_and_their_preconditions(client: ClusterClient, server: Server) -> None:
    await client.delete_job("ns", "name", "u")
    assert '"propagationPolicy": "Foreground"' in server.body
    assert '"preconditions": {"uid": "u"}' in server.body
    await client.delete_workflow("ns", "name", "u", "7")
    assert '"resourceVersion": "7"' in server.body


async def test_a_list_follows_its_pages_and_selects_what_is_ours(client: ClusterClient, server: Server) -> None:
    server.answer = {"items": [{"a": 1}], "metadata": {}}
    assert [raw async for raw in client.list("jobs")] == [{"a": 1}]
    assert server.request is not None
    assert server.request.query["labelSelector"] == "kubesaga.dev/workflow-uid"


async def test_no_answer_is_unavailable(client: ClusterClient) -> None:
    client._api.configuration.host = "http://127.0.0.1:1"
    with pytest.raises(Unavailable):
        await client.read_job("ns", "name")


async def test_an_answer_that_is_no_json_is_told_as_it_is(client: ClusterClient, server: Server) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway")

    server.handle = broken  # type: ignore[method-assign]
    server.code, server.answer = 502, {}
    with pytest.raises(Unavailable):
        await client.read_workflow("ns", "name")


async def test_a_watch_tells_each_change_until_the_object_is_gone(client: ClusterClient, server: Server) -> None:
    changes = [{"type": "MODIFIED", "object": {"n": 1}}, {"type": "MODIFIED", "object": {"n": 2}}]
    server.text = "".join(json.dumps(one) + "\n" for one in [*changes, {"type": "DELETED", "object": {"n": 3}}])
    workflow = {"metadata": {"namespace": "ns", "name": "x", "resourceVersion": "7"}}
    assert [one["n"] async for one in client.watch_workflow(workflow)] == [1, 2]
    assert server.request is not None
    selected = {"watch": "1", "fieldSelector": "metadata.name=x", "resourceVersion": "7", "timeoutSeconds": "300"}
    assert dict(server.request.query) == selected


async def test_a_watch_that_is_refused_is_an_error(client: ClusterClient, server: Server) -> None:
    server.code, server.answer = 403, {"reason": "Forbidden", "message": "why"}
    workflow = {"metadata": {"namespace": "ns", "name": "x", "resourceVersion": "7"}}
    with pytest.raises(Refused, match="why"):
        async for _ in client.watch_workflow(workflow):
            pass


async def test_annotations_are_merged_and_those_that_are_none_removed(client: ClusterClient, server: Server) -> None:
    await client.patch_workflow("ns", "x", {"metadata": {"annotations": {"a": "1", "b": None}}})
    assert json.loads(server.body) == {"metadata": {"annotations": {"a": "1", "b": None}}}
    assert server.request is not None
    assert server.request.headers["Content-Type"] == "application/merge-patch+json"


async def test_a_log_is_given_as_it_was_written(client: ClusterClient, server: Server) -> None:
    server.text = "one\n\x1b[31mtwo"
    assert b"".join([chunk async for chunk in client.pod_log("ns", "p", "step")]) == b"one\n\x1b[31mtwo"
    assert server.request is not None
    assert server.request.path == "/api/v1/namespaces/ns/pods/p/log"
    assert dict(server.request.query) == {"container": "step", "follow": "false"}


async def test_a_log_of_a_container_that_has_not_begun_is_refused(client: ClusterClient, server: Server) -> None:
    server.code, server.answer = 400, {"reason": "BadRequest", "message": "is waiting to start"}
    with pytest.raises(Refused, match="is waiting to start"):
        async for _ in client.pod_log("ns", "p", "step", follow=True):
            pass


async def test_a_log_may_be_followed_longer_than_any_answer_may_take(client: ClusterClient, server: Server) -> None:
    asked = client._api.rest_client.request
    bounds = []

    async def request(*args, **kwargs):
        bounds.append(kwargs["_request_timeout"])
        return await asked(*args, **kwargs)

    client._api.rest_client.request = request
    async for _ in client.pod_log("ns", "p", "step", follow=True):
        pass
    assert [bound.total for bound in bounds] == [None]


async def test_a_watch_of_a_resource_selects_what_is_ours_and_asks_for_bookmarks(
    client: ClusterClient, server: Server
) -> None:
    events = [{"type": "ADDED", "object": {"n": 1}}, {"type": "BOOKMARK", "object": {"n": 2}}]
    server.text = "".join(json.dumps(one) + "\n" for one in events)
    assert [one async for one in client.watch("pods", None, "7")] == events
    assert server.request is not None
    assert server.request.path == "/api/v1/pods"
    selected = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "300"}
    assert dict(server.request.query) == {
        **selected,
        "resourceVersion": "7",
        "labelSelector": "kubesaga.dev/workflow-uid",
    }
    assert server.request.headers["Accept-Encoding"] == "identity"


async def test_an_event_that_was_cut_off_is_none(client: ClusterClient, server: Server) -> None:
    server.text = '{"type": "ADDED", "object": {"n": 1}}\n{"type": "MODIFIED", "obj'
    assert [one["object"]["n"] async for one in client.watch("jobs", "ns", "7")] == [1]


async def test_an_event_that_is_no_json_ends_the_watch(client: ClusterClient, server: Server) -> None:
    server.text = '{"type": "ADDED", "object": {"n": 1}}\n<html>\n'
    watch = client.watch("jobs", "ns", "7")
    assert (await anext(watch))["object"] == {"n": 1}
    with pytest.raises(Unavailable, match="not JSON: <html>"):
        await anext(watch)


async def test_a_version_that_is_too_old_is_said(client: ClusterClient, server: Server) -> None:
    server.code, server.answer = 410, {"reason": "Expired", "message": "too old"}
    with pytest.raises(Refused, match="too old") as raised:
        [one async for one in client.watch("jobs", None, "7")]
    assert raised.value.code == 410


async def test_a_watch_that_falls_silent_ends(
    client: ClusterClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "SILENCE_SECONDS", 0.05)

    async def silent(_: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(_)
        await response.write(b'{"type": "ADDED", "object": {"n": 1}}\n')
        await asyncio.sleep(5)
        return response

    server.answering = silent
    watch = client.watch("jobs", None, "7")
    assert (await anext(watch))["object"] == {"n": 1}
    with pytest.raises(Unavailable):
        await anext(watch)


async def test_pages_carry_the_version_of_their_list(client: ClusterClient, server: Server) -> None:
    server.answer = {"items": [{"a": 1}], "metadata": {"resourceVersion": "12"}}
    assert [page.version async for page in client.pages("pods", "ns")] == ["12"]
