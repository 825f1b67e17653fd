"""The syntax tree of an expression, as the CEL library serializes it: the protobuf message `cel.expr.CheckedExpr`.

Only what the rules of conditions ask for is read, by the wire format of protobuf itself: the library gives its tree in
no other form, and a protobuf run time for a dozen fields would be one more dependency.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Kind(IntEnum):
    """What a node is; the values are the field numbers of `cel.expr.Expr`."""

    CONSTANT = 3
    IDENTIFIER = 4
    SELECT = 5
    CALL = 6
    LIST = 7
    STRUCT = 8
    COMPREHENSION = 9


@dataclass(frozen=True, slots=True)
class Node:
    """One expression inside of an expression."""

    kind: Kind
    place: int
    """Offset in the source, in characters."""
    text: str | None
    """The string of a constant (None for other constants), or the name of an identifier, field or function."""
    parts: tuple["Node", ...]


_PAYLOAD: Final = 2
"""`google.protobuf.Any.value`."""
_SOURCE_INFO, _EXPRESSION = 5, 4
_POSITIONS: Final = 4
_ID: Final = 2
_STRING_CONSTANT: Final = 6
_VARINT, _LENGTH = 0, 2
"""Wire types; the only other one of the message is of eight bytes."""


def read_tree(serialized: bytes) -> Node:
    """The tree of a serialized expression."""
    checked = dict(_fields(_bytes(dict(_fields(serialized))[_PAYLOAD])))
    positions = _positions(_bytes(checked[_SOURCE_INFO]))
    return _node(_bytes(checked[_EXPRESSION]), positions)


def walk(node: Node) -> Iterator[Node]:
    """The node and all that is inside of it."""
    yield node
    for part in node.parts:
        yield from walk(part)


def _positions(raw: bytes) -> dict[int, int]:
    """Offsets by the ids of nodes."""
    entries = (dict(_fields(_bytes(value))) for number, value in _fields(raw) if number == _POSITIONS)
    return {int(entry.get(1, 0)): int(entry.get(2, 0)) for entry in entries}


def _node(raw: bytes, positions: dict[int, int]) -> Node:
    fields = dict(_fields(raw))
    kind = next(kind for kind in Kind if kind in fields)
    inner = list(_fields(_bytes(fields[kind])))
    place = positions.get(int(fields.get(_ID, 0)), 0)
    text, parts = _content(kind, inner)
    return Node(kind, place, text, tuple(_node(part, positions) for part in parts))


def _content(kind: Kind, fields: list[tuple[int, int | bytes]]) -> tuple[str | None, list[bytes]]:
    """The text of a node, and the serialized nodes inside of it."""

    def every(*numbers: int) -> list[bytes]:
        return [_bytes(value) for number, value in fields if number in numbers]

    def text(number: int) -> str | None:
        return next((value.decode() for value in every(number)), None)

    match kind:
        case Kind.CONSTANT:
            return text(_STRING_CONSTANT) if any(number == _STRING_CONSTANT for number, _ in fields) else None, []
        case Kind.IDENTIFIER:
            return text(1), []
        case Kind.SELECT:
            return text(2), every(1)
        case Kind.CALL:
            return text(2), every(1, 3)
        case Kind.LIST:
            return None, every(1)
        case Kind.STRUCT:
            entries = [list(_fields(entry)) for entry in every(2)]
            return text(1), [_bytes(value) for entry in entries for number, value in entry if number in (3, 4)]
        case _:  # A comprehension.
            return text(1), every(2, 4, 5, 6, 7)


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a message."""
    place = 0
    while place < len(raw):
        tag, place = _varint(raw, place)
        if tag & 7 == _VARINT:
            value, place = _varint(raw, place)
            yield tag >> 3, value
            continue
        size = 8
        if tag & 7 == _LENGTH:
            size, place = _varint(raw, place)
        yield tag >> 3, raw[place : place + size]
        place += size


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)  # noqa: S101 - the schema of the message says so
    return value
