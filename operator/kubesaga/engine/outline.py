"""A spec as far as it can be read: every well-formed part of it, so that one error hides no other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from kubesaga.api.spec import Defaults, Parameter, Step, WorkflowSpec
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import child, structure_errors

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OutlinedStep:
    """A step as far as it can be read."""

    path: str
    name: str | None
    depends_on: tuple[tuple[str, str], ...]
    """Path and name of each declared dependency that is a string."""
    step: Step | None
    """The whole step, if it is well-formed."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A spec as far as it can be read."""

    spec: WorkflowSpec | None
    """The whole spec, if it is well-formed."""
    steps: tuple[OutlinedStep, ...]
    parameters: tuple[tuple[str, Parameter], ...]
    """Path and parameter."""
    defaults: Defaults
    errors: list[SpecError] = field(default_factory=list)


def outline(raw: Mapping[str, Any]) -> Outline:
    """Read a spec; its structure errors are in the outline."""
    try:
        spec = WorkflowSpec.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        return _partial(raw, structure_errors(error, WorkflowSpec, raw, "spec"))
    steps = tuple(_outlined(f"spec.steps[{index}]", step) for index, step in enumerate(spec.steps))
    parameters = tuple((f"spec.parameters[{index}]", p) for index, p in enumerate(spec.parameters or ()))
    return Outline(spec, steps, parameters, spec.defaults or Defaults())


def _outlined(path: str, step: Step) -> OutlinedStep:
    depends_on = tuple((f"{path}.dependsOn[{i}]", name) for i, name in enumerate(step.depends_on or ()))
    return OutlinedStep(path, step.name, depends_on, step)


def _partial(raw: Mapping[str, Any], errors: list[SpecError]) -> Outline:
    """What is left when the whole is not well-formed: each part is tried by itself."""
    if not isinstance(raw, Mapping):
        return Outline(None, (), (), Defaults(), errors)
    steps = tuple(_sketch(path, step) for path, step in _entries(raw, "steps"))
    parameters = tuple((path, p) for path, entry in _entries(raw, "parameters") if (p := _try(Parameter, entry)))
    return Outline(None, steps, parameters, _try(Defaults, raw.get("defaults")) or Defaults(), errors)


def _sketch(path: str, raw: object) -> OutlinedStep:
    step = _try(Step, raw)
    if step is not None:
        return _outlined(path, step)
    name = raw.get("name") if isinstance(raw, Mapping) else None
    depends_on = _entries(raw, "dependsOn", path) if isinstance(raw, Mapping) else []
    strings = tuple((place, dependency) for place, dependency in depends_on if isinstance(dependency, str))
    return OutlinedStep(path, name if isinstance(name, str) else None, strings, None)


def _entries(raw: Mapping[str, Any], name: str, path: str = "spec") -> list[tuple[str, Any]]:
    """Path and value of the entries of a list; none where there is no list."""
    entries = raw.get(name)
    if not isinstance(entries, list | tuple):
        return []
    return [(child(child(path, name), index), entry) for index, entry in enumerate(entries)]


def _try(model: type[M], raw: object) -> M | None:
    try:
        return model.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError:
        return None
