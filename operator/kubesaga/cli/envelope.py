"""The part of a manifest outside its spec: what the API server itself would refuse."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kubesaga.api.group import API_VERSION, GROUP, KIND
from kubesaga.api.limits import NAME_LENGTH_MAX, OBJECT_NAME_LENGTH_MAX
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import shorten
from kubesaga.engine.suggestion import Suggestions

_FIELDS: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_DNS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_NAME: Final = "must be a DNS subdomain: lower-case letters, digits, '-' and '.'"


def is_ours(value: Any) -> bool:
    """Whether a document is a Workflow, or would be one if it were right; other kinds are left out."""
    if not isinstance(value, dict):
        return True
    version, kind = value.get("apiVersion"), value.get("kind")
    if kind == "List":  # Of other kinds; what is no list of objects at all is told.
        return not isinstance(value.get("items"), list)
    if not isinstance(version, str) or not isinstance(kind, str):
        return True
    return kind.lower() in (KIND.lower(), "workflows") or version.partition("/")[0] == GROUP


def envelope_errors(value: Any) -> list[SpecError]:
    """Every error outside the spec."""
    if not isinstance(value, dict):
        return [SpecError("document", f"found {shorten(value)}", "must be an object")]
    return [*_kind_errors(value), *_unknown_fields(value), *_metadata_errors(value.get("metadata")), *_spec(value)]


def _kind_errors(value: Mapping[str, Any]) -> Iterator[SpecError]:
    for field, right in (("apiVersion", API_VERSION), ("kind", KIND)):
        if value.get(field) != right:
            yield SpecError(field, _found(value, field), f'must be "{right}"')


def _unknown_fields(value: Mapping[str, Any]) -> Iterator[SpecError]:
    for field in value:
        if field not in _FIELDS:
            yield SpecError(field, "is no field of a Workflow", Suggestions().did_you_mean(field, _FIELDS))


def _spec(value: Mapping[str, Any]) -> Iterator[SpecError]:
    if not isinstance(value.get("spec"), dict):
        yield SpecError("spec", _found(value, "spec"), "must be an object")


def _metadata_errors(metadata: Any) -> Iterator[SpecError]:
    if not isinstance(metadata, dict):
        if metadata is None:
            yield SpecError("metadata.name", "missing", _NAME)
        else:
            yield SpecError("metadata", f"found {shorten(metadata)}", "must be an object")
        return
    field = "generateName" if "generateName" in metadata and "name" not in metadata else "name"
    name = metadata.get(field)
    whole = f"{name}x" if field == "generateName" else name  # A generated name goes on.
    if not isinstance(name, str) or not isinstance(whole, str) or not is_subdomain(whole):
        yield SpecError(f"metadata.{field}", _found(metadata, field), _NAME)
    namespace = metadata.get("namespace", "default")
    if not isinstance(namespace, str) or not _is_label(namespace):
        expected = "must be a DNS label: lower-case letters, digits and '-'"
        yield SpecError("metadata.namespace", _found(metadata, "namespace"), expected)
    for field in ("labels", "annotations"):
        yield from _string_map_errors(f"metadata.{field}", metadata.get(field))


def _string_map_errors(path: str, found: Any) -> Iterator[SpecError]:
    if found is not None and not isinstance(found, dict):
        yield SpecError(path, f"found {shorten(found)}", "must be an object of strings")
    for key, value in found.items() if isinstance(found, dict) else ():
        if not isinstance(value, str):
            yield SpecError(f"{path}.{key}", f"found {shorten(value)}", "must be a string: quote it")


def _found(value: Mapping[str, Any], field: str) -> str:
    return f"found {shorten(value[field])}" if field in value else "missing"


def is_subdomain(name: str) -> bool:
    """Whether a name is one that Kubernetes takes for an object (RFC 1123)."""
    return len(name) <= OBJECT_NAME_LENGTH_MAX and all(
        _is_label(label, OBJECT_NAME_LENGTH_MAX) for label in name.split(".")
    )


def _is_label(label: str, length_max: int = NAME_LENGTH_MAX) -> bool:
    return 0 < len(label) <= length_max and label[0] != "-" and label[-1] != "-" and set(label) <= _DNS
