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
    bare = [bare_job(f"job-{index}") for index in range(jobs)]
    sagas = [chain(f"saga-{index}", STEPS) for index in range(WORKFLOWS_AT_ONCE)]
    pods_ended, jobs_complete, own = [], [], []
    cpu, mark = 0.0, plane.audit_log.mark()
    for number in range(ROUNDS):
        to_pods, to_jobs = await _at_once(plane, api, f"bare-{number}", JOBS, bare, PODS)
        pods_ended.append(jobs / to_pods)
        jobs_complete.append(jobs / to_jobs)
        before = plane.cpu_seconds()
        own.append(jobs / (await _at_once(plane, api, f"burst-{number}", WORKFLOWS, sagas, WORKFLOWS))[0])
        cpu += plane.cpu_seconds() - before
    calls = plane.calls(mark)
    name = f"{WORKFLOWS_AT_ONCE} Workflows of {STEPS} steps"
    against = f"{jobs} bare Jobs created at once, until all are Complete: {median(jobs_complete):.0f} Jobs/s"
    to_pods_only = f"until only their Pods have ended: {median(pods_ended):.0f} Jobs/s"
    return [
        Figure(f"{name}, rate", 100 * median(own) / median(jobs_complete), "%", 90, at_least=True, floor=against),
        Figure("  rate against bare Pods", 100 * median(own) / median(pods_ended), "%", floor=to_pods_only),
        Figure("  Jobs a second", median(own), "/s", floor=f"{min(own):.0f} to {max(own):.0f} in {ROUNDS} rounds"),
        Figure("  API calls a step", len(calls) / (ROUNDS * jobs), "", 4),
        Figure("  processor time a step", 1000 * cpu / (ROUNDS * jobs), "ms"),
        Figure("  largest resident memory", plane.memory_peak_bytes() / 2**20, "MiB", 150),
    ]


async def _at_once(
    plane: ControlPlane, api: Api, namespace: str, kind: str, manifests: list[dict[str, Any]], watched: str
) -> tuple[float, float]:
    """Create all. Seconds until as many of what is watched have succeeded, and until every Job is Complete."""
    plane.kubectl("create", "namespace", namespace)
    path = kind.format(namespace=namespace)
    begun = perf_counter()
    ended = api.wait_for(watched.format(namespace=namespace), len(manifests), succeeded)
    await asyncio.gather(ended, *(api.create(path, manifest) for manifest in manifests))
    seconds = perf_counter() - begun
    await api.rest(namespace, WORKFLOWS_AT_ONCE * STEPS)
    return seconds, perf_counter() - begun
