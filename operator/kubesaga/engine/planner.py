"""WorkflowPlanner: from a spec to a Plan, or to every error of the spec at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from kubesaga.api import limits
from kubesaga.api.pod import PodSettings
from kubesaga.api.spec import (
    Boundary,
    Compensation,
    Concurrency,
    ConcurrencyPolicy,
    Defaults,
    DeletionPolicy,
    InFlight,
    OnCompensationFailure,
    OnFailure,
    RollbackPolicy,
    TriggerRule,
    When,
    WorkflowSpec,
)
from kubesaga.engine import graph
from kubesaga.engine.draft import ContainerDraft, FinallyDraft, StepDraft, edges, finally_drafts, step_drafts
from kubesaga.engine.merge import retry_policy
from kubesaga.engine.outline import outline
from kubesaga.engine.plan import (
    COMPENSATION_RETRY,
    STEP_RETRY,
    Plan,
    PlannedCompensation,
    PlannedConcurrency,
    PlannedFallback,
    PlannedFinally,
    PlannedRollback,
    PlannedStep,
    RetryPolicy,
)
from kubesaga.engine.size import object_bytes, stored_form
from kubesaga.engine.spec_error import InvalidSpec, SpecError, by_place
from kubesaga.engine.spec_rules import spec_errors
from kubesaga.engine.suggestion import Suggestions
from kubesaga.engine.text_rules import NUL_STORED, text_errors
from kubesaga.engine.warning import plan_warnings


class WorkflowPlanner:
    """Makes Plans. Stateless; one instance may serve any number of Workflows."""

    def plan(self, spec: Mapping[str, Any], name: str = "", namespace: str = "") -> Plan:
        """Validate and expand `spec`, the mapping as written. The names count for the size of the object only.

        Raises InvalidSpec with every error of the spec, each with its field path, sorted by place.
        """
        suggestions = Suggestions()
        outlined = outline(spec, suggestions)
        drafts = step_drafts(outlined.spec)
        endings = finally_drafts(outlined.spec)
        dependencies = edges(drafts)
        order = graph.topological_order(dependencies)
        stored = None if outlined.errors else stored_form(spec)
        errors = [*outlined.errors, *spec_errors(outlined, drafts, endings, dependencies, order, suggestions)]
        if stored is None or NUL_STORED in stored:
            errors += text_errors("spec", spec)
        if errors or stored is None:
            raise InvalidSpec(by_place(errors))
        steps = _planned_steps(outlined.spec, drafts, dependencies, order)
        finally_steps = _finally_steps(outlined.spec, endings)
        outputs = outlined.spec.outputs or ()
        size = object_bytes(len(stored), name, namespace, steps, finally_steps, outputs)
        if size > limits.OBJECT_BYTES_MAX:
            raise InvalidSpec((_too_large(size),))
        warnings = plan_warnings(outlined.spec, drafts, endings, steps, len(stored))
        return _plan(outlined.spec, steps, finally_steps, dependencies, order, size, tuple(dict.fromkeys(warnings)))


def _planned_steps(
    spec: WorkflowSpec, drafts: Sequence[StepDraft], dependencies: graph.Graph, order: Sequence[str]
) -> tuple[PlannedStep, ...]:
    defaults = spec.defaults or Defaults()
    levels = graph.step_levels(dependencies, order)
    dependents = graph.dependents(dependencies)
    default_retry = retry_policy(STEP_RETRY, defaults.retry)
    return tuple(
        PlannedStep(
            name=draft.step.name,
            index=index,
            dependencies=tuple(dependencies[draft.step.name]),
            dependents=tuple(dependents[draft.step.name]),
            level=levels[draft.step.name],
            work=draft.work,
            retry=retry_policy(default_retry, draft.step.retry),
            timeout_seconds=draft.step.timeout_seconds or (defaults.timeout_seconds if draft.forward else None),
            outputs=draft.step.outputs or (),
            compensation=_compensation(draft.step.compensate, draft.undo),
            boundary=draft.step.boundary,
            fallback=_fallback(draft, default_retry, defaults.timeout_seconds),
            optional=bool(draft.step.optional),
            trigger_rule=draft.step.trigger_rule or TriggerRule.ALL_SUCCEEDED,
            condition=draft.condition,
            needs=draft.needs,
            referred=frozenset(name for path, name in draft.dependencies if ".dependsOn[" not in path),
        )
        for index, draft in enumerate(drafts)
    )


def _finally_steps(spec: WorkflowSpec, drafts: Sequence[FinallyDraft]) -> Mapping[str, PlannedFinally]:
    defaults = spec.defaults or Defaults()
    default_retry = retry_policy(STEP_RETRY, defaults.retry)
    return {
        draft.step.name: PlannedFinally(
            name=draft.step.name,
            container=draft.container,
            retry=retry_policy(default_retry, draft.step.retry),
            timeout_seconds=draft.step.timeout_seconds or defaults.timeout_seconds,
        )
        for draft in drafts
    }


def _fallback(draft: StepDraft, default_retry: RetryPolicy, timeout_seconds: int | None) -> PlannedFallback | None:
    fallback = draft.step.fallback
    if fallback is None or draft.fallback is None:
        return None
    return PlannedFallback(
        work=draft.fallback.merged,
        retry=retry_policy(default_retry, fallback.retry),
        timeout_seconds=fallback.timeout_seconds or timeout_seconds,
        compensation=_compensation(fallback.compensate, draft.fallback_undo),
    )


def _compensation(compensate: Compensation | None, undo: ContainerDraft | None) -> PlannedCompensation | None:
    if compensate is None:
        return None
    container = undo.merged if undo is not None else None
    retry = retry_policy(COMPENSATION_RETRY, compensate.retry)
    return PlannedCompensation(container, retry, compensate.timeout_seconds, compensate.when or When.ATTEMPTED)


def _rollback(policy: RollbackPolicy | None) -> PlannedRollback:
    policy = policy or RollbackPolicy()
    on_failure = policy.on_compensation_failure or OnCompensationFailure.BLOCK
    return PlannedRollback(policy.parallelism, policy.timeout_seconds, on_failure)


def _concurrency(asked: Concurrency | None) -> PlannedConcurrency | None:
    if asked is None:
        return None
    return PlannedConcurrency(asked.key, asked.limit or 1, asked.policy or ConcurrencyPolicy.ENQUEUE)


def _plan(
    spec: WorkflowSpec,
    steps: tuple[PlannedStep, ...],
    finally_steps: Mapping[str, PlannedFinally],
    dependencies: graph.Graph,
    order: tuple[str, ...],
    size: int,
    warnings: tuple[str, ...],
) -> Plan:
    by_name = {step.name: step for step in steps}
    levels = {step.name: step.level for step in steps}
    undoable = frozenset(step.name for step in steps if step.undoable)
    records = len(steps) + len(undoable) + len(finally_steps)
    return Plan(
        steps=steps,
        by_name=by_name,
        finally_steps=finally_steps,
        order=order,
        levels=graph.grouped(levels),
        critical_path=graph.critical_path(dependencies, levels),
        rollback_order=graph.rollback_groups(dependencies, order, undoable),
        parameters={parameter.name: parameter.value for parameter in spec.parameters or ()},
        outputs={output.name: output.value for output in spec.outputs or ()},
        pod=(spec.defaults and spec.defaults.pod) or PodSettings(),
        parallelism=spec.parallelism,
        concurrency=_concurrency(spec.concurrency),
        timeout_seconds=spec.timeout_seconds,
        on_failure=spec.on_failure or (OnFailure.ROLLBACK if undoable else OnFailure.STOP),
        in_flight=spec.in_flight or InFlight.DRAIN,
        rollback=_rollback(spec.rollback),
        suspend=bool(spec.suspend),
        deletion_policy=spec.deletion_policy or DeletionPolicy.ABANDON,
        savepoints=frozenset(step.name for step in steps if step.boundary is Boundary.SAVEPOINT),
        pivots=tuple(name for name in order if by_name[name].boundary is Boundary.PIVOT),
        ttl_seconds_after_finished=spec.ttl_seconds_after_finished,
        warnings=warnings,
        object_bytes=size,
        step_message_bytes=min(limits.STEP_MESSAGE_BYTES_MAX, limits.STEP_MESSAGES_BYTES_MAX // records),
    )


def _too_large(size: int) -> SpecError:
    most = limits.OBJECT_BYTES_MAX
    found = f"the object may grow to {size:,} bytes, with the status of every step and undo"
    return SpecError("spec", found, f"must be at most {most:,}: use fewer steps, shared defaults, or smaller outputs")
