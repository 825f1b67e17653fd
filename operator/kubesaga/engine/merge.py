"""Defaults merged under what a step says itself."""

from collections.abc import Sequence

from kubesaga.api.container import Container, EnvVar
from kubesaga.api.model import ApiModel
from kubesaga.api.spec import Retry
from kubesaga.engine.plan import RetryPolicy

_DEEP = ("resources", "security_context")


class ContainerDefaults:
    """`defaults.container`, read once and merged under every container of a Workflow."""

    def __init__(self, defaults: Container | None) -> None:
        self._fields = _fields(defaults) if defaults is not None else {}

    def under(self, own: Container) -> Container:
        """The container with what it leaves open taken from the defaults.

        Fields are merged one by one; of resources and securityContext the fields in them; env by name, the defaults
        first, so that a variable of the container's own may refer to one of theirs.
        """
        merged: dict[str, object] = {}
        for field, value in self._fields.items():
            over = getattr(own, field)
            if over is None:
                merged[field] = value
            elif field in _DEEP and isinstance(value, ApiModel):
                merged[field] = value.model_copy(update=_fields(over))
            elif field == "env" and isinstance(value, tuple):
                merged[field] = _merged_env(value, over)
        return own.model_copy(update=merged) if merged else own


def retry_policy(policy: RetryPolicy, retry: Retry | None) -> RetryPolicy:
    """The policy with what `retry` says in place of its own."""
    if retry is None:
        return policy
    return RetryPolicy(
        limit=policy.limit if retry.limit is None else retry.limit,
        backoff_seconds=retry.backoff_seconds or policy.backoff_seconds,
        factor=retry.factor or policy.factor,
        max_backoff_seconds=retry.max_backoff_seconds or policy.max_backoff_seconds,
        on_exit_codes=retry.on_exit_codes or policy.on_exit_codes,
    )


def _merged_env(under: Sequence[EnvVar], over: Sequence[EnvVar]) -> tuple[EnvVar, ...]:
    names = {variable.name for variable in over if variable is not None}
    return (*(variable for variable in under if variable is not None and variable.name not in names), *over)


def _fields(model: ApiModel) -> dict[str, object]:
    """The fields that are set, as the objects they are."""
    return {name: value for name, value in model if value is not None}
