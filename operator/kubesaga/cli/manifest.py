"""Manifests from files: YAML or JSON, one document or several, with a line for every error."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kubesaga.api.group import KIND
from kubesaga.cli.envelope import envelope_errors, is_ours
from kubesaga.cli.yaml_text import Document, TextError, documents
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.spec_error import InvalidSpec, SpecError
from kubesaga.engine.suggestion import Suggestions

FILE_BYTES_MAX: Final = 8_388_608
"""Many times what the API server takes; a larger file is no manifest."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One Workflow that was read and planned."""

    origin: str
    name: str
    raw: dict[str, Any]
    plan: Plan


@dataclass(slots=True)
class Reading:
    """What a FILE holds: Workflows, notes on what was left out, and every error."""

    manifests: list[Manifest] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    """One document that is to be a Workflow."""

    origin: str
    document: Document
    value: Any

    def error(self, error: SpecError) -> str:
        line = self.document.line(error.path)
        return f"{self.origin}:{line}: {error}" if line else f"{self.origin}: {error}"


def read_manifests(file: str, parameters: Mapping[str, str]) -> Reading:
    """Every Workflow of a file, a folder or standard input ("-"), with parameters replaced."""
    reading = Reading()
    found = [one for origin, text in _texts(file, reading) for one in _workflows(origin, text, reading)]
    unknown = dict(parameters)
    for one in found:
        spec = one.value.get("spec") if isinstance(one.value, dict) else None
        for name in _override(spec, parameters):
            unknown.pop(name, None)
    for one in found:
        _plan(one, reading)
    reading.errors += _duplicates(reading.manifests)
    if not found and not reading.errors:
        reading.errors.append(f"{file}: there is no Workflow")
    if found and not reading.errors:
        reading.errors += _unknown_parameters(unknown, found)
    return reading


def _texts(file: str, reading: Reading) -> Iterator[tuple[str, str]]:
    """Name and text of every file that is meant."""
    if file == "-" and sys.stdin is None:
        reading.errors.append("standard input: is closed")
        return
    if file == "-":
        yield from _decoded("standard input", sys.stdin.buffer.read(FILE_BYTES_MAX + 1), reading)
        return
    path = Path(file)
    try:
        named = (p for p in path.iterdir() if p.suffix in (".yaml", ".yml", ".json")) if path.is_dir() else (path,)
        for one in sorted(named):
            with one.open("rb") as opened:
                yield from _decoded(str(one), opened.read(FILE_BYTES_MAX + 1), reading)
    except (OSError, ValueError) as error:
        reading.errors.append(f"{file}: {getattr(error, 'strerror', None) or error}")


def _decoded(origin: str, raw: bytes, reading: Reading) -> Iterator[tuple[str, str]]:
    if len(raw) > FILE_BYTES_MAX:
        reading.errors.append(f"{origin}: is larger than {FILE_BYTES_MAX:,} bytes")
        return
    try:
        yield origin, raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reading.errors.append(f"{origin}:{line}: the byte 0x{raw[error.start]:02x} is not UTF-8")


def _workflows(origin: str, text: str, reading: Reading) -> Iterator[_Found]:
    """The documents of a text that are to be Workflows, those of Lists too."""
    try:
        read = documents(text)
    except TextError as error:
        place = f"{origin}:{error.line}" if error.line else origin
        reading.errors.append(f"{place}: {error.message}")
        return
    for document in read:
        for found in document.errors:
            place = f"{origin}:{found.line}" if found.line else origin
            reading.errors.append(": ".join(part for part in (place, found.path, found.message) if part))
        if not document.errors:
            yield from _of_document(origin, document, reading)


def _of_document(origin: str, document: Document, reading: Reading) -> Iterator[_Found]:
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            prefix = f"items[{index}]"
            inner = {p[len(prefix) :].lstrip("."): n for p, n in document.lines.items() if p.startswith(prefix)}
            yield from _of_document(origin, Document(item, inner), reading)
    elif is_ours(value):
        yield _Found(origin, document, value)
    else:
        name = value["metadata"].get("name") if isinstance(value.get("metadata"), dict) else None
        line = document.line("kind") or document.line("")
        place = f"{origin}:{line}" if line else origin
        reading.notes.append(f'{place}: {value.get("kind")} "{name}" is left out: only a {KIND} is run or planned')


def _override(spec: Any, parameters: Mapping[str, str]) -> Iterator[str]:
    """Replace the values of parameters; gives the names that there are."""
    declared = spec.get("parameters") if isinstance(spec, dict) else None
    for parameter in declared if isinstance(declared, list) else ():
        if isinstance(parameter, dict) and isinstance(name := parameter.get("name"), str) and name in parameters:
            parameter["value"] = parameters[name]
            yield name


def _plan(found: _Found, reading: Reading) -> None:
    """Check and plan one Workflow."""
    errors = envelope_errors(found.value)
    metadata = found.value.get("metadata") if isinstance(found.value, dict) else None
    name = _name(metadata) if isinstance(metadata, dict) else ""
    plan = None
    if isinstance(found.value, dict) and isinstance(found.value.get("spec"), dict):
        try:
            plan = WorkflowPlanner().plan(found.value["spec"], name)
        except InvalidSpec as invalid:
            errors += invalid.errors
    if errors or plan is None:
        reading.errors += [found.error(error) for error in errors]
    else:
        reading.manifests.append(Manifest(found.origin, name, found.value, plan))


def _name(metadata: Mapping[str, Any]) -> str:
    """metadata.name, or one made from metadata.generateName."""
    if isinstance(metadata.get("name"), str):
        return str(metadata["name"])
    return f"{metadata.get('generateName', '')}{secrets.token_hex(3)[:5]}"


def _duplicates(manifests: list[Manifest]) -> Iterator[str]:
    first: dict[str, str] = {}
    for manifest in manifests:
        if manifest.name in first:
            yield f'{manifest.origin}: metadata.name: found "{manifest.name}"; {first[manifest.name]} has it already'
        first.setdefault(manifest.name, manifest.origin)


def _unknown_parameters(unknown: Mapping[str, str], found: list[_Found]) -> Iterator[str]:
    known = {p["name"] for one in found for p in one.value["spec"].get("parameters") or ()}
    for name in unknown:
        yield f'--param: found "{name}", which is no parameter; {Suggestions().did_you_mean(name, sorted(known))}'
