"""One step, then many, then one: how long after the end of a Pod the next Job is created."""

import asyncio
from datetime import datetime
from statistics import quantiles
from time import perf_counter

from bench.api import WORKFLOWS, Api, succeeded
from bench.control_plane import ControlPlane
from bench.report import Figure
from bench.workloads import fan

WIDTHS = (200, 1000)


async def measure(plane: ControlPlane, api: Api) -> list[Figure]:
    """The latencies of one run a width, by the API server's own clock."""
    figures = []
    for width in WIDTHS:
        namespace = f"fan-{width}"
        plane.kubectl("create", "namespace", namespace)
        mark = plane.audit_log.mark()
        seconds = await _run(api, namespace, width)
        calls = plane.calls(mark)
        latencies = _latencies(plane, mark, namespace, width)
        hundredths = quantiles(latencies, n=100)
        figures += [
            Figure(f"fan 1-{width}-1", seconds, "s"),
            Figure("  Pod end to next Job created, p50", 1000 * hundredths[49], "ms"),
            Figure("  Pod end to next Job created, p99", 1000 * hundredths[98], "ms"),
            Figure("  API calls a step", len(calls) / (width + 2), "", 4),
        ]
    return figures


async def _run(api: Api, namespace: str, width: int) -> float:
    path = WORKFLOWS.format(namespace=namespace)
    begun = perf_counter()
    await asyncio.gather(api.wait_for(path, 1, succeeded), api.create(path, fan("fan", width)))
    seconds = perf_counter() - begun
    await api.rest(namespace, width + 2)
    return seconds


def _latencies(plane: ControlPlane, mark: int, namespace: str, width: int) -> list[float]:
    """Seconds from the end of the last Pod that a step waits for to the creation of its Job."""
    created: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    for request in plane.audit_log.requests(mark, namespace=namespace):
        if request.resource == "jobs" and request.verb == "create":
            created[request.name] = request.time
        elif request.resource == "pods/status" and request.agent.startswith("kwok"):
            ended[request.name.rpartition("-")[0]] = request.time  # the last word of the fake node on this Pod
    assert len(created) == width + 2
    by_time = sorted(created, key=created.__getitem__)
    first, middle, last = by_time[0], by_time[1:-1], by_time[-1]
    latencies = [(created[name] - ended[first]).total_seconds() for name in middle]
    latencies.append((created[last] - max(ended[name] for name in middle)).total_seconds())
    return latencies
