"""From a pydantic model to a structural schema as Kubernetes wants it (OpenAPI v3, no references, no unions)."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

_DROPPED: Final = ("title", "default", "$defs", "additionalProperties", "patternProperties", "propertyNames")
Schema = dict[str, Any]


def structural_schema(model: type[BaseModel]) -> Schema:
    """The schema of a model: every reference inlined, optional fields not required, every list atomic."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def in_one_line(description: str) -> str:
    """A docstring as people read it beside a field."""
    return " ".join(description.split())


def not_null(union: Mapping[str, Any]) -> list[Schema]:
    """The branches of a union but null: a field that may be None is one that may be absent."""
    return [branch for branch in union["anyOf"] if branch.get("type") != "null"]


def _structural(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """One node of the schema."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        return _structural({**target, **{k: v for k, v in schema.items() if k != "$ref"}}, definitions)
    if "anyOf" in schema:
        return _union(schema, definitions)
    node = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "description" in node:
        node["description"] = in_one_line(node["description"])
    if "properties" in node:
        node["properties"] = {name: _structural(field, definitions) for name, field in node["properties"].items()}
    if "items" in node:
        node["items"] = _structural(node["items"], definitions)
        node["x-kubernetes-list-type"] = "atomic"
    if isinstance(values := _values(schema), dict):
        node["additionalProperties"] = _structural(values, definitions)
    return _bounded(node)


def _values(schema: Mapping[str, Any]) -> Any:
    """The schema of a mapping's values; Kubernetes knows no pattern for its keys."""
    patterns = schema.get("patternProperties")
    return next(iter(patterns.values())) if patterns else schema.get("additionalProperties")


def _union(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """`X | None` is X, not required; a Quantity is an integer or a string."""
    branches = [_structural(branch, definitions) for branch in not_null(schema)]
    outer = {key: value for key, value in schema.items() if key in ("description",)}
    if len(branches) == 1:
        return {**branches[0], **outer}
    types = {branch["type"] for branch in branches}
    assert types == {"integer", "string"}, schema  # noqa: S101 - no other union is in the API
    return {"x-kubernetes-int-or-string": True, **outer}


def _bounded(node: Schema) -> Schema:
    """Formats and bounds that the models leave to their types."""
    if node.get("type") == "integer":
        node.setdefault("format", "int64" if node.get("maximum", 2**31) >= 2**31 else "int32")
    if node.get("format") == "date-time":
        node["maxLength"] = 64
    return node
