"""References in a spec, `$(params.x)` and the like: found once at plan time, resolved once per attempt.

Only the prefixes below are ours; any other `$(...)` passes through to the kubelet and to shells. As with the kubelet,
`$$(` is an escaped `$(` and no reference. Resolving is one pass, its result is never scanned again, not by the kubelet
either, which expands `$(VAR)` in command, args and env: there every `$` of a substituted value is written `$$`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kubesaga.api.container import Container

_OPENING: Final = re.compile(r"\$\$|\$\((?=(?:params|steps|workflow|failure|item)\.|(?:attempt|item)\))")
"""An escaped dollar, or the beginning of a reference; left to right, so that `$$` is consumed before a parenthesis."""

_CACHED_LENGTH_MAX: Final = 1_024
"""Longer texts are parsed anew: 16,384 of the longest possible would hold half a gigabyte."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference, and the path of the field that it stands in, relative to its container."""

    text: str
    """What stands between the parentheses: `steps.reserve-stock.outputs.reservation`."""
    path: str
    nested: bool = False
    """Whether it stands inside of a `$(...)` that is not ours: the kubelet leaves all of that as it is, `$$` too."""

    @property
    def output(self) -> tuple[str, str] | None:
        """Step and key of a reference to an output; None for any other."""
        match self.text.split("."):
            case ["steps", step, "outputs", key]:
                return step, key
            case _:
                return None

    @property
    def step(self) -> str | None:
        """The step that it refers to, to an output or the outcome of it; None for any other reference."""
        match self.text.split("."):
            case ["steps", step, "outputs", _] | ["steps", step, "outcome"]:
                return step
            case _:
                return None


def parse(text: str) -> tuple[str, ...]:
    """Literal and reference in turn, beginning and ending with a literal: a text without references is one literal."""
    return _parse_cached(text) if len(text) <= _CACHED_LENGTH_MAX else _parse(text)


def references(text: str) -> tuple[str, ...]:
    """The references of a text, in order."""
    return parse(text)[1::2] if "$(" in text else ()


def resolve(text: str, context: Mapping[str, str], *, escape: bool) -> str:
    """The text with every reference replaced by its value.

    `escape` writes `$` of a value as `$$`, for fields that the kubelet expands. Raises KeyError for a reference that
    the context lacks, which the planner has ruled out.
    """
    if "$(" not in text:
        return text
    parts = list(parse(text))
    for index in range(1, len(parts), 2):
        value = context[parts[index]]
        parts[index] = value.replace("$", "$$") if escape else value
    return "".join(parts)


def container_references(container: Container) -> tuple[Reference, ...]:
    """Every reference in the fields of a container that are substituted."""
    found: list[Reference] = []
    if container.image is not None and "$(" in container.image:
        found += _references("image", container.image)
    for field, texts in (("command", container.command), ("args", container.args)):
        for index, text in enumerate(texts or ()):
            if text is not None and "$(" in text:
                found += _references(f"{field}[{index}]", text)
    for index, variable in enumerate(container.env or ()):
        if variable is not None and variable.value is not None and "$(" in variable.value:
            found += _references(f"env[{index}].value", variable.value)
    return tuple(found)


def text_references(text: str) -> tuple[Reference, ...]:
    """Every reference in one text."""
    return tuple(_references("", text))


def _references(path: str, text: str) -> list[Reference]:
    parts = parse(text)
    return [
        Reference(parts[index], path, nested="$(" in parts[index - 1] and _is_open(parts[index - 1]))
        for index in range(1, len(parts), 2)
    ]


def _is_open(literal: str) -> bool:
    """Whether a `$(` in it has no end."""
    unescaped = literal.replace("$$", "")
    return unescaped.rfind("$(") > unescaped.rfind(")")


def _parse(text: str) -> tuple[str, ...]:
    """In one pass: a reference ends at the next parenthesis, and without one there are no more references."""
    parts: list[str] = []
    literal, position = 0, 0
    while opening := _OPENING.search(text, position):
        position = opening.end()
        if opening[0] == "$$":
            continue
        closing = text.find(")", position)
        if closing < 0:
            break
        parts += [text[literal : opening.start()], text[position:closing]]
        literal = position = closing + 1
    return (*parts, text[literal:])


_parse_cached = lru_cache(maxsize=16_384)(_parse)
