"""The structure of a spec: what pydantic finds wrong with it, said as a person would say it."""

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kubesaga.engine.spec_error import SpecError

_FOUND_LENGTH_MAX: Final = 60
_DNS_LABEL: Final = (
    "must be a DNS label: lower-case letters, digits and '-', beginning and ending with a letter or digit"
)
_PATTERNS: Final = {
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": _DNS_LABEL,
    r"^[A-Za-z_][A-Za-z0-9_-]*$": "must be an identifier: letters, digits, '_' and '-', beginning with a letter or '_'",
    r"^[^=\x00]+$": "must be the name of an environment variable, without '='",
}
_TYPES: Final = {
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_unicode": "must be valid Unicode",
}


def structure_errors(error: ValidationError, model: type[BaseModel], raw: object, path: str) -> list[SpecError]:
    """Every error that pydantic found in `raw`, which stands at `path`, one for each place."""
    found: dict[str, SpecError] = {}
    for details in error.errors(include_url=False):
        place = _path(path, raw, details["loc"])
        found.setdefault(place, SpecError(place, *_sentence(details, model)))
    return list(found.values())


def shorten(value: object) -> str:
    """A value as JSON, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = repr(type(value).__name__)
    return text if len(text) <= _FOUND_LENGTH_MAX else f"{text[: _FOUND_LENGTH_MAX - 1]}…"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """What would be right instead of an unknown name."""
    close = get_close_matches(word, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known are {', '.join(known[:20])}" if known else "there is none"


def child(path: str, part: str | int) -> str:
    """The path of a field or of an element of a list."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    return f"{path}.{part}" if re.fullmatch(r"[A-Za-z_][\w-]*", part) else f"{path}[{json.dumps(part)}]"


def _path(path: str, raw: object, location: Sequence[str | int]) -> str:
    """The path of an error; what pydantic adds to it (the branch of a union, `[key]`) is no field and is left out."""
    for part in location:
        if isinstance(raw, Mapping) and isinstance(part, str):
            raw = raw.get(part)
        elif isinstance(raw, list | tuple) and isinstance(part, int):
            raw = raw[part] if part < len(raw) else None
        elif not isinstance(raw, type(None)):
            break
        if part == "[key]":
            break
        path = child(path, part)
    return path


def _sentence(details: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """What was found and what would be right."""
    kind, context = details["type"], details.get("ctx", {})
    found = f"found {shorten(details['input'])}"
    if kind == "missing":
        return "missing", "is required"
    if kind == "extra_forbidden":
        name = str(details["loc"][-1])
        return f'unknown field "{name}"', did_you_mean(name, _fields(model, details["loc"][:-1]))
    if kind in ("too_long", "too_short"):
        return f"found {context['actual_length']} entries", _length(kind, context, "entries")
    if kind in ("string_too_long", "string_too_short"):
        return f"found {len(details['input'])} characters", _length(kind, context, "characters")
    if kind == "string_pattern_mismatch":
        return found, _PATTERNS.get(context["pattern"], f"must match {context['pattern']}")
    if kind in ("enum", "literal_error"):
        return found, f"must be one of {context['expected']}".replace("'", "")
    if kind in ("greater_than_equal", "less_than_equal"):
        return found, f"must be at least {context['ge']}" if "ge" in context else f"must be at most {context['le']}"
    return found, _TYPES.get(kind, details["msg"])


def _length(kind: str, context: Mapping[str, Any], unit: str) -> str:
    if kind.endswith("too_long"):
        return f"must be at most {context['max_length']} {unit}"
    return f"must be at least {context['min_length']} {unit}"


def _fields(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The wire names of the fields that the object at `location` may have."""
    current: Any = model
    for part in location:
        if isinstance(part, str):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            current = _model_of(fields[part].annotation)
    return [field.alias or name for name, field in current.model_fields.items()]


def _model_of(annotation: Any) -> Any:
    """The model inside an annotation such as tuple[Annotated[Step, ...], ...] | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_of(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)
