"""`$(VAR)` in command, args and env, expanded exactly as the kubelet does.

The algorithm is that of Kubernetes' third_party/forked/golang/expansion: `$$` is one `$`, `$(NAME)` is the value where
NAME is known and stays as it is where it is not, and a `$` before anything else is a `$`.
"""

from collections.abc import Mapping, Sequence


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with its references expanded, in one pass."""
    result: list[str] = []
    index = 0
    while index < len(text):
        if text[index] != "$" or index + 1 == len(text):
            result.append(text[index])
            index += 1
            continue
        piece, length = _reference(text, index + 1, values)
        result.append(piece)
        index += 1 + length
    return "".join(result)


def environment(variables: Sequence[Mapping[str, str]], fields: Mapping[str, str]) -> dict[str, str]:
    """The variables of a container, each expanded with those before it. Raises ValueError for a source we lack."""
    values: dict[str, str] = {}
    for variable in variables:
        source = variable.get("valueFrom")
        if source is None:
            values[variable["name"]] = expand(variable.get("value", ""), values)
        else:
            values[variable["name"]] = _sourced(variable["name"], source, fields)
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


def _sourced(name: str, source: object, fields: Mapping[str, str]) -> str:
    path = source.get("fieldRef", {}).get("fieldPath") if isinstance(source, Mapping) else None
    if isinstance(path, str) and path in fields:
        return fields[path]
    raise ValueError(f"env {name}: {source} needs a cluster")
