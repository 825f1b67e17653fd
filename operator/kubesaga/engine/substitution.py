"""References in a spec, `$(params.x)` and the like: found once at plan time, resolved once per attempt.

Only the prefixes below are ours; any other `$(...)` passes through to the kubelet and to shells. As with the kubelet,
`$$(` is an escaped `$(` and no reference. Resolving is one pass, its result is never scanned again, not by the kubelet
either, which expands `$(VAR)` in command, args and env: there every `$` of a substituted value is written `$$`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kubesaga.api.container import Container

_REFERENCE: Final = re.compile(r"(\$\$)|\$\(((?:params|steps|workflow|failure|item)\.[^()$]*|attempt|item)\)")
"""Left to right, so that `$$` is consumed before the parenthesis that follows it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference, and the path of the field that it stands in, relative to its container."""

    text: str
    """What stands between the parentheses: `steps.reserve-stock.outputs.reservation`."""
    path: str

    @property
    def output(self) -> tuple[str, str] | None:
        """Step and key of a reference to an output; None for any other."""
        match self.text.split("."):
            case ["steps", step, "outputs", key]:
                return step, key
            case _:
                return None


@lru_cache(maxsize=16_384)
def parse(text: str) -> tuple[str, ...]:
    """Literal and reference in turn, beginning and ending with a literal: a text without references is one literal."""
    parts, literal_start = [], 0
    for match in _REFERENCE.finditer(text):
        if match[2] is not None:
            parts += [text[literal_start : match.start()], match[2]]
            literal_start = match.end()
    return (*parts, text[literal_start:])


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


def container_references(container: Container) -> Iterator[Reference]:
    """Every reference in the fields of a container that are substituted."""
    for path, text in substituted_texts(container):
        for reference in references(text):
            yield Reference(reference, path)


def substituted_texts(container: Container) -> Iterator[tuple[str, str]]:
    """Path and text of every field of a container that is substituted."""
    if container.image is not None:
        yield "image", container.image
    for field, texts in (("command", container.command), ("args", container.args)):
        for index, text in enumerate(texts or ()):
            yield f"{field}[{index}]", text
    for index, variable in enumerate(container.env or ()):
        if variable.value is not None:
            yield f"env[{index}].value", variable.value
