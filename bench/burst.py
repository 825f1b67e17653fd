"""Many Workflows at once against as many bare Jobs at once."""

import asyncio
from statistics import median
from time import perf_counter
from typing import Any

from bench.api import JOBS, PODS, WORKFLOWS, Api, succeeded
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
    manifests = [bare_job(f"job-{index}") for index in range(jobs)]
    return await _at_once(plane, api, namespace, JOBS, manifests, PODS)


async def _own(plane: ControlPlane, api: Api, namespace: str) -> float:
    """Seconds until all Workflows have succeeded."""
    manifests = [chain(f"saga-{index}", STEPS) for index in range(WORKFLOWS_AT_ONCE)]
    return await _at_once(plane, api, namespace, WORKFLOWS, manifests, WORKFLOWS)


async def _at_once(
    plane: ControlPlane, api: Api, namespace: str, kind: str, manifests: list[dict[str, Any]], watched: str
) -> float:
    """Create all, and wait until as many of what is watched have succeeded."""
    plane.kubectl("create", "namespace", namespace)
    path = kind.format(namespace=namespace)
    begun = perf_counter()
    ended = api.wait_for(watched.format(namespace=namespace), len(manifests), succeeded)
    await asyncio.gather(ended, *(api.create(path, manifest) for manifest in manifests))
    seconds = perf_counter() - begun
    await api.rest(namespace, WORKFLOWS_AT_ONCE * STEPS)
    return seconds
