"""When a failed attempt is followed by another."""

from datetime import datetime, timedelta
from typing import Final

from kubesaga.api.status import StepReason
from kubesaga.engine.plan import RetryPolicy

FINAL_REASONS: Final = frozenset({StepReason.CREATE_REJECTED, StepReason.NAME_CONFLICT})
"""Reasons that another attempt would meet again."""


def may_retry(policy: RetryPolicy, attempt: int, retries_from: int, reason: StepReason) -> bool:
    """Whether the failed `attempt` may be followed by another. `retries_from` is the first attempt that counts."""
    return reason not in FINAL_REASONS and attempt - retries_from < policy.limit


def next_attempt_time(policy: RetryPolicy, attempt: int, retries_from: int, now: datetime) -> datetime:
    """When the attempt after the failed `attempt` may begin: exponential back-off, capped."""
    seconds = policy.backoff_seconds
    for _ in range(attempt - retries_from):
        seconds = min(seconds * policy.factor, policy.max_backoff_seconds)
    return now + timedelta(seconds=min(seconds, policy.max_backoff_seconds))
