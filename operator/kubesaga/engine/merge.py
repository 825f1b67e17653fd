"""Defaults merged under what a step says itself."""

from dataclasses import replace
from typing import Any

from kubesaga.api.container import Container
from kubesaga.api.model import ApiModel
from kubesaga.api.spec import Retry
from kubesaga.engine.plan import RetryPolicy

_DEEP = ("resources", "security_context")


def merge_container(defaults: Container | None, own: Container) -> Container:
    """The container with what it leaves open taken from the defaults: env by name, all else field by field."""
    if defaults is None:
        return own
    merged = _fields(defaults) | _fields(own)
    for field in _DEEP:
        under, over = getattr(defaults, field), getattr(own, field)
        if under is not None and over is not None:
            merged[field] = under.model_copy(update=_fields(over))
    if defaults.env and own.env:
        named = {variable.name for variable in own.env}
        merged["env"] = (*(variable for variable in defaults.env if variable.name not in named), *own.env)
    return own.model_copy(update=merged)


def retry_policy(builtin: RetryPolicy, *retries: Retry | None) -> RetryPolicy:
    """Every field from the last of `retries` that sets it, else from `builtin`."""
    merged: dict[str, Any] = {}
    for retry in retries:
        merged |= _fields(retry) if retry is not None else {}
    return replace(builtin, **merged) if merged else builtin


def _fields(model: ApiModel) -> dict[str, object]:
    """The fields that are set, as the objects they are."""
    return {name: value for name in model.model_fields_set if (value := getattr(model, name)) is not None}
