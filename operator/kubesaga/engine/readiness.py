"""Readiness: which pending steps start now, and which of them the graph skips instead.

A step is looked at when its trigger rule is met: first its condition, then the outputs that it refers to. Each
condition is evaluated once, when there is room for the step; what is skipped is over for the steps after it.
"""

from typing import Any

from kubesaga.api.status import StepReason, StepState
from kubesaga.engine.expression import ExpressionError, evaluate
from kubesaga.engine.plan import PlannedStep
from kubesaga.engine.resolver import Sweep, Verdict
from kubesaga.engine.standing import outcome_of
from kubesaga.engine.state import StateManager


def ready_steps(state: StateManager, room: int | None) -> list[str]:
    """The steps that start now, of those with a Job the first `room` (None: all); what the graph skips is settled."""
    ready: list[str] = []
    for planned, verdict in Sweep(state.plan, state.steps):
        if verdict is Verdict.NEEDLESS:
            state.settle(planned.name, StepState.SKIPPED, StepReason.TRIGGER_RULE_NOT_MET)
        elif verdict is Verdict.READY and not (planned.has_job and room == 0) and _runs(state, planned):
            ready.append(planned.name)
            if room is not None and planned.has_job:
                room -= 1
    return ready


def _runs(state: StateManager, planned: PlannedStep) -> bool:
    """Whether a step whose trigger rule is met runs; else its record says why not."""
    if planned.condition is not None and not _holds(state, planned):
        return False
    missing = [(step, key) for step, key in planned.needs if key not in _outputs(state, step)]
    if missing:
        step, key = missing[0]
        message = f"step {step} ended without giving the output {key}"
        state.settle(planned.name, StepState.SKIPPED, StepReason.OUTPUTS_UNAVAILABLE, message)
    return not missing


def _holds(state: StateManager, planned: PlannedStep) -> bool:
    """Whether the condition is true; where it is not, or cannot be evaluated, the step is settled."""
    assert planned.condition is not None  # noqa: S101 - asked by the caller
    references = planned.condition.references
    try:
        holds = evaluate(planned.condition, _values(state, references))
    except ExpressionError as error:
        _not_evaluated(state, planned, references, str(error))
        return False
    if not holds:
        state.settle(planned.name, StepState.SKIPPED, StepReason.CONDITION_FALSE)
    return holds


def _not_evaluated(state: StateManager, planned: PlannedStep, references: tuple[str, ...], why: str) -> None:
    """A condition that asks for an output which was not given is nobody's mistake: has(...) asks whether it was."""
    parts = [reference.split(".") for reference in references]
    asked = [
        (step, key) for step, key in ((p[1], p[3]) for p in parts if len(p) == 4) if key not in _outputs(state, step)
    ]
    if asked:
        message = f"when asks for the output {asked[0][1]}, which step {asked[0][0]} ended without giving"
        state.settle(planned.name, StepState.SKIPPED, StepReason.OUTPUTS_UNAVAILABLE, message)
    else:
        state.settle(planned.name, StepState.FAILED, StepReason.EXPRESSION_ERROR, f"when: {why}")


def _values(state: StateManager, references: tuple[str, ...]) -> dict[str, Any]:
    """The values that a condition asks for, and no others: giving them costs by their size."""
    workflow = {"name": state.workflow.name, "namespace": state.workflow.namespace, "uid": state.workflow.uid}
    params: dict[str, str] = {}
    steps: dict[str, Any] = {}
    for reference in references:
        root, name, *_ = reference.split(".")
        if root == "params":
            params[name] = state.plan.parameters[name]
        elif root == "steps":
            steps[name] = {"outcome": outcome_of(state.steps.get(name)), "outputs": dict(_outputs(state, name))}
    return {"params": params, "steps": steps, "workflow": workflow}


def _outputs(state: StateManager, step: str) -> dict[str, str]:
    record = state.steps.get(step)
    return (record and record.outputs) or {}
