"""The outputs of a step: read from the termination message of its container, a JSON object of strings."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from kubesaga.api.limits import OUTPUT_BYTES_DEFAULT
from kubesaga.api.spec import Output
from kubesaga.api.status import StepReason
from kubesaga.engine.text import listing

_JSON_TYPES: Final[Mapping[type, str]] = {
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}


class OutputsError(ValueError):
    """The termination message does not give what the step declares."""

    def __init__(self, reason: StepReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_outputs(declared: Sequence[Output], message: str) -> dict[str, str]:
    """The declared outputs. Keys that are not declared are ignored.

    Raises OutputsError naming the keys that are missing (OutputsMissing) or what is wrong with them (OutputsInvalid).
    """
    written = _parse(message)
    missing = [output.name for output in declared if output.name not in written]
    if missing:
        raise OutputsError(StepReason.OUTPUTS_MISSING, f"the step did not give {listing(missing)}")
    return {output.name: _value(output, written[output.name]) for output in declared}


def _parse(message: str) -> dict[str, object]:
    """The JSON object; an empty message is an empty object."""
    if not message.strip():
        return {}
    try:
        written = json.loads(message, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise OutputsError(
            StepReason.OUTPUTS_INVALID, f"the termination message is not a JSON object of strings: {error}"
        ) from None
    if not isinstance(written, dict):
        found = _JSON_TYPES[type(written)]
        raise OutputsError(StepReason.OUTPUTS_INVALID, f"the termination message is a JSON {found}, not an object")
    return written


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; a key that stands there twice has no one value."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice} stands there twice")
    return made


def _value(output: Output, value: object) -> str:
    """One value: a string that fits and that etcd and an environment variable can hold."""
    if not isinstance(value, str):
        raise OutputsError(StepReason.OUTPUTS_INVALID, f"output {output.name} is not a string")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise OutputsError(StepReason.OUTPUTS_INVALID, f"output {output.name} is not valid Unicode") from None
    if "\0" in value:
        raise OutputsError(StepReason.OUTPUTS_INVALID, f"output {output.name} contains a NUL byte")
    most = output.max_bytes or OUTPUT_BYTES_DEFAULT
    if size > most:
        raise OutputsError(StepReason.OUTPUTS_INVALID, f"output {output.name} has {size} bytes, more than {most}")
    return value
