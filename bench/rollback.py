"""Rollback on request of what has succeeded: a chain against the floor, and many undos at once against bare Jobs."""

import asyncio
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from bench.api import JOBS, PODS, WORKFLOWS, Api, succeeded
from bench.chain import LENGTH, floor
from bench.control_plane import ControlPlane
from bench.report import Figure
from bench.workloads import bare_job, chain, independent
from kubesaga.api.names import LABEL_DIRECTION, Direction

NAMESPACE = "rollback"
WIDTH = 200
CHAINS, WIDE = 7, 5
_OF_CONTROLLER = "controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"


async def measure(plane: ControlPlane, api: Api) -> list[Figure]:
    """Both in turn, each after the Job controller has come to rest: so no undo waits for its batches."""
    plane.kubectl("create", "namespace", NAMESPACE)
    forward, undone, ended = [], [], []
    for number in range(CHAINS):
        forward.append(await floor(api, NAMESPACE, f"floor-{number}"))
        manifest = chain(f"chain-{number}", LENGTH, undo=True)
        last_undo, end = await _undone(plane, api, f"chain-{number}", manifest, LENGTH)
        undone.append(last_undo)
        ended.append(end)
    bare, wide, same = [], [], []
    for number in range(WIDE):
        least = [bare_job(f"job-{index}") for index in range(WIDTH)]
        bare.append(WIDTH / await _bare(plane, api, f"undo-bare-{number}", least))
        manifest = independent("wide", WIDTH, undo=True)
        _, end = await _undone(plane, api, f"wide-{number}", manifest, WIDTH)
        wide.append(WIDTH / end)
        undos = await _undo_jobs(api, f"wide-{number}")
        same.append(WIDTH / await _bare(plane, api, f"undo-same-{number}", undos))
    against = f"create the next Job when the Pod is seen Succeeded: {median(forward):.2f} s"
    at_once = f"the same {WIDTH} Jobs created at once, until all are Complete: {median(same):.0f} Jobs/s"
    empty = f"{WIDTH} Jobs without variables, labels and policies: {median(bare):.0f} Jobs/s"
    rounds = f"{min(wide):.0f} to {max(wide):.0f} in {WIDE} rounds"
    return [
        Figure(f"undo of a chain of {LENGTH}", median(undone) / median(forward), "x", 2.0, floor=against),
        Figure("  seconds", median(undone), "s", floor=f"{min(undone):.2f} to {max(undone):.2f} in {CHAINS} rounds"),
        Figure(
            "  seconds to RolledBack", median(ended), "s", floor="that is when the last Job says Complete, in its batch"
        ),
        Figure(
            f"undo of {WIDTH} steps, rate", 100 * median(wide) / median(same), "%", 90, at_least=True, floor=at_once
        ),
        Figure("  rate against empty Jobs", 100 * median(wide) / median(bare), "%", floor=empty),
        Figure("  undos a second", median(wide), "/s", floor=rounds),
    ]


async def _undone(
    plane: ControlPlane, api: Api, namespace: str, manifest: dict[str, Any], steps: int
) -> tuple[float, float]:
    """Seconds from the request until all is undone, and until the run has ended."""
    plane.kubectl("create", "namespace", namespace)
    path, name = WORKFLOWS.format(namespace=namespace), manifest["metadata"]["name"]
    await asyncio.gather(api.wait_for(path, 1, succeeded), api.create(path, manifest))
    await api.rest(namespace, steps)
    begun = perf_counter()
    requested = {"metadata": {"annotations": {"kubesaga.dev/rollback": "1"}}}

    async def until(done: Callable[[dict[str, Any]], bool]) -> float:
        await api.wait_for(path, 1, done)
        return perf_counter() - begun

    undone, ended, _ = await asyncio.gather(
        until(lambda one: one.get("status", {}).get("rollbackProgress") == f"{steps}/{steps}"),
        until(lambda one: one.get("status", {}).get("phase") == "RolledBack"),
        api.merge(f"{path}/{name}", requested),
    )
    return undone, ended


async def _undo_jobs(api: Api, namespace: str) -> list[dict[str, Any]]:
    """The Jobs of the undos as they were created: a Job that says more costs the control plane more."""
    jobs = (await api.get(JOBS.format(namespace=namespace)))["items"]
    return [_as_created(job) for job in jobs if job["metadata"]["labels"][LABEL_DIRECTION] == Direction.COMPENSATION]


def _as_created(job: dict[str, Any]) -> dict[str, Any]:
    """A Job without what the API server and its controllers have added, and with labels that the operator ignores."""
    spec = {key: value for key, value in job["spec"].items() if key != "selector"}
    own = {key: value for key, value in job["metadata"]["labels"].items() if key not in _OF_CONTROLLER}
    labels = {key.replace("kubesaga", "not-kubesaga"): value for key, value in own.items()}
    template = spec["template"]["metadata"] | {"labels": labels}
    return {
        "metadata": {key: job["metadata"][key] for key in ("name", "annotations")} | {"labels": labels},
        "spec": spec | {"template": spec["template"] | {"metadata": template}},
    }


async def _bare(plane: ControlPlane, api: Api, namespace: str, jobs: list[dict[str, Any]]) -> float:
    """Seconds until bare Jobs, created at once, are Complete."""
    plane.kubectl("create", "namespace", namespace)
    path = JOBS.format(namespace=namespace)
    begun = perf_counter()
    ended = api.wait_for(PODS.format(namespace=namespace), WIDTH, succeeded)
    await asyncio.gather(ended, *(api.create(path, job) for job in jobs))
    await api.rest(namespace, WIDTH)
    return perf_counter() - begun
