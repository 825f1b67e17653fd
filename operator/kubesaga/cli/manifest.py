"""Manifests from files: YAML or JSON, one document or several, with a line for every error."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from kubesaga.api.limits import OBJECT_NAME_LENGTH_MAX
from kubesaga.api.workflow import API_VERSION, KIND
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.spec_error import InvalidSpec, SpecError
from kubesaga.engine.structure import shorten

FILE_BYTES_MAX: Final = 8_388_608
"""Many times what the API server takes; a larger file is no manifest."""

VALUES_MAX: Final = 1_000_000
"""Values in one document with its aliases written out: a few bytes of YAML can stand for billions."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One Workflow that was read and planned."""

    origin: str
    raw: dict[str, Any]
    plan: Plan

    @property
    def name(self) -> str:
        """metadata.name."""
        name: str = self.raw["metadata"]["name"]
        return name


class ManifestsRefused(Exception):  # noqa: N818
    """Input that cannot be used: every reason, one a line."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def read_manifests(file: str, parameters: Mapping[str, str]) -> list[Manifest]:
    """Every Workflow of a file, a folder or standard input ("-"), with parameters replaced.

    Raises ManifestsRefused with every error of every document.
    """
    manifests: list[Manifest] = []
    lines: list[str] = []
    for origin, text in _texts(file):
        try:
            manifests.extend([_manifest(origin, document, parameters) for document in _documents(origin, text)])
        except ManifestsRefused as refused:
            lines += refused.lines
    if not lines and not manifests:
        lines = [f"{file}: no Workflow found"]
    if lines:
        raise ManifestsRefused(lines)
    return manifests


def _texts(file: str) -> Iterator[tuple[str, str]]:
    """Name and text of every file that is meant."""
    if file == "-":
        yield "standard input", _decoded("standard input", sys.stdin.buffer.read(FILE_BYTES_MAX + 1))
        return
    path = Path(file)
    try:
        paths = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml", ".json")) if path.is_dir() else [path]
        for one in paths:
            with one.open("rb") as opened:
                yield str(one), _decoded(str(one), opened.read(FILE_BYTES_MAX + 1))
    except OSError as error:
        raise ManifestsRefused([f"{file}: {error.strerror or error}"]) from None


def _decoded(origin: str, raw: bytes) -> str:
    if len(raw) > FILE_BYTES_MAX:
        raise ManifestsRefused([f"{origin}: larger than {FILE_BYTES_MAX:,} bytes"])
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ManifestsRefused([f"{origin}: not UTF-8 at byte {error.start}"]) from None


def _documents(origin: str, text: str) -> list[Any]:
    """The documents of a text, each value still knowing its line."""
    yaml = YAML(typ="rt")
    try:
        documents = [document for document in yaml.load_all(StringIO(text)) if document is not None]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{origin}:{mark.line + 1}" if mark else origin
        raise ManifestsRefused([f"{place}: {error.problem or error.context}"]) from None
    except (YAMLError, ValueError) as error:
        raise ManifestsRefused([f"{origin}: {str(error).splitlines()[0]}"]) from None
    except RecursionError:
        raise ManifestsRefused([f"{origin}: nested too deeply"]) from None
    return documents


def _manifest(origin: str, document: Any, parameters: Mapping[str, str]) -> Manifest:
    """One document as a planned Workflow."""
    try:
        plain = _plain(document, [0])
    except (_TooLargeError, RecursionError):
        raise ManifestsRefused([f"{origin}: too large once its aliases are written out"]) from None
    errors = _envelope_errors(plain)
    if isinstance(plain, dict) and isinstance(plain.get("spec"), dict):
        errors += _override(plain["spec"], parameters)
    spec = plain.get("spec") if isinstance(plain, dict) else None
    plan = None
    if isinstance(spec, dict):
        try:
            plan = WorkflowPlanner().plan(spec)
        except InvalidSpec as invalid:
            errors += invalid.errors
    if errors or plan is None:
        raise ManifestsRefused([f"{_place(origin, document, error.path)}: {error}" for error in errors])
    return Manifest(origin, plain, plan)


def _envelope_errors(plain: Any) -> list[SpecError]:
    """Errors outside the spec."""
    if not isinstance(plain, dict):
        return [SpecError("document", f"found {shorten(plain)}", "must be an object")]
    errors = []
    for field, right in (("apiVersion", API_VERSION), ("kind", KIND)):
        if plain.get(field) != right:
            found = f"found {shorten(plain[field])}" if field in plain else "missing"
            errors.append(SpecError(field, found, f'must be "{right}"'))
    metadata = plain.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= OBJECT_NAME_LENGTH_MAX or not _is_dns(name):
        found = "missing" if name is None else f"found {shorten(name)}"
        errors.append(
            SpecError("metadata.name", found, "must be a DNS subdomain: lower-case letters, digits, '-' and '.'")
        )
    if not isinstance(plain.get("spec"), dict):
        found = "missing" if "spec" not in plain else f"found {shorten(plain['spec'])}"
        errors.append(SpecError("spec", found, "must be an object"))
    return errors


def _is_dns(name: str) -> bool:
    labels = name.split(".")
    return all(
        label and label[0] != "-" != label[-1] and set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        for label in labels
    )


def _override(spec: dict[str, Any], parameters: Mapping[str, str]) -> list[SpecError]:
    """Replace the values of parameters; unknown ones are errors."""
    declared = [p for p in spec.get("parameters") or () if isinstance(p, dict)]
    known = {p.get("name"): p for p in declared}
    errors = []
    for name, value in parameters.items():
        if name in known:
            known[name]["value"] = value
        else:
            errors.append(
                SpecError("spec.parameters", f'found no "{name}"', "--param names a parameter of the Workflow")
            )
    return errors


class _TooLargeError(Exception):
    """More values than any manifest has."""


def _plain(value: Any, count: list[int]) -> Any:
    """The document as plain dicts, lists and scalars; dates and the like become what JSON would have."""
    count[0] += 1
    if count[0] > VALUES_MAX:
        raise _TooLargeError
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, count) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner, count) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return bool(value) if type(value).__name__ == "ScalarBoolean" else str(value)


def _place(origin: str, document: Any, path: str) -> str:
    """The origin with the line of the deepest part of the path that is there."""
    line = document.lc.line if isinstance(document, CommentedBase) else None
    node = document
    for part in path.replace("[", ".[").split("."):
        key: Any = int(part[1:-1]) if part.startswith("[") and part[1:-1].isdigit() else part
        if not isinstance(node, CommentedBase):
            break
        try:
            line = node.lc.item(key)[0] if isinstance(key, int) else node.lc.key(key)[0]
            node = node[key]  # type: ignore[index]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return origin if line is None else f"{origin}:{line + 1}"
