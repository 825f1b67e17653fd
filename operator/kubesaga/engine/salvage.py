"""What can still be read of a spec that is not well-formed, so that one error hides no other.

A salvaged model has every field that is well-formed by itself. What is not is None, also where the model promises a
value, also as an entry of a list, which keeps the places of the others. A string that only breaks a rule about its
content is kept: its name may be referred to.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from kubesaga.engine.structure import model_of

M = TypeVar("M", bound=BaseModel)


def salvage(model: type[M], raw: Mapping[str, Any]) -> M:
    """As much of `raw` as can be read as a `model`."""
    try:
        return model.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError:
        values: dict[str, Any] = {name: _field(model, name, raw) for name in model.model_fields}
        return model.model_construct(**values)


def _field(model: type[BaseModel], name: str, raw: Mapping[str, Any]) -> object:
    """The value of one field."""
    field = model.model_fields[name]
    value = raw.get(str(field.alias))
    if value is None:
        return None
    try:
        return _adapter(model, name).validate_python(value, by_alias=True, by_name=False)
    except ValidationError:
        return _part(field.annotation, value)


def _part(annotation: Any, value: object) -> object:
    """What can be read of a value that is not well-formed."""
    inner = model_of(annotation)
    if _has(annotation, tuple):
        return tuple(_entry(inner, entry) for entry in value) if isinstance(value, list | tuple) else None
    return _entry(inner, value) if inner is not None or _is_text(annotation) else None


def _entry(model: type[BaseModel] | None, value: object) -> object:
    if model is not None and isinstance(value, Mapping):
        return salvage(model, value)
    return value if model is None and isinstance(value, str) else None


def _is_text(annotation: Any) -> bool:
    return _has(annotation, str) and not _has(annotation, dict)


def _has(annotation: Any, kind: type) -> bool:
    """Whether the annotation, or what is inside of it, is of the kind: tuple[X, ...] | None has tuple."""
    if annotation is kind or get_origin(annotation) is kind:
        return True
    return any(_has(argument, kind) for argument in get_args(annotation))


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    """Validates one field by itself; pydantic builds it once for each of the about 150 fields of the API."""
    field = model.model_fields[name]
    annotation: Any = field.annotation
    return TypeAdapter(Annotated[annotation, *field.metadata] if field.metadata else annotation)
