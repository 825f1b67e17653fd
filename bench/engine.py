"""What planning and one pass cost in processor time, without any cluster."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from bench.report import Figure
from kubesaga.api.names import Direction
from kubesaga.api.status import WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.reconcile import reconcile
from kubesaga.runner.failure_simulator import simulate_each_failure
from kubesaga.runner.simulated_jobs import Ending, SimulatedJobs

GRAPH = Path(__file__).parents[2] / "shared/workflows/mag-dirt02-001.json"
STEPS = 1000
ROUNDS = 21
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def measure() -> list[Figure]:
    """Medians of many rounds, of a Workflow that uses every feature in every step."""
    spec = _spec()
    planner = WorkflowPlanner()
    plan = planner.plan(spec)
    workflow, jobs, now = _half_done(spec)
    status = len(json.dumps(workflow.status.wire()["steps"], separators=(",", ":")))
    done = sum(record.state.terminal for record in workflow.status.steps)
    simulated = _every_failure()
    return [
        Figure(
            f"planning {STEPS} steps, processor time",
            _milliseconds(lambda: planner.plan(spec)),
            "ms",
            50,
            floor=f"each with variables, outputs, a retry and an undo: {len(json.dumps(spec)) / 1024:.0f} KiB of spec",
        ),
        Figure(
            f"one pass over {STEPS} steps, processor time",
            _milliseconds(lambda: reconcile(workflow, plan, jobs.observed(frozenset()), now)),
            "ms",
            10,
            floor=f"{done} done, the others running, one Pod has just ended; {status / 1024:.0f} KiB of status",
        ),
        *([simulated] if simulated else []),
    ]


def _milliseconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = process_time()
        work()
        taken.append(1000 * (process_time() - begun))
    return median(taken)


def _spec() -> dict[str, Any]:
    """One step, and all the others after it, each with all that a step can have."""
    first = _step("first", "$(params.region)")
    others = [_step(f"step-{i}", "$(steps.first.outputs.id)", dependsOn=["first"]) for i in range(STEPS - 1)]
    return {"parameters": [{"name": "region", "value": "eu"}], "steps": [first, *others]}


def _every_failure() -> Figure | None:
    """Seconds of `kubesaga simulate --every-failure` on a real graph, an undo for each step; None without the graph."""
    if not GRAPH.exists():
        return None
    tasks = json.loads(GRAPH.read_text())["tasks"]
    undo = {"container": {"image": "i"}}
    steps = [
        {"name": t["name"], "dependsOn": t["depends_on"], "container": {"image": "i"}, "compensate": undo}
        for t in tasks
    ]
    begun = perf_counter()
    plan = WorkflowPlanner().plan({"steps": steps})
    for _ in simulate_each_failure(plan, {}):
        pass
    name = f"simulate each failure of {len(tasks)} steps"
    return Figure(name, perf_counter() - begun, "s", 5, floor="a real graph (mag), an undo for each step")


def _step(name: str, value: str, **fields: Any) -> dict[str, Any]:
    container = {"image": "app:1", "command": ["work"], "env": [{"name": "OF", "value": value}]}
    undo = {"image": "app:1", "command": ["undo"], "env": [{"name": "ID", "value": f"$(steps.{name}.outputs.id)"}]}
    return {
        "name": name,
        "container": container,
        "retry": {"limit": 2},
        "outputs": [{"name": "id", "maxBytes": 32}],
        "compensate": {"container": undo},
        **fields,
    }


def _half_done(spec: dict[str, Any]) -> tuple[Workflow, SimulatedJobs, datetime]:
    """The Workflow when half of its steps are done and one more has just ended."""
    plan = WorkflowPlanner().plan(spec)
    jobs = SimulatedJobs("uid", _ending)
    workflow = Workflow(
        namespace="default",
        name="bench",
        uid="uid",
        generation=1,
        resource_version="1",
        created=BEGUN,
        deleting=False,
        finalizers=(),
        annotations={},
        spec=spec,
        status=WorkflowStatus(),
    )
    now = BEGUN
    for second in range(STEPS // 2):
        now = BEGUN + timedelta(seconds=second)
        jobs.end(now)
        while (decision := reconcile(workflow, plan, jobs.observed(frozenset()), now)).actions:
            for action in decision.actions:
                jobs.apply(action, now)
            workflow = replace(workflow, status=decision.status)
        workflow = replace(workflow, status=decision.status)
    now += timedelta(seconds=1)
    jobs.end(now)
    return workflow, jobs, now


def _ending(step: str, direction: Direction, attempt: int) -> Ending:
    """Each step takes a second longer than the one before."""
    return Ending(1.0 if step == "first" else 1.0 + int(step.rpartition("-")[2]), termination_message='{"id": "1"}')
