"""WorkflowPlanner: from a spec to a Plan, or to every error of the spec at once."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubesaga.api import limits
from kubesaga.api.pod import PodSettings
from kubesaga.api.spec import Compensation, Defaults, InFlight, OnFailure, Step, WorkflowSpec
from kubesaga.engine import graph
from kubesaga.engine.merge import merge_container, retry_policy
from kubesaga.engine.outline import Outline, OutlinedStep, outline
from kubesaga.engine.plan import COMPENSATION_RETRY, STEP_RETRY, Plan, PlannedCompensation, PlannedStep
from kubesaga.engine.size import object_bytes, spec_bytes
from kubesaga.engine.spec_error import InvalidSpec, SpecError
from kubesaga.engine.spec_rules import spec_errors
from kubesaga.engine.substitution import container_references
from kubesaga.engine.text import listing


class WorkflowPlanner:
    """Makes Plans. Stateless; one instance may serve any number of Workflows."""

    def plan(self, spec: Mapping[str, Any]) -> Plan:
        """Validate and expand `spec`, the mapping as written.

        Raises InvalidSpec with every error of the spec, each with its field path.
        """
        outlined = outline(spec)
        edges = _edges(outlined)
        errors = [*outlined.errors, *spec_errors(outlined, edges)]
        if errors or outlined.spec is None:
            raise InvalidSpec(tuple(dict.fromkeys(errors)))
        plan = _plan(outlined.spec, edges, spec_bytes(spec))
        if plan.object_bytes > limits.OBJECT_BYTES_MAX:
            found = f"the object may grow to {plan.object_bytes:,} bytes"
            expected = f"must stay under {limits.OBJECT_BYTES_MAX:,}: use fewer steps or defaults, or smaller outputs"
            raise InvalidSpec((SpecError("spec", found, expected),))
        return plan


def _edges(outlined: Outline) -> dict[str, list[str]]:
    """Every step's dependencies, declared and implied, as far as they exist."""
    places = {step.name: index for index, step in enumerate(outlined.steps) if step.name is not None}
    edges: dict[str, list[str]] = {}
    for step in outlined.steps:
        if step.name is not None and step.name not in edges:
            found = {name for name in _dependencies(step) if name in places and name != step.name}
            edges[step.name] = sorted(found, key=places.__getitem__)
    return edges


def _dependencies(outlined: OutlinedStep) -> Iterator[str]:
    yield from (name for _, name in outlined.depends_on)
    if outlined.step is not None:
        for reference in container_references(outlined.step.container):
            if reference.output is not None:
                yield reference.output[0]


def _plan(spec: WorkflowSpec, edges: graph.Graph, spec_size: int) -> Plan:
    order = graph.topological_order(edges)
    levels = graph.step_levels(edges, order)
    reverse = graph.dependents(edges)
    defaults = spec.defaults or Defaults()
    steps = tuple(
        _planned(defaults, step, index, tuple(edges[step.name]), tuple(reverse[step.name]), levels[step.name])
        for index, step in enumerate(spec.steps)
    )
    undoable = frozenset(step.name for step in steps if step.compensation)
    size = object_bytes(spec_size, steps)
    return Plan(
        steps=steps,
        by_name={step.name: step for step in steps},
        order=order,
        levels=graph.grouped({step.name: step.level for step in steps}),
        critical_path=graph.critical_path(edges, levels),
        rollback_order=graph.rollback_groups(edges, order, undoable),
        parameters={parameter.name: parameter.value for parameter in spec.parameters or ()},
        pod=defaults.pod or PodSettings(),
        parallelism=spec.parallelism,
        timeout_seconds=spec.timeout_seconds,
        on_failure=spec.on_failure or (OnFailure.ROLLBACK if undoable else OnFailure.STOP),
        in_flight=spec.in_flight or InFlight.DRAIN,
        suspend=bool(spec.suspend),
        ttl_seconds_after_finished=spec.ttl_seconds_after_finished,
        warnings=tuple(_warnings(spec, steps, spec_size)),
        object_bytes=size,
    )


def _planned(
    defaults: Defaults,
    step: Step,
    index: int,
    dependencies: tuple[str, ...],
    dependents: tuple[str, ...],
    level: int,
) -> PlannedStep:
    return PlannedStep(
        name=step.name,
        index=index,
        dependencies=dependencies,
        dependents=dependents,
        level=level,
        container=merge_container(defaults.container, step.container),
        retry=retry_policy(STEP_RETRY, defaults.retry, step.retry),
        timeout_seconds=step.timeout_seconds or defaults.timeout_seconds,
        outputs=step.outputs or (),
        compensation=_compensation(defaults, step.compensate) if step.compensate else None,
    )


def _compensation(defaults: Defaults, compensate: Compensation) -> PlannedCompensation:
    container = merge_container(defaults.container, compensate.container) if compensate.container else None
    return PlannedCompensation(
        container, retry_policy(COMPENSATION_RETRY, compensate.retry), compensate.timeout_seconds
    )


def _warnings(spec: WorkflowSpec, steps: tuple[PlannedStep, ...], spec_size: int) -> Iterator[str]:
    """What will work, and may not be what was meant."""
    most = limits.APPLY_ANNOTATION_BYTES_MAX
    if spec_size > most:
        yield f"the spec has {spec_size:,} bytes: kubectl apply needs --server-side above {most:,}"
    if spec.on_failure is OnFailure.ROLLBACK and not any(step.compensation for step in steps):
        yield "onFailure is Rollback and no step declares compensate: there will be nothing to undo"
    for step in steps:
        yield from _step_warnings(spec, step)


def _step_warnings(spec: WorkflowSpec, step: PlannedStep) -> Iterator[str]:
    if spec.timeout_seconds and step.timeout_seconds and step.timeout_seconds > spec.timeout_seconds:
        own, whole = step.timeout_seconds, spec.timeout_seconds
        yield f"step {step.name}: timeoutSeconds {own} is longer than the Workflow's {whole}"
    if step.compensation is not None and step.compensation.container is not None:
        named = dict.fromkeys(r.output for r in container_references(step.compensation.container) if r.output)
        if maybe := [key for owner, key in named if owner == step.name]:
            yield f"undo of step {step.name}: output {listing(maybe)} is empty if the step failed before it gave it"
