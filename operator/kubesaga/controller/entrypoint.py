"""The operator's process: kopf watches, the controller works, both end together."""

import asyncio
import gc
import logging
import signal
from typing import Any, cast

import kopf

from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.controller import Controller
from kubesaga.controller.errors import CannotStart
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
    try:
        return asyncio.run(_main(settings))
    except CannotStart as error:
        _log.error("Operator cannot start", extra={"error": str(error)})
        return 1


async def _main(settings: Settings) -> int:
    stop = asyncio.Event()
    _set_on_signals(stop)
    telemetry = Telemetry()
    cluster = await ClusterClient.connect(telemetry, settings.namespaces)
    controller = Controller(cluster, telemetry=telemetry, source=cluster)
    server = HttpServer(controller, settings.http_port)
    try:
        await server.start()
        _log.info("Operator started", extra={"namespaces": ",".join(settings.namespaces) or "all"})
        return await _run(settings, controller, stop)
    finally:
        await server.stop()
        await cluster.close()
        _log.info("Operator stopped")


def _set_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def _run(settings: Settings, controller: Controller, stop: asyncio.Event) -> int:
    """Watch and work until asked to stop, or until one of the two ends by itself, which is an error.

    Passes in progress are finished before kopf is cancelled, as it cancels every task it finds.
    """
    watching = asyncio.create_task(_watch(settings, controller, stop), name="watching")
    working = asyncio.create_task(controller.run(), name="working")
    asked = asyncio.create_task(stop.wait(), name="asked")
    collecting = asyncio.create_task(_tune_gc(controller), name="collecting")
    done, _ = await asyncio.wait({watching, working, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    collecting.cancel()
    controller.stop()
    if not controller.primed.is_set():
        working.cancel()
    await asyncio.wait({working})
    watching.cancel()
    for failure in await asyncio.gather(watching, working, return_exceptions=True):
        if isinstance(failure, Exception):
            _log.error("Operator failed", exc_info=failure)
    return 0 if asked in done else 1


async def _watch(settings: Settings, controller: Controller, stop: asyncio.Event) -> None:
    existing = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry_for(controller),
        settings=settings_for(),
        standalone=True,
        identity=cast("Any", "kubesaga"),  # kopf's own asks for the name of the user, whom an image need not have
        clusterwide=not settings.namespaces,
        namespaces=list(settings.namespaces),
    )
    _set_on_signals(stop)  # kopf has just taken them for itself
    await kopf.run_tasks(tasks, ignored=existing)


async def _tune_gc(controller: Controller) -> None:
    gc.set_threshold(*_GC_THRESHOLDS)
    await controller.primed.wait()
    gc.collect()
    gc.freeze()
