"""States that no run of ours leads to: somebody else wrote the status, or changed a spec that had started."""

from collections import Counter

from kubesaga.api.names import Direction
from kubesaga.api.spec import TriggerRule
from kubesaga.api.status import Execution, Phase, StepState, WorkflowStatus
from kubesaga.engine.plan import PLAN_VERSION, Plan
from kubesaga.engine.standing import satisfies
from kubesaga.engine.text import counted


def inconsistencies(plan: Plan, status: WorkflowStatus) -> tuple[str, ...]:
    """Every contradiction between the plan and the status, in words."""
    if status.plan_version not in (None, PLAN_VERSION):
        return (f"the run began under planning rules of version {status.plan_version}, this is {PLAN_VERSION}",)
    return (*_names(plan, status), *_edges(plan, status), *_finally(plan, status), *_ending(plan, status))


def _finally(plan: Plan, status: WorkflowStatus) -> list[str]:
    counts = Counter(record.name for record in status.finally_.steps) if status.finally_ is not None else Counter()
    twice = [f"status.finally has {count} records of step {name}" for name, count in counts.items() if count > 1]
    unknown = [
        f"status.finally names {name}, which the spec does not" for name in counts if name not in plan.finally_steps
    ]
    return twice + unknown


def _names(plan: Plan, status: WorkflowStatus) -> list[str]:
    counts = Counter(record.name for record in status.steps)
    twice = [f"status.steps has {count} records of step {name}" for name, count in counts.items() if count > 1]
    unknown = [f"status.steps names {name}, which the spec does not" for name in counts if name not in plan.by_name]
    return twice + unknown


def _edges(plan: Plan, status: WorkflowStatus) -> list[str]:
    found = []
    known = ((plan.by_name.get(record.name), record) for record in status.steps)
    satisfied = {record.name for planned, record in known if planned is not None and satisfies(planned, record)}
    for record in status.steps:
        planned = plan.by_name.get(record.name)
        if planned is None or record.state is StepState.SKIPPED:
            continue
        by_success = planned.trigger_rule is TriggerRule.ALL_SUCCEEDED
        if by_success and not satisfied.issuperset(planned.dependencies):
            missing = next(name for name in planned.dependencies if name not in satisfied)
            found.append(f"step {record.name} was started, and {missing}, which it depends on, has not succeeded")
        if record.state is StepState.SUCCEEDED and planned.outputs and not record.outputs:
            found.append(f"step {record.name} succeeded without the outputs that it declares")
        fallen_back = record.way is Direction.FALLBACK or record.fallback_from is not None
        if fallen_back and planned.fallback is None:
            found.append(f"step {record.name} went by its fallback, and the spec has none")
        undo = record.compensation
        if undo is not None and (status.rollback is None or not planned.has_undo(undo.way)):
            found.append(f"step {record.name} has an undo that was never decided")
    return found


def _ending(plan: Plan, status: WorkflowStatus) -> list[str]:
    """A run that has ended has nothing in flight; one that succeeded has done every step."""
    if not status.ended:
        return []
    last = status.finally_.steps if status.finally_ is not None else ()
    executions: list[Execution] = [
        one for record in status.steps for one in (record, record.compensation) if one is not None
    ]
    executions += last
    found = (
        [f"the phase is {status.phase}, and a step is still running"]
        if any(one.state.in_flight for one in executions)
        else []
    )
    known = ((plan.by_name.get(record.name), record) for record in status.steps)
    succeeded = sum(planned is not None and satisfies(planned, record) for planned, record in known)
    if status.phase is Phase.SUCCEEDED and succeeded < len(plan.steps):
        found.append(f"the phase is Succeeded, and {succeeded} of {counted(len(plan.steps), 'step')} did")
    return found
