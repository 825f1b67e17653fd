"""YAML and JSON as plain values, each still knowing its line.

Plain scalars mean what they mean to kubectl, so a manifest that is accepted here is the same one in a cluster. Where
YAML 1.1 and 1.2 differ over a word (`yes`, `off`, `n`), it has to be quoted.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from kubesaga.engine.structure import child

VALUES_MAX: Final = 1_000_000
"""Values in one document with its aliases written out: a few bytes of YAML can stand for billions."""

DEPTH_MAX: Final = 100
"""A Workflow is 12 levels deep."""

_CORE: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = {"str", "int", "float", "bool", "null", "timestamp"}
_NULLS: Final = {"", "~", "null", "Null", "NULL"}
_BOOLEANS: Final = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
AMBIGUOUS: Final = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), "true"),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), "false"),
}
"""Words that YAML 1.1 reads as booleans, and YAML 1.2 as text."""
_INTEGER: Final = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0b[01_]+|0o?[0-7_]+|[1-9][0-9_]*|0)")
_FLOAT: Final = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_NOT_A_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIGITS_MAX: Final = 40


class TextError(Exception):
    """A text that cannot be read; `line` counts from 1."""

    def __init__(self, message: str, line: int | None = None, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.path = path


@dataclass(slots=True)
class Document:
    """One document: its value, and the line of every field path that is known."""

    value: Any
    lines: dict[str, int] = field(default_factory=dict)
    errors: list[TextError] = field(default_factory=list)

    def line(self, path: str) -> int | None:
        """The line of the field at `path`, or of the deepest part of the path that is there."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path)


def documents(text: str) -> list[Document]:
    """The documents of a text, empty ones left out. Raises TextError where it is neither YAML nor JSON."""
    as_json = _json(text)
    try:
        found = [_document(node) for node in YAML(typ="safe", pure=True).compose_all(StringIO(text)) if node]
    except (YAMLError, ValueError, RecursionError) as error:
        if as_json is not None:
            return [as_json]
        raise _text_error(error, text) from None
    if as_json is not None and len(found) == 1:
        return [Document(as_json.value, found[0].lines, as_json.errors)]
    return [document for document in found if document.value is not None or document.errors]


def _json(text: str) -> Document | None:
    """The text as JSON, if it is that."""
    errors: list[TextError] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in items:
            if key in seen:
                errors.append(TextError(f'the key "{key}" is given twice'))
            seen[key] = value
        return seen

    try:
        return Document(json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse), {}, errors)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _document(node: Node) -> Document:
    document = Document(None)
    reading = _Reading(document)
    document.value = reading.value(node, "", 0)
    return document


def _text_error(error: Exception, text: str) -> TextError:
    """What the parser says, in plain words."""
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part)
        if "'\\t'" in message:
            message = "there is a tab; YAML is indented with spaces"
        return TextError(message, mark.line + 1 if mark else None)
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return TextError(f"the character U+{ord(text[error.position]):04X} is not allowed", line)
    if isinstance(error, RecursionError):
        return TextError(f"is nested more than {DEPTH_MAX} levels deep")
    return TextError(str(error).splitlines()[0])


class _Reading:
    """Turns nodes into values. Errors are kept in the document, and the value goes on without what is wrong."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0

    def value(self, node: Node, path: str, depth: int) -> Any:
        line = node.start_mark.line + 1
        self._document.lines.setdefault(path, line)
        self._values += 1
        if self._values > VALUES_MAX:
            raise TextError(f"stands for more than {VALUES_MAX:,} values once its aliases are written out", line)
        if depth > DEPTH_MAX:
            raise TextError(f"is nested more than {DEPTH_MAX} levels deep", line)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.value(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)  # noqa: S101 - there is no fourth kind
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: str, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == f"{_CORE}merge":
                for part in self._merged(value_node, path, depth):
                    merged = {**part, **merged}
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            place = child(path, key) if path else key
            if key in own:
                first = self._document.lines[place]
                self._error(f'the key "{key}" is given twice; the first is in line {first}', line, place)
                continue
            self._document.lines[place] = line
            own[key] = self.value(value_node, place, depth + 1)
        return {**merged, **own}

    def _merged(self, node: Node, path: str, depth: int) -> Iterator[dict[str, Any]]:
        """The mappings that `<<` brings in."""
        for part in node.value if isinstance(node, SequenceNode) else [node]:
            value = self.value(part, path, depth + 1)
            if isinstance(value, dict):
                yield value
            else:
                self._error("<< merges mappings only", node.start_mark.line + 1, path)

    def _key(self, node: Node, path: str) -> str | None:
        key = self._scalar(node, path) if isinstance(node, ScalarNode) else None
        if isinstance(key, str):
            return key
        if not (isinstance(node, ScalarNode) and node.value in AMBIGUOUS):
            shown = node.value if isinstance(node, ScalarNode) else "a list or mapping"
            self._error(f"found the key {shown}; keys must be strings: quote it", node.start_mark.line + 1, path)
        return None

    def _scalar(self, node: ScalarNode, path: str) -> Any:
        text: str = node.value
        tag = str(node.tag)
        if tag.removeprefix(_CORE) not in _SCALAR_TAGS:
            self._error(f"found the tag {tag}; Kubernetes knows no tags", node.start_mark.line + 1, path)
            return None
        if node.style in ("'", '"', "|", ">"):
            return text
        if text in AMBIGUOUS:
            meant = f'kubectl reads it as {AMBIGUOUS[text]}: write {AMBIGUOUS[text]}, or "{text}" with quotes'
            self._error(f"found {text}; {meant}", node.start_mark.line + 1, path)
            return None
        return self._plain(node, text, path)

    def _plain(self, node: ScalarNode, text: str, path: str) -> Any:
        """A scalar without quotes, as kubectl reads it: 0644 is octal, and a date is a string."""
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _NOT_A_NUMBER.fullmatch(text):
            self._error(f"found {text}; JSON has no such number", node.start_mark.line + 1, path)
            return None
        if _INTEGER.fullmatch(text):
            return self._integer(node, text, path)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text

    def _integer(self, node: ScalarNode, text: str, path: str) -> int | None:
        digits = text.replace("_", "")
        if len(digits) <= _DIGITS_MAX:
            sign, unsigned = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
            octal = len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1].isdigit()
            number = sign * (int(unsigned, 8) if octal else int(unsigned, 0))
            if -(2**63) <= number < 2**63:
                return number
        self._error("found a number that does not fit into 64 bits", node.start_mark.line + 1, path)
        return None

    def _error(self, message: str, line: int, path: str) -> None:
        self._document.errors.append(TextError(message, line, path))
