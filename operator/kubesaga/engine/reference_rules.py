"""What references must keep: known names, upstream steps, declared outputs, and no script of a shell."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kubesaga.api.container import Container
from kubesaga.engine.shell_script import script_indexes
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import did_you_mean
from kubesaga.engine.substitution import Reference, container_references, references

_WORKFLOW_PARTS: Final = ("name", "namespace", "uid")
_FAILURE_PARTS: Final = ("step", "reason", "message")


@dataclass(frozen=True, slots=True)
class Scope:
    """What the references of one container may name."""

    step: str
    compensation: bool
    parameters: Sequence[str]
    outputs: Mapping[str, Sequence[str]]
    """Declared outputs of every step."""
    upstream: Callable[[], Collection[str]]
    """Every step that the step depends on; asked for only where a reference names a step."""


def reference_errors(path: str, container: Container, scope: Scope) -> Iterator[SpecError]:
    """Errors of the references in a container as written at `path`."""
    for reference in container_references(container):
        problem = _problem(reference, scope)
        if problem:
            yield SpecError(f"{path}.{reference.path}", f"found $({reference.text})", problem)
    yield from _script_errors(path, container)
    yield from _misplaced(path, container)


def _problem(reference: Reference, scope: Scope) -> str | None:
    """What is wrong with a reference, if anything is."""
    prefix, _, rest = reference.text.partition(".")
    match prefix:
        case "attempt":
            return None
        case "item":
            return "items are not supported by this version"
        case "params":
            return None if rest in scope.parameters else f"no such parameter; {did_you_mean(rest, scope.parameters)}"
        case "workflow":
            return None if rest in _WORKFLOW_PARTS else f"no such part; {did_you_mean(rest, _WORKFLOW_PARTS)}"
        case "failure":
            return _failure_problem(rest, scope)
        case _:
            return _output_problem(reference, scope)


def _failure_problem(part: str, scope: Scope) -> str | None:
    if not scope.compensation:
        return "the failure is known only in compensate.container"
    return None if part in _FAILURE_PARTS else f"no such part; {did_you_mean(part, _FAILURE_PARTS)}"


def _output_problem(reference: Reference, scope: Scope) -> str | None:
    if reference.output is None:
        return "must be $(steps.NAME.outputs.KEY)"
    step, key = reference.output
    if step not in scope.outputs:
        return f"no such step; {did_you_mean(step, list(scope.outputs))}"
    if step == scope.step and not scope.compensation:
        return "a step cannot refer to its own outputs"
    if scope.compensation and step != scope.step and step not in scope.upstream():
        return f"an undo may refer to its own step and to those before it; {step} does not come before {scope.step}"
    if key not in scope.outputs[step]:
        return f"step {step} declares no such output; {did_you_mean(key, scope.outputs[step])}"
    return None


def _script_errors(path: str, container: Container) -> Iterator[SpecError]:
    """A value inside the script of a shell would be run as code."""
    command, args = container.command or (), container.args or ()
    for index in sorted(script_indexes(container.command, container.args)):
        own = index < len(command)
        place = f"{path}.command[{index}]" if own else f"{path}.args[{index - len(command)}]"
        for reference in references((*command, *args)[index]):
            expected = "not in the script of a shell, which would run the value as code: pass it by env"
            yield SpecError(place, f"found $({reference})", expected)


def _misplaced(path: str, container: Container) -> Iterator[SpecError]:
    """References where nothing is substituted."""
    places = [("workingDir", container.working_dir), ("terminationMessagePath", container.termination_message_path)]
    places += [(f"env[{index}].name", variable.name) for index, variable in enumerate(container.env or ())]
    places += [
        (f"volumeMounts[{i}].mountPath", mount.mount_path) for i, mount in enumerate(container.volume_mounts or ())
    ]
    for place, text in places:
        for reference in references(text or ""):
            expected = "references are allowed in image, command, args and the values of env"
            yield SpecError(f"{path}.{place}", f"found $({reference})", expected)
