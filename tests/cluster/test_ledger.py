"""A saga of twelve steps with a ledger: whichever step fails, whenever and by whatever cause, nothing is left.

Each of the 96 runs makes one step fail before or after its effect: by itself, by its timeout, because its Job is
deleted, or because the Workflow is cancelled. They run side by side; each test is a promise that all of them keep.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cluster import ledger
from cluster.audit import AuditLog
from cluster.command import Command, CommandError
from cluster.ledger import Ledger, Line
from cluster.manifests import shell, workflow
from cluster.reading import status
from kubesaga.api.names import Direction, idempotency_key

GRAPH = {
    "a": "",
    "b": "a",
    **dict.fromkeys("cde", "b"),
    "f": "cde",
    "g": "f",
    "h": "g",
    "i": "h",
    "j": "i",
    "k": "j",
    "l": "k",
}
"""Each step and what it depends on: a chain with a fan-out of three, and a fan-in."""

REASONS = {"exit": "JobFailed", "timeout": "DeadlineExceeded", "deletion": "Lost", "cancel": "Stopped"}
"""Each cause of a failure, and the reason that the step has to get by it."""

SCRIPTS = {"before": ledger.fails_before, "after": ledger.fails_after}
AT_ONCE = 12
"""A node has room for 110 Pods; each run has at most four."""
TIMEOUT_SECONDS = 20
"""Counted from the start of the Job: on a busy node a container needs some of it to begin."""


@dataclass(frozen=True)
class Run:
    """What became of one run."""

    step: str
    when: str
    cause: str
    status: dict[str, Any]
    entries: list[str]
    lines: list[Line]

    def __str__(self) -> str:
        return f"{self.step} fails {self.when} its effect by {self.cause}"

    @property
    def failed(self) -> dict[str, Any]:
        """The record of the step that was made to fail."""
        return next(step for step in self.status["steps"] if step["name"] == self.step)

    def steps(self, direction: str, what: str) -> list[str]:
        """The steps that did so, as often as they did."""
        return [line.step for line in self.lines if (line.direction, line.what) == (direction, what)]


pytestmark = pytest.mark.timeout(1200)  # All runs together count as the time of the first test.


@pytest.fixture(scope="module")
def runs(
    kubectl: Command, installed: str, module_namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> list[Run]:
    """All runs, ended."""
    folder = tmp_path_factory.mktemp("ledgers")

    def run(case: tuple[str, str, str]) -> Run:
        with Ledger(folder / "-".join(case)) as charged:
            ended = fail(kubectl, module_namespace, charged, *case)
            return Run(*case, ended, charged.entries, charged.lines)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, product(reversed(GRAPH), SCRIPTS, REASONS)))  # The longest begin first.


def fail(kubectl: Command, namespace: str, charged: Ledger, step: str, when: str, cause: str) -> dict[str, Any]:
    """Run the saga, make that step fail, and wait for the end; the Workflow is deleted, to make room on the node."""
    name = f"{step}-{when}-{cause}"
    manifest = charged.for_steps_of(workflow(name, steps(step, when, cause)))
    created = kubectl("create", "-n", namespace, "-f", "-", "-o", "json", stdin=json.dumps(manifest))
    charged.wait_for_the_moment(120)
    if cause == "deletion":
        delete_job(kubectl, namespace, name, json.loads(created)["metadata"]["uid"], step)
    if cause == "cancel":
        kubectl("annotate", f"saga/{name}", "-n", namespace, "kubesaga.dev/cancel=1")
    with contextlib.suppress(CommandError):  # Its phase tells that it did not end.
        kubectl("wait", f"saga/{name}", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=110s")
    ended = status(kubectl, name, namespace)
    kubectl("delete", f"saga/{name}", "-n", namespace, "--wait=false")
    return ended


def steps(failing: str, when: str, cause: str) -> list[dict[str, Any]]:
    """The twelve steps, one of which fails so."""
    script = SCRIPTS[when](ledger.EXIT if cause == "exit" else ledger.HOLD)
    late = {"timeoutSeconds": TIMEOUT_SECONDS} if cause == "timeout" else {}
    good = [shell(one, ledger.CHARGE, *before, undo=ledger.REFUND) for one, before in GRAPH.items() if one != failing]
    return [*good, shell(failing, script, *GRAPH[failing], undo=ledger.REFUND, **late)]


def delete_job(kubectl: Command, namespace: str, name: str, uid: str, step: str) -> None:
    """Delete the Job of a step that runs, once its uid is recorded."""
    recorded = f'--for=jsonpath={{.status.steps[?(@.name=="{step}")].jobUID}}'
    kubectl("wait", f"saga/{name}", "-n", namespace, recorded, "--timeout=30s")
    labels = f"kubesaga.dev/workflow-uid={uid},kubesaga.dev/step={step}"
    kubectl("delete", "job", "-n", namespace, "-l", labels, "--wait=false")


def test_every_run_is_rolled_back_for_the_cause_that_it_was_given(runs: list[Run]) -> None:
    ended = {str(run): (run.status["phase"], run.failed["reason"]) for run in runs}
    assert ended == {str(run): ("RolledBack", REASONS[run.cause]) for run in runs}


def test_every_step_fails_at_the_moment_that_is_meant(runs: list[Run]) -> None:
    charged = {str(run): run.step in run.steps("Forward", "charges") for run in runs}
    assert charged == {str(run): run.when == "after" for run in runs}


def test_every_ledger_ends_empty(runs: list[Run]) -> None:
    assert {str(run): run.entries for run in runs if run.entries} == {}


def test_every_step_that_began_is_undone(runs: list[Run]) -> None:
    left = {str(run): set(run.steps("Forward", "begins")) - set(run.steps("Compensation", "ends")) for run in runs}
    assert {run: steps for run, steps in left.items() if steps} == {}


def test_no_undo_begins_while_anything_forward_runs(runs: list[Run]) -> None:
    assert problems(runs, lambda run: ledger.overlaps(run.lines)) == {}


def test_every_step_is_undone_after_those_that_depend_on_it(runs: list[Run]) -> None:
    assert problems(runs, lambda run: ledger.disorder(run.lines, GRAPH)) == {}


def test_no_step_and_no_undo_runs_twice(runs: list[Run], audit_log: AuditLog, module_namespace: str) -> None:
    def twice(run: Run) -> list[Line]:
        return [line for line, count in Counter(run.lines).items() if count > 1]

    assert problems(runs, twice) == {}
    jobs = Counter(audit_log.jobs_created(module_namespace))
    assert [name for name, count in jobs.items() if count > 1] == []


def problems(runs: list[Run], find: Callable[[Run], list]) -> dict[str, list]:
    """What is found in the runs, by run."""
    return {str(run): found for run in runs if (found := find(run))}


@pytest.mark.usefixtures("installed")
def test_a_step_that_charged_and_timed_out_is_retried_and_charges_once(
    kubectl: Command, namespace: str, tmp_path: Path, saga
) -> None:
    with Ledger(tmp_path / "ledger") as charged:
        step = shell("charge", ledger.charges_once_and_holds(), timeoutSeconds=10)
        manifest = charged.for_steps_of(workflow("order", [step], onFailure="Stop"))
        created = kubectl("create", "-n", namespace, "-f", "-", "-o", "json", stdin=json.dumps(manifest))
        charged.wait_for_the_moment(60)
        kubectl("wait", "saga/order", "-n", namespace, "--for=jsonpath={.status.phase}=Failed", "--timeout=60s")
        assert status(kubectl, "order", namespace)["steps"][0]["reason"] == "DeadlineExceeded"
        code, out, err = saga("retry", "order", "-n", namespace)
        assert (code, err) == (0, "")
        assert "retry accepted: " in out
        kubectl("wait", "saga/order", "-n", namespace, "--for=condition=Succeeded", "--timeout=60s")
        key = idempotency_key(json.loads(created)["metadata"]["uid"], "charge", Direction.FORWARD)
        assert charged.entries == [key]
        assert [line.what for line in charged.lines] == ["begins", "charges", "ends", "begins", "ends"]
