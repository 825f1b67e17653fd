"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396) that share what they leave as it is: objects are never copied.

The operations that the controller sends, and no others: replace, add, remove.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kubesaga.controller.errors import Refused

Raw = dict[str, Any]


def apply_patch(target: Raw, operations: Sequence[Mapping[str, Any]]) -> Raw:
    """The target after every operation. Raises Refused (422) where one does not fit."""
    fresh: dict[int, Any] = {}
    root = _own(target, fresh)
    for operation in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        parent: Any = root
        for part in path:
            parent = _step_into(parent, part, operation, fresh)
        _change(parent, last, operation)
    return root


def merged(target: Any, patch: Any) -> Any:
    """JSON Merge Patch."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _own(value: Any, fresh: dict[int, Any]) -> Any:
    """A copy of one level, unless it is ours already. `fresh` keeps those alive, so that ids stay theirs."""
    if id(value) in fresh:
        return value
    copied = dict(value) if isinstance(value, Mapping) else list(value)
    fresh[id(copied)] = copied
    return copied


def _step_into(parent: Any, part: str, operation: Mapping[str, Any], fresh: dict[int, Any]) -> Any:
    place = _place(parent, part, operation)
    if isinstance(parent, list) and not 0 <= place < len(parent):
        raise _misfit(operation)
    if isinstance(parent, dict) and place not in parent:
        raise _misfit(operation)
    parent[place] = _own(parent[place], fresh)
    return parent[place]


def _change(parent: Any, last: str, operation: Mapping[str, Any]) -> None:
    op = operation["op"]
    if isinstance(parent, list) and op == "add":
        parent.insert(len(parent) if last == "-" else _place(parent, last, operation), operation["value"])
        return
    place = _place(parent, last, operation)
    there = place in parent if isinstance(parent, dict) else 0 <= place < len(parent)
    if op == "remove" and there:
        del parent[place]
    elif (op == "add" and isinstance(parent, dict)) or (op == "replace" and there):
        parent[place] = operation["value"]
    else:
        raise _misfit(operation)


def _place(parent: Any, part: str, operation: Mapping[str, Any]) -> Any:
    if isinstance(parent, dict):
        return part
    if isinstance(parent, list) and part.isdigit():
        return int(part)
    raise _misfit(operation)


def _misfit(operation: Mapping[str, Any]) -> Refused:
    return Refused(
        422, "Invalid", f"{operation['op']} operation does not apply: doc is missing path: {operation['path']}"
    )
