"""Probes and metrics over HTTP. A probe measures progress, not mere existence."""

import asyncio
import os
from typing import Final

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from kubesaga.controller.controller import Controller
from kubesaga.controller.errors import CannotStart

STUCK_SECONDS: Final = 120.0
"""A pass makes a few calls of at most 30 s each; one that lasts longer than this will not end."""


class HttpServer:
    """Serves /livez, /readyz and /metrics on one port."""

    def __init__(self, controller: Controller, port: int) -> None:
        self._controller = controller
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to listen. Raises CannotStart where the port is taken or not allowed."""
        app = web.Application()
        app.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, port=self._port).start()
        except OSError as error:
            raise CannotStart(f"port {self._port} for probes and metrics: {os.strerror(error.errno or 0)}") from None

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        """Fails when a pass has been running for so long that it will not end."""
        oldest = self._controller.queue.oldest_run()
        if oldest is not None and asyncio.get_running_loop().time() - oldest > STUCK_SECONDS:
            return web.Response(status=503, text="a pass is stuck\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        """Fails until every Workflow, Job and Pod is known."""
        if not self._controller.primed.is_set():
            return web.Response(status=503, text="the caches are not primed\n")
        return web.Response(text="ok\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(self._controller.telemetry.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
