"""What must hold of every world, whoever did what last."""

from collections.abc import Callable
from typing import Final

from kubesaga.api.status import StepState, WorkflowStatus
from model.cluster import Jobs, runs
from model.promised import FORWARD, Found, Promised, told
from model.state import DONE, Job, Stored


def pods_of_one_step_do_not_run_together(p: Promised, status: WorkflowStatus, jobs: Jobs) -> Found:
    """Rule 5, of every world: also of a Job that is gone."""
    running: dict[str, Job] = {}
    for meaning, job in p.running(jobs, status):
        other = running.setdefault(meaning.step, job)
        if other is not job and not (other.name == job.name and p.configuration.deletions):
            return f"{told(p, other)}, and {told(p, job)}"
    return None


def a_step_has_succeeded_before_what_depends_on_it_runs(p: Promised, status: WorkflowStatus, jobs: Jobs) -> Found:
    """Rule 4, of every world, where nothing but success lets a step start: not for other trigger rules."""
    skipped = {r.name for r in status.steps if r.state is StepState.SKIPPED}
    skipped |= {r.name for r in status.steps if r.state is StepState.SUCCEEDED and r.name in p.jobless}
    skipped |= {r.name for r in status.steps if r.state is StepState.FAILED and r.name in p.optional}
    for job in jobs:
        meaning = p.meaning(job)
        if meaning is None or meaning.direction != FORWARD or not runs(job):
            continue
        if p.rule(meaning.step) != "AllSucceeded":
            continue
        for before in p.before[meaning.step] - skipped:
            if not any(one.pod == DONE for one in p.jobs_of(before, FORWARD, jobs)):
                return f"{told(p, job)}, and no Pod of {before} has succeeded"
    return None


def a_workflow_is_let_go_when_nothing_is_left(p: Promised, status: WorkflowStatus, jobs: Jobs, stored: Stored) -> Found:
    """`deletionPolicy: RollbackUnfinished`: what is gone had ended."""
    held = p.configuration.spec.get("deletionPolicy") == "RollbackUnfinished"
    if stored.gone and held and status.steps and not status.ended:
        return f"the Workflow is gone, and was {status.phase}"
    return None


STATES: Final[tuple[Callable[[Promised, WorkflowStatus, Jobs], Found], ...]] = (
    pods_of_one_step_do_not_run_together,
    a_step_has_succeeded_before_what_depends_on_it_runs,
)
