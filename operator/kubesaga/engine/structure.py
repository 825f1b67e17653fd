"""The structure of a spec: what pydantic finds wrong with it, said as a person would say it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.suggestion import Suggestions

_FOUND_LENGTH_MAX: Final = 60
_DNS_LABEL: Final = (
    "must be a DNS label: lower-case letters, digits and '-', beginning and ending with a letter or digit"
)
_PATTERNS: Final = {
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": _DNS_LABEL,
    r"^[A-Za-z_][A-Za-z0-9_-]*$": "must be an identifier: letters, digits, '_' and '-', beginning with a letter or '_'",
    r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$": (
        "must be a label value: letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
    ),
    r"^[^=\x00]+$": "must be the name of an environment variable, without '='",
}
_QUANTITY: Final = "must be a quantity such as 500m, 2 or 1Gi"
_SENTENCES: Final = {
    "string_type": "must be a string",
    "string_unicode": "must be valid Unicode",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "tuple_type": "must be a list",
    "invalid_key": "names must be strings",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "must have at most {max_length:,} entries",
    "too_short": "must have an entry",
    "string_too_long": "must have at most {max_length:,} characters",
    "string_too_short": "must not be empty",
}
"""By pydantic's type of the error. These are all that the models of the API can raise."""


def structure_errors(
    error: ValidationError, model: type[BaseModel], raw: object, path: str, suggestions: Suggestions
) -> list[SpecError]:
    """Every error that pydantic found in `raw`, which stands at `path`, one for each place."""
    found: dict[str, SpecError] = {}
    for details in error.errors(include_url=False):
        place, is_field = _place(path, raw, details["loc"])
        if details["type"] == "too_short" and details["input"]:
            continue  # Pydantic counts the good entries only; the bad ones have errors of their own.
        if place not in found:
            found[place] = SpecError(place, *_sentence(details, model, suggestions, is_field=is_field))
    return list(found.values())


def shorten(value: object) -> str:
    """A value as JSON, cut where it is long; of lists and objects only what they are."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return printable(json.dumps(value, ensure_ascii=False))
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and value.bit_length() > _FOUND_LENGTH_MAX:
        return "a huge number"  # Python refuses to print an integer of more than 4,300 digits.
    return printable(str(value))


def printable(text: str) -> str:
    """The text, cut where it is long, without what a terminal would act on or UTF-8 cannot say."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:_FOUND_LENGTH_MAX])
    return shown if len(text) <= _FOUND_LENGTH_MAX else f"{shown[: _FOUND_LENGTH_MAX - 1]}…"


def child(path: str, part: str | int) -> str:
    """The path of a field or of an entry of a list."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    return f"{path}.{part}" if re.fullmatch(r"[A-Za-z_][\w-]*", part, re.ASCII) else f"{path}[{shorten(part)}]"


def _place(path: str, raw: object, location: Sequence[str | int]) -> tuple[str, bool]:
    """The path of an error, and whether it is a field's.

    What pydantic adds to a location (`[key]`, the branch of a union) is no part of the spec and is left out.
    """
    for part in location:
        if part == "[key]":
            return path, True
        if isinstance(raw, Mapping):
            raw = raw.get(part)
        elif isinstance(raw, list | tuple) and isinstance(part, int):
            raw = raw[part]
        else:
            return path, False
        path = child(path, part)
    return path, True


def _sentence(
    details: ErrorDetails, model: type[BaseModel], suggestions: Suggestions, *, is_field: bool
) -> tuple[str, str]:
    """What was found and what would be right."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return "missing", "is required"
    if kind == "extra_forbidden":
        name = str(details["loc"][-1])
        known = _fields(model, details["loc"][:-1])
        return f"unknown field {shorten(name)}", suggestions.did_you_mean(name, known)
    found = f"found {shorten(value)}"
    if not is_field:
        return found, _QUANTITY  # The only union in the API.
    if details["loc"][-1:] == ("[key]",):
        return found, _SENTENCES["invalid_key"]
    if kind == "too_short":
        return "found an empty list", _SENTENCES[kind]
    if kind == "too_long":
        found = f"found {len(value):,} entries"
    elif kind == "string_too_long":
        found = f"found {len(value):,} characters"
    return found, _expected(kind, value, context)


def _expected(kind: str, value: object, context: Mapping[str, Any]) -> str:
    """What would be right instead of `value`."""
    if kind == "string_pattern_mismatch":
        return _PATTERNS[context["pattern"]]
    if kind in ("enum", "literal_error"):
        return f"must be {context['expected']}".replace("'", '"')
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"must be a string: write {shorten(shorten(value))}"
    return _SENTENCES[kind].format(**context)


def _fields(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The wire names of the fields that the object at `location` may have."""
    current = model
    for part in location:
        if isinstance(part, str):
            field = next(field for field in current.model_fields.values() if field.alias == part)
            current = model_of(field.annotation) or current
    return [str(field.alias) for field in current.model_fields.values()]


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as tuple[Annotated[Step, ...], ...] | None, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (model_of(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)
