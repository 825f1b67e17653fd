"""What references must keep: known names, upstream steps, declared outputs, and no script of a shell."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from kubesaga.api.container import Container
from kubesaga.api.names import Direction
from kubesaga.engine.draft import ContainerDraft
from kubesaga.engine.shell_script import script_places
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import printable
from kubesaga.engine.substitution import Reference, references, text_references
from kubesaga.engine.suggestion import Suggestions

_WORKFLOW_PARTS: Final = ("name", "namespace", "uid")
_ENDING_PARTS: Final = ("phase", "reason")
_FAILURE_PARTS: Final = ("step", "reason", "message")
_NOT_SUBSTITUTED: Final = (
    ("workingDir", "working_dir"),
    ("envFrom", "env_from"),
    ("resources", "resources"),
    ("volumeMounts", "volume_mounts"),
    ("securityContext", "security_context"),
    ("terminationMessagePath", "termination_message_path"),
)
_ALLOWED: Final = "references are allowed in image, command, args and the values of env only"


@dataclass(frozen=True, slots=True)
class Known:
    """What references of a Workflow may name."""

    parameters: Sequence[str] | None
    """None where they cannot be read."""
    outputs: Mapping[str, Sequence[str] | None]
    """Declared outputs of every step; None where they cannot be read."""
    is_upstream: Callable[[str, str], bool]
    """Whether the first step comes before the second."""
    suggestions: Suggestions


def reference_errors(
    draft: ContainerDraft, step: str | None, known: Known, direction: Direction
) -> Iterator[SpecError]:
    """Errors of the references in the container of a step, of its undo, or of a finally step."""
    for reference in draft.references:
        if problem := _problem(reference, step, known, direction):
            yield SpecError(f"{draft.path}.{reference.path}", _found(reference.text), problem)
    if any(reference.path.startswith(("command", "args")) for reference in draft.references):
        yield from _script_errors(draft)
    yield from _misplaced(draft.path, draft.own)


def reference_problem(reference: Reference, step: str | None, known: Known) -> str | None:
    """What is wrong with a reference of a step, if anything is."""
    return _problem(reference, step, known, Direction.FORWARD)


def default_reference_errors(draft: ContainerDraft, known: Known) -> Iterator[SpecError]:
    """Errors of the references in defaults.container: it stands under every step, so it may name what all know."""
    for reference in draft.references:
        if reference.text.startswith(("steps.", "failure.")):
            problem: str | None = "not in defaults, which stand under every step: say it where it is needed"
        else:
            problem = _problem(reference, None, known, Direction.FORWARD)
        if problem:
            yield SpecError(f"{draft.path}.{reference.path}", _found(reference.text), problem)
    yield from _misplaced(draft.path, draft.own)


def text_reference_errors(path: str, text: str, known: Known) -> Iterator[SpecError]:
    """Errors of the references in an output of the Workflow: what is known of a run that has succeeded."""
    for reference in text_references(text):
        if reference.text == "attempt":
            problem: str | None = "known only in a container"
        else:
            problem = _problem(reference, None, known, Direction.FORWARD)
        if problem:
            yield SpecError(path, _found(reference.text), problem)


def misplaced_references(path: str, value: Any) -> Iterator[SpecError]:
    """References in any string inside of `value`, which stands at `path` and where nothing is substituted."""
    if isinstance(value, str):
        for reference in references(value):
            yield SpecError(path, _found(reference), _ALLOWED)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from misplaced_references(f"{path}.{key}", entry)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from misplaced_references(f"{path}[{index}]", entry)


def _problem(reference: Reference, step: str | None, known: Known, direction: Direction) -> str | None:
    """What is wrong with a reference, if anything is."""
    if reference.nested:
        return "not inside of another $(...), where the kubelet would not undo the escape of its value"
    prefix, _, rest = reference.text.partition(".")
    match prefix:
        case "attempt":
            return None
        case "item":
            return "fan-out is not supported by this version"
        case "params":
            return _unknown("parameter", rest, known.parameters, known)
        case "workflow" if rest in _ENDING_PARTS and direction is not Direction.FINALLY:
            return f"the {rest} that the run ends with is known only in finally"
        case "workflow" if direction is Direction.FINALLY:
            return _unknown("part of the Workflow", rest, (*_WORKFLOW_PARTS, *_ENDING_PARTS), known)
        case "workflow":
            return _unknown("part of the Workflow", rest, _WORKFLOW_PARTS, known)
        case "failure" if direction is Direction.FORWARD:
            return "the failure is known only in compensate.container and in finally"
        case "failure":
            return _unknown("part of the failure", rest, _FAILURE_PARTS, known)
        case _:
            return _step_problem(reference, step, known, direction)


def _unknown(noun: str, name: str, names: Sequence[str] | None, known: Known) -> str | None:
    if names is None or name in names:
        return None
    return f"no such {noun}; {known.suggestions.did_you_mean(name, names)}"


def _step_problem(reference: Reference, step: str | None, known: Known, direction: Direction) -> str | None:
    name = reference.step
    if name is None:
        return "must be $(steps.NAME.outputs.KEY) or $(steps.NAME.outcome)"
    if name not in known.outputs:
        return f"no such step; {known.suggestions.did_you_mean(name, known.outputs)}"
    undo = direction is Direction.COMPENSATION
    if name == step and direction is Direction.FORWARD:
        return "a step cannot refer to itself; its undo can"
    if undo and step is not None and name != step and not known.is_upstream(name, step):
        order = f"{printable(name)} does not come before {printable(step)}"
        return f"an undo may refer to its own step and to those before it; {order}"
    if reference.output is None:
        return None
    return _unknown(f"output of step {printable(name)}", reference.output[1], known.outputs[name], known)


def _script_errors(draft: ContainerDraft) -> Iterator[SpecError]:
    """A value inside the script of a shell would be run as code."""
    command, args = draft.own.command or (), draft.own.args or ()
    words = [word or "" for word in (*command, *args)]
    for place in sorted(script_places(words[: len(command)], words[len(command) :])):
        field = f"command[{place}]" if place < len(command) else f"args[{place - len(command)}]"
        for reference in references(words[place]):
            expected = "not in the script of a shell, which would run the value as code: pass it by env"
            yield SpecError(f"{draft.path}.{field}", _found(reference), expected)


def _misplaced(path: str, container: Container) -> Iterator[SpecError]:
    for index, variable in enumerate(container.env or ()):
        if variable is not None and variable.name is not None and "$(" in variable.name:
            yield from misplaced_references(f"{path}.env[{index}].name", variable.name)
        if variable is not None and variable.value_from is not None:
            yield from misplaced_references(f"{path}.env[{index}].valueFrom", wire(variable.value_from))
    for field, name in _NOT_SUBSTITUTED:
        if (value := getattr(container, name)) is not None:
            yield from misplaced_references(f"{path}.{field}", wire(value))


def _found(reference: str) -> str:
    return f"found $({printable(reference)})"


def wire(value: object) -> object:
    """A part of the spec as it was written."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_none=True, mode="json", warnings=False)
    return [wire(entry) for entry in value] if isinstance(value, tuple) else value
