"""Many Workflows at once against as many bare Jobs at once."""

import asyncio
from statistics import median
from time import perf_counter

from bench.api import JOBS, PODS, WORKFLOWS, Api
from bench.control_plane import ControlPlane
from bench.report import Figure
from bench.workloads import bare_job, chain

WORKFLOWS_AT_ONCE = 300
STEPS = 3
ROUNDS = 2


async def measure(plane: ControlPlane, api: Api) -> list[Figure]:
    """Both in turn, each after the Job controller has come to rest."""
    jobs = WORKFLOWS_AT_ONCE * STEPS
    floor, own = [], []
    mark = plane.audit_log.mark()
    for number in range(ROUNDS):
        floor.append(jobs / await _floor(plane, api, f"bare-{number}", jobs))
        own.append(jobs / await _own(plane, api, f"burst-{number}"))
    calls = [r for r in plane.audit_log.requests(mark, agent="kubesaga") if r.verb not in ("list", "watch")]
    name = f"{WORKFLOWS_AT_ONCE} Workflows of {STEPS} steps"
    against = f"{jobs} bare Jobs created at once: {median(floor):.0f} Jobs/s"
    return [
        Figure(f"{name}, rate", 100 * median(own) / median(floor), "%", 90, at_least=True, floor=against),
        Figure("  Jobs a second", median(own), "/s", floor=f"{min(own):.0f} to {max(own):.0f} in {ROUNDS} rounds"),
        Figure("  API calls a step", len(calls) / (ROUNDS * jobs), "", 4),
        Figure("  largest resident memory", plane.memory_peak_bytes() / 2**20, "MiB", 150),
    ]


async def _floor(plane: ControlPlane, api: Api, namespace: str, jobs: int) -> float:
    """Seconds until the Pods of all Jobs have succeeded."""
    plane.kubectl("create", "namespace", namespace)
    begun = perf_counter()
    succeeded = set()
    async with api.watch(PODS.format(namespace=namespace)) as pods:
        path = JOBS.format(namespace=namespace)
        creating = [asyncio.create_task(api.create(path, bare_job(f"job-{index}"))) for index in range(jobs)]
        async for pod in pods:
            if pod["status"].get("phase") == "Succeeded":
                succeeded.add(pod["metadata"]["uid"])
                if len(succeeded) == jobs:
                    break
        seconds = perf_counter() - begun
        await asyncio.gather(*creating)
    _rest(plane, namespace)
    return seconds


async def _own(plane: ControlPlane, api: Api, namespace: str) -> float:
    """Seconds until all Workflows have succeeded."""
    plane.kubectl("create", "namespace", namespace)
    begun = perf_counter()
    succeeded = set()
    async with api.watch(WORKFLOWS.format(namespace=namespace)) as workflows:
        path = WORKFLOWS.format(namespace=namespace)
        names = [f"saga-{index}" for index in range(WORKFLOWS_AT_ONCE)]
        creating = [asyncio.create_task(api.create(path, chain(name, STEPS))) for name in names]
        async for workflow in workflows:
            if workflow["status"].get("phase") == "Succeeded":
                succeeded.add(workflow["metadata"]["name"])
                if len(succeeded) == WORKFLOWS_AT_ONCE:
                    break
        seconds = perf_counter() - begun
        await asyncio.gather(*creating)
    _rest(plane, namespace)
    return seconds


def _rest(plane: ControlPlane, namespace: str) -> None:
    """Wait until the Job controller has counted every Pod, so that the next measurement has it for itself."""
    complete = ["--for=condition=Complete", "--timeout=300s"]
    plane.kubectl("wait", "jobs", "--all", "--namespace", namespace, *complete, timeout=310)
