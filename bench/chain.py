"""A chain of steps against the floor: a loop that creates the next Job when it sees the Pod succeed."""

import asyncio
import json
from statistics import median
from time import perf_counter

from bench.api import JOBS, PODS, WORKFLOWS, Api, succeeded
from bench.control_plane import ControlPlane
from bench.report import Figure
from bench.workloads import bare_job, chain

NAMESPACE = "chain"
LENGTH = 10
ROUNDS = 9


async def measure(plane: ControlPlane, api: Api) -> list[Figure]:
    """Both in turn, so that both see the same noise."""
    plane.kubectl("create", "namespace", NAMESPACE)
    bare, own = [], []
    await floor(api, NAMESPACE, "warm")
    await _own(api, "warm")
    mark = plane.audit_log.mark()
    for number in range(ROUNDS):
        bare.append(await floor(api, NAMESPACE, f"floor-{number}"))
        own.append(await _own(api, f"chain-{number}"))
    calls = plane.calls(mark)
    steps = ROUNDS * LENGTH
    events = sum(call.resource == "events" for call in calls)
    last = await api.get(f"{WORKFLOWS.format(namespace=NAMESPACE)}/chain-0")
    status = len(json.dumps(last["status"]["steps"], separators=(",", ":"))) / LENGTH
    against = f"create the next Job when the Pod is seen Succeeded: {median(bare):.2f} s"
    return [
        Figure(f"chain of {LENGTH}", median(own) / median(bare), "x", 2.0, floor=against),
        Figure("  seconds", median(own), "s", floor=f"{min(own):.2f} to {max(own):.2f} in {ROUNDS} rounds"),
        Figure(
            "  API calls a step",
            len(calls) / steps,
            "",
            2 + 4 / LENGTH,
            floor=f"one status write and one create a step, {events / ROUNDS:.0f} Events a chain",
        ),
        Figure("  status bytes of a finished step", status, "B", 200),
    ]


async def floor(api: Api, namespace: str, name: str) -> float:
    """Seconds for the chain as bare Jobs, each created when the one before is seen to have succeeded."""
    begun = perf_counter()
    done = 0
    async with api.watch(PODS.format(namespace=namespace)) as pods:
        await api.create(JOBS.format(namespace=namespace), bare_job(f"{name}-0"))
        async for pod in pods:
            of = pod["metadata"]["labels"].get("batch.kubernetes.io/job-name")
            if of == f"{name}-{done}" and succeeded(pod):
                done += 1
                if done == LENGTH:
                    break
                await api.create(JOBS.format(namespace=namespace), bare_job(f"{name}-{done}"))
    return perf_counter() - begun


async def _own(api: Api, name: str) -> float:
    """Seconds for the chain as a Workflow."""
    path = WORKFLOWS.format(namespace=NAMESPACE)
    begun = perf_counter()
    ended = api.wait_for(path, 1, lambda one: one["metadata"]["name"] == name and succeeded(one))
    await asyncio.gather(ended, api.create(path, chain(name, LENGTH)))
    return perf_counter() - begun
