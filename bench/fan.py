"""One step, then many, then one: how long after the end of a Pod the next Job is created."""

from datetime import datetime
from statistics import quantiles
from time import perf_counter

from bench.api import WORKFLOWS, Api
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
        seconds = await _run(plane, api, namespace, width)
        calls = [r for r in plane.audit_log.requests(mark, agent="kubesaga") if r.verb not in ("list", "watch")]
        latencies = _latencies(plane, mark, namespace, width)
        hundredths = quantiles(latencies, n=100)
        figures += [
            Figure(f"fan 1-{width}-1", seconds, "s"),
            Figure("  Pod end to next Job created, p50", 1000 * hundredths[49], "ms"),
            Figure("  Pod end to next Job created, p99", 1000 * hundredths[98], "ms"),
            Figure("  API calls a step", len(calls) / (width + 2), "", 4),
        ]
    return figures


async def _run(plane: ControlPlane, api: Api, namespace: str, width: int) -> float:
    begun = perf_counter()
    async with api.watch(WORKFLOWS.format(namespace=namespace)) as workflows:
        await api.create(WORKFLOWS.format(namespace=namespace), fan("fan", width))
        async for workflow in workflows:
            if workflow["status"].get("phase") == "Succeeded":
                break
    seconds = perf_counter() - begun
    complete = ["--for=condition=Complete", "--timeout=300s"]
    plane.kubectl("wait", "jobs", "--all", "--namespace", namespace, *complete, timeout=310)
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
