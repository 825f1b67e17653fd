"""`$(VAR)` in command, args and env, expanded exactly as the kubelet does.

The algorithm is that of Kubernetes' third_party/forked/golang/expansion: `$$` is one `$`, `$(NAME)` is the value where
NAME is known and stays as it is where it is not, and a `$` before anything else is a `$`.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with its references expanded, in one pass."""
    result: list[str] = []
    rest = 0
    dollar = text.find("$")
    while 0 <= dollar < len(text) - 1:
        result.append(text[rest:dollar])
        piece, length = _reference(text, dollar + 1, values)
        result.append(piece)
        rest = dollar + 1 + length
        dollar = text.find("$", rest)
    return "".join(result) + text[rest:]


def environment(variables: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> dict[str, str]:
    """The variables of a container, each expanded with those before it. `fields` are those of its Pod.

    Raises ValueError for a source that only a cluster has.
    """
    values: dict[str, str] = {}
    for variable in variables:
        source = variable.get("valueFrom")
        if source is None:
            values[variable["name"]] = expand(variable.get("value", ""), values)
        elif (value := _sourced(variable["name"], source, fields)) is not None:
            values[variable["name"]] = value
    return values


def _reference(text: str, start: int, values: Mapping[str, str]) -> tuple[str, int]:
    """What stands behind a `$` at `start`: its expansion, and how many characters it takes."""
    if text[start] == "$":
        return "$", 1
    if text[start] == "(":
        end = text.find(")", start)
        if end < 0:
            return "$(", 1
        name = text[start + 1 : end]
        return values.get(name, f"$({name})"), end - start + 1
    return f"${text[start]}", 1


def _sourced(name: str, source: Mapping[str, Any], fields: Mapping[str, str]) -> str | None:
    """The value from a source; None where it is optional, and not there."""
    kind, where = next(iter(source.items()))
    if kind == "fieldRef" and where["fieldPath"] in fields:
        return fields[where["fieldPath"]]
    if where.get("optional"):
        return None
    what = where.get("fieldPath") or where.get("resource") or f"{where.get('name')}, key {where.get('key')}"
    raise ValueError(f"env {name} comes from {kind} {what}, which only a cluster has")
