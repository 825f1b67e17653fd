"""What a spec must keep beyond its structure: names, edges, references, bounds."""

from collections.abc import Iterator
from functools import cache, partial

from kubesaga.api import limits
from kubesaga.api.container import Container
from kubesaga.api.pod import PodSettings
from kubesaga.api.spec import Compensation, Step
from kubesaga.engine import graph
from kubesaga.engine.container_rules import container_errors, duplicates, env_errors, exactly_one, pod_errors
from kubesaga.engine.merge import merge_container, retry_policy
from kubesaga.engine.outline import Outline
from kubesaga.engine.plan import COMPENSATION_RETRY, STEP_RETRY
from kubesaga.engine.reference_rules import Scope, reference_errors
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import did_you_mean


def spec_errors(outlined: Outline, edges: graph.Graph) -> Iterator[SpecError]:
    """Every error beyond structure, in the parts that are well-formed."""
    defaults = outlined.defaults
    yield from duplicates("spec.parameters", [parameter.name for _, parameter in outlined.parameters], "name")
    if defaults.container is not None:
        yield from _default_container_errors(defaults.container)
    if defaults.pod is not None:
        yield from pod_errors("spec.defaults.pod", defaults.pod)
    yield from _name_errors(outlined)
    yield from _dependency_errors(outlined)
    for cycle in graph.cycles(edges):
        path = next(step.path for step in outlined.steps if step.name == cycle[0])
        yield SpecError(f"{path}.dependsOn", f"found a cycle: {' -> '.join(cycle)}", "a step cannot wait for itself")
    yield from _step_errors(outlined, edges)
    yield from _output_size_errors(outlined)


def _default_container_errors(container: Container) -> Iterator[SpecError]:
    for field, value in (("command", container.command), ("args", container.args)):
        if value is not None:
            path = f"spec.defaults.container.{field}"
            yield SpecError(path, "found a value", "is not allowed in defaults: every step says its own")
    yield from env_errors("spec.defaults.container.env", container.env or ())


def _name_errors(outlined: Outline) -> Iterator[SpecError]:
    first: dict[str, str] = {}
    for step in outlined.steps:
        if step.name is not None and step.name in first:
            yield SpecError(f"{step.path}.name", f'found "{step.name}"', f"is used by {first[step.name]} already")
        if step.name is not None:
            first.setdefault(step.name, step.path)


def _dependency_errors(outlined: Outline) -> Iterator[SpecError]:
    names = {step.name: None for step in outlined.steps if step.name is not None}
    for step in outlined.steps:
        yield from duplicates(f"{step.path}.dependsOn", [name for _, name in step.depends_on], "")
        for path, name in step.depends_on:
            if name == step.name:
                yield SpecError(path, f'found "{name}"', "a step cannot depend on itself")
            elif name not in names:
                yield SpecError(path, f'found "{name}"', f"no such step; {did_you_mean(name, list(names))}")


def _step_errors(outlined: Outline, edges: graph.Graph) -> Iterator[SpecError]:
    outputs = {s.name: [o.name for o in (s.step and s.step.outputs) or ()] for s in outlined.steps if s.name}
    parameters = [parameter.name for _, parameter in outlined.parameters]
    pod = outlined.defaults.pod or PodSettings()
    for outlined_step in outlined.steps:
        step, path = outlined_step.step, outlined_step.path
        if step is None:
            continue
        upstream = cache(partial(graph.ancestors, edges, step.name))
        for place, container, is_undo in _containers(path, step):
            merged = merge_container(outlined.defaults.container, container)
            yield from container_errors(place, container, merged, pod)
            yield from reference_errors(place, container, Scope(step.name, is_undo, parameters, outputs, upstream))
        yield from duplicates(f"{path}.outputs", [output.name for output in step.outputs or ()], "name")
        yield from _retry_errors(outlined, step, path)
        if step.compensate is not None:
            yield from _compensation_errors(f"{path}.compensate", step.compensate)
    yield from _default_reference_errors(outlined, parameters)


def _default_reference_errors(outlined: Outline, parameters: list[str]) -> Iterator[SpecError]:
    """References in the defaults stand in every step, so they may name only what every step knows."""
    container = outlined.defaults.container
    if container is not None:
        scope = Scope("", compensation=False, parameters=parameters, outputs={}, upstream=frozenset)
        yield from reference_errors("spec.defaults.container", container, scope)


def _containers(path: str, step: Step) -> Iterator[tuple[str, Container, bool]]:
    """Path and container of a step and of its undo, and whether it is the undo's."""
    yield f"{path}.container", step.container, False
    if step.compensate is not None and step.compensate.container is not None:
        yield f"{path}.compensate.container", step.compensate.container, True


def _compensation_errors(path: str, compensation: Compensation) -> Iterator[SpecError]:
    wire = compensation.model_fields_set
    kinds = [name for name, field in (("container", "container"), ("deleteJob", "delete_job")) if field in wire]
    yield from exactly_one(path, kinds, "of container and deleteJob")
    if compensation.delete_job is not None:
        for name, value in (("retry", compensation.retry), ("timeoutSeconds", compensation.timeout_seconds)):
            if value is not None:
                yield SpecError(f"{path}.{name}", "found a value", "has no effect on deleteJob, which runs no Job")


def _retry_errors(outlined: Outline, step: Step, path: str) -> Iterator[SpecError]:
    policies = [(f"{path}.retry", step.retry, retry_policy(STEP_RETRY, outlined.defaults.retry, step.retry))]
    if step.compensate is not None:
        undo = step.compensate.retry
        policies.append((f"{path}.compensate.retry", undo, retry_policy(COMPENSATION_RETRY, undo)))
    for place, own, policy in policies:
        if own is not None and policy.max_backoff_seconds < policy.backoff_seconds:
            found = f"found maxBackoffSeconds {policy.max_backoff_seconds}"
            yield SpecError(place, found, f"must not be less than backoffSeconds, {policy.backoff_seconds}")


def _output_size_errors(outlined: Outline) -> Iterator[SpecError]:
    total = 0
    for outlined_step in outlined.steps:
        outputs = (outlined_step.step and outlined_step.step.outputs) or ()
        size = sum(output.max_bytes or limits.OUTPUT_BYTES_DEFAULT for output in outputs)
        total += size
        if size > limits.STEP_OUTPUT_BYTES_MAX:
            found = f"found {size} bytes of maxBytes together"
            expected = f"must be at most {limits.STEP_OUTPUT_BYTES_MAX}, the kubelet's limit of a termination message"
            yield SpecError(f"{outlined_step.path}.outputs", found, expected)
    if total > limits.WORKFLOW_OUTPUT_BYTES_MAX:
        found = f"found {total:,} bytes of maxBytes in all outputs together"
        yield SpecError("spec.steps", found, f"must be at most {limits.WORKFLOW_OUTPUT_BYTES_MAX:,}")
