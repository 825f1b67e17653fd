"""A proxy between an operator and the API server that loses, refuses, repeats and delays what passes through it.

Of every request a seeded chance decides whether it meets a fault, and which; every fault is recorded. All that the
faults do is what an API server, a load balancer or a network between can do: a 409 is answered to writes only, and
what was answered by nobody may have been done all the same.
"""

import asyncio
import random
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp import web

from cluster.faults.api_server import ApiServer

HOLD_SECONDS = 3.0
"""How long a request is left without an answer: longer than the operator waits here (`operators.HASTY_SECONDS`)."""

RETRY_AFTER_SECONDS = 1
FAREWELL_SECONDS = 1.0
"""For the TLS connections whose requests are cancelled at the end: aiohttp shows nobody when such a one is closed, and
its documentation says to wait before the loop ends (Graceful Shutdown)."""
_LINE_BYTES_MAX = 2**22
_HOP_BY_HOP = frozenset({"connection", "host", "keep-alive", "transfer-encoding", "content-length"})


class Kind(StrEnum):
    """What becomes of a request, or of an event of a watch."""

    CONFLICT = "answered 409"
    TOO_MANY = "answered 429"
    INTERNAL_ERROR = "answered 500"
    UNAVAILABLE = "answered 503"
    RESET = "reset before it was sent on"
    RESET_AFTER = "reset after it was done"
    TIMEOUT = "never sent on, never answered"
    TIMEOUT_AFTER = "done, never answered"
    WATCH_CUT = "watch cut in the middle of an event"
    WATCH_DELAYED = "watch delayed"
    WATCH_REPEATED = "event repeated"
    WATCH_GONE = "watch ended by 410"


class Fault(NamedTuple):
    """One fault, and the request that met it."""

    kind: Kind
    request: str


_READ = (Kind.TOO_MANY, Kind.INTERNAL_ERROR, Kind.UNAVAILABLE, Kind.RESET, Kind.TIMEOUT)
_WRITE = (*_READ, Kind.CONFLICT, Kind.RESET_AFTER, Kind.TIMEOUT_AFTER)
_WATCH = (Kind.TOO_MANY, Kind.UNAVAILABLE, Kind.RESET)
_EVENT = (Kind.WATCH_CUT, Kind.WATCH_DELAYED, Kind.WATCH_DELAYED, Kind.WATCH_REPEATED, Kind.WATCH_REPEATED)
_EVENT_RARE = (*_EVENT, Kind.WATCH_GONE)
_STATUS: Mapping[Kind, tuple[int, str]] = {
    Kind.CONFLICT: (409, "Conflict"),
    Kind.TOO_MANY: (429, "TooManyRequests"),
    Kind.INTERNAL_ERROR: (500, "InternalError"),
    Kind.UNAVAILABLE: (503, "ServiceUnavailable"),
}


