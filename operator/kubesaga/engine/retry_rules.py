"""What retries must keep beyond their structure."""

from collections.abc import Iterator

from kubesaga.engine.plan import RetryPolicy
from kubesaga.engine.spec_error import SpecError


def backoff_errors(path: str, merged: RetryPolicy) -> Iterator[SpecError]:
    """An error if the retries as merged, of which a part is written at `path`, contradict themselves."""
    if merged.max_backoff_seconds < merged.backoff_seconds:
        found = f"found {merged.max_backoff_seconds}, with the defaults merged"
        expected = f"must not be less than backoffSeconds, {merged.backoff_seconds}"
        yield SpecError(f"{path}.maxBackoffSeconds", found, expected)
