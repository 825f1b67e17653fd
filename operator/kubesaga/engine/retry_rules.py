"""What retries must keep beyond their structure."""

from collections.abc import Iterator

from kubesaga.api.spec import Retry
from kubesaga.engine.container_rules import exactly_one, given
from kubesaga.engine.merge import retry_policy
from kubesaga.engine.plan import RetryPolicy
from kubesaga.engine.spec_error import SpecError


def retry_errors(path: str, retry: Retry, under: RetryPolicy) -> Iterator[SpecError]:
    """Errors of the retries that are written at `path`, `under` being merged under them."""
    if retry.on_exit_codes is not None:
        yield from exactly_one(f"{path}.onExitCodes", given(retry.on_exit_codes), ("in", "notIn"))
    merged = retry_policy(under, retry)
    if merged.max_backoff_seconds < merged.backoff_seconds:
        found = f"found {merged.max_backoff_seconds}, with the defaults merged"
        expected = f"must not be less than backoffSeconds, {merged.backoff_seconds}"
        yield SpecError(f"{path}.maxBackoffSeconds", found, expected)
