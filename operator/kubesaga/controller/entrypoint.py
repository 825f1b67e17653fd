"""The operator's process: kopf watches, the controller works, both end together."""

import asyncio
import gc
import logging
import signal
from typing import Any, cast

import kopf

from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.controller import Controller
from kubesaga.controller.http_server import HttpServer
from kubesaga.controller.kopf_handlers import registry_for, settings_for
from kubesaga.controller.logs import configure_logs
from kubesaga.controller.settings import Settings
from kubesaga.controller.telemetry import Telemetry

_log = logging.getLogger(__name__)
_GC_THRESHOLDS = (50_000, 50, 100)
"""Full collections stalled the event loop for a second; the caches are no garbage, and are frozen once primed."""


def main(settings: Settings) -> int:
    """Run the operator until SIGTERM or SIGINT. Returns the exit code."""
    configure_logs(settings.log_format, settings.log_level)
    return asyncio.run(_main(settings))


async def _main(settings: Settings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    telemetry = Telemetry()
    cluster = await ClusterClient.connect(telemetry, settings.namespaces)
    controller = Controller(cluster, telemetry=telemetry)
    server = HttpServer(controller, settings.http_port)
    await server.start()
    _log.info("Operator started", extra={"namespaces": ",".join(settings.namespaces) or "all"})
    try:
        return await _run(settings, controller, stop)
    finally:
        await server.stop()
        await cluster.close()
        _log.info("Operator stopped")


async def _run(settings: Settings, controller: Controller, stop: asyncio.Event) -> int:
    """Watch and work until asked to stop, or until one of the two ends by itself, which is an error."""
    kopf_stop = asyncio.Event()
    watching = asyncio.create_task(_watch(settings, controller, kopf_stop), name="watching")
    working = asyncio.create_task(controller.run(), name="working")
    asked = asyncio.create_task(stop.wait(), name="asked")
    collecting = asyncio.create_task(_tune_gc(controller), name="collecting")
    done, _ = await asyncio.wait({watching, working, asked}, return_when=asyncio.FIRST_COMPLETED)
    controller.stop()
    kopf_stop.set()
    asked.cancel()
    collecting.cancel()
    results = await asyncio.gather(watching, working, return_exceptions=True)
    for failed in (result for result in results if isinstance(result, Exception)):
        _log.error("Operator failed", exc_info=failed)
    return 0 if asked in done else 1


async def _watch(settings: Settings, controller: Controller, stop: asyncio.Event) -> None:
    await kopf.operator(
        registry=registry_for(controller),
        settings=settings_for(),
        standalone=True,
        identity=cast("Any", "kubesaga"),  # kopf's own asks for the name of the user, whom an image need not have
        clusterwide=not settings.namespaces,
        namespaces=list(settings.namespaces),
        stop_flag=stop,
    )


async def _tune_gc(controller: Controller) -> None:
    gc.set_threshold(*_GC_THRESHOLDS)
    await controller.primed.wait()
    gc.collect()
    gc.freeze()