class FaultyProxy:
    """The proxy, in a thread of its own, while the context lasts. `rate`: the share of requests that meet a fault."""

    def __init__(self, api: ApiServer, folder: Path, *, seed: int, rate: float) -> None:
        self.faults: list[Fault] = []
        self.rate = rate
        self._api = api
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-proxy", daemon=True)
        self._path = folder / "proxy.kubeconfig"
        self._cleanups: list[Any] = []

    def __enter__(self) -> Self:
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self._path.write_text(_KUBECONFIG.format(port=port))
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of whoever is to call through the proxy."""
        return self._path

    async def _start(self) -> int:
        context: ssl.SSLContext = self._api.context
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, read_bufsize=_LINE_BYTES_MAX
        )
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._cleanups = [runner.cleanup, self._session.close]
        assert site._server is not None
        port: int = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        return port

    async def _stop(self) -> None:
        for cleanup in self._cleanups:
            await cleanup()
        await asyncio.sleep(FAREWELL_SECONDS)

    # What becomes of a request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        watches = request.query.get("watch") in ("true", "1")
        by_kopf = request.headers.get("User-Agent", "").startswith("kopf")
        kind = self._fate(request, watches=watches, by_kopf=by_kopf)
        if kind in _STATUS:
            return _refusal(*_STATUS[kind])
        if kind is Kind.RESET:
            return _reset(request)
        if kind is Kind.TIMEOUT:
            await asyncio.sleep(HOLD_SECONDS)
            return _reset(request)
        try:
            return await self._send_on(request, kind, watches=watches)
        except (aiohttp.ClientError, OSError):  # The API server is gone: so is the connection to it.
            return _reset(request)

    def _fate(self, request: web.BaseRequest, *, watches: bool, by_kopf: bool) -> Kind | None:
        if self._chance.random() >= self.rate:
            return None
        kinds = _READ if request.method == "GET" else _WRITE
        if watches:
            kinds = _WATCH
        elif by_kopf:
            kinds = tuple(kind for kind in _READ if kind is not Kind.TIMEOUT)  # It waits for minutes.
        kind = self._chance.choice(kinds)
        self.faults.append(Fault(kind, f"{request.method} {request.path}"))
        return kind

    async def _send_on(self, request: web.BaseRequest, kind: Kind | None, *, watches: bool) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url = f"{self._api.address}{request.raw_path}"
        body = await request.read()
        async with self._session.request(request.method, _exact(url), headers=headers, data=body or None) as answer:
            if watches and answer.status == 200:
                return await self._watch(request, answer)
            content = await answer.read()
        if kind is Kind.TIMEOUT_AFTER:
            await asyncio.sleep(HOLD_SECONDS)
        if kind is not None:
            return _reset(request)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        return web.Response(status=answer.status, body=content, headers=kept)

    # What becomes of a watch

    async def _watch(self, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            async for line in self._events(request, answer):
                if line is None:
                    return _reset(request)
                await response.write(line)
            await response.write_eof()
        except ConnectionError:  # Whoever watched has gone.
            pass
        return response

    async def _events(self, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes | None]:
        """What the watch shows, line by line; None where it breaks off."""
        async for line in answer.content:
            kind = self._event_fate(request)
            if kind is Kind.WATCH_CUT:
                yield line[: len(line) // 2]
                yield None
                return
            if kind is Kind.WATCH_GONE:
                yield _GONE
                return
            if kind is Kind.WATCH_DELAYED:
                await asyncio.sleep(self._chance.uniform(0.2, 1.5))
            yield line
            if kind is Kind.WATCH_REPEATED:
                yield line

    def _event_fate(self, request: web.BaseRequest) -> Kind | None:
        if self._chance.random() >= self.rate / 2:
            return None
        kind = self._chance.choice(_EVENT_RARE)
        self.faults.append(Fault(kind, f"WATCH {request.path}"))
        return kind


def _exact(url: str) -> Any:
    """The URL, its escapes as they came."""
    from yarl import URL

    return URL(url, encoded=True)


def _refusal(code: int, reason: str) -> web.Response:
    """The API server's own way to say no."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
    status["message"] = f"a fault of the test: {reason}"
    headers = {}
    if code == 429:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        status["details"] = {"retryAfterSeconds": RETRY_AFTER_SECONDS}
    return web.json_response(status, status=code, headers=headers)


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    """End the connection by a reset, without a farewell."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


_GONE = (
    b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"too old resource version: 1 (2)","reason":"Expired","code":410}}\n'
)
_KUBECONFIG = """{{"apiVersion": "v1", "kind": "Config", "current-context": "proxy",
"clusters": [{{"name": "proxy", "cluster": {{"server": "http://127.0.0.1:{port}"}}}}],
"users": [{{"name": "nobody", "user": {{}}}}],
"contexts": [{{"name": "proxy", "context": {{"cluster": "proxy", "user": "nobody"}}}}]}}
"""
