"""When a failed attempt is followed by another."""

from datetime import datetime, timedelta
from typing import Final

from kubesaga.api.status import StepReason
from kubesaga.engine.plan import RetryPolicy

FINAL_REASONS: Final = frozenset({StepReason.CREATE_REJECTED, StepReason.NAME_CONFLICT})
"""Reasons that another attempt would meet again."""


def may_retry(
    policy: RetryPolicy, attempt: int, retries_from: int, reason: StepReason, exit_code: int | None = None
) -> bool:
    """Whether the failed `attempt` may be followed by another. `retries_from` is the first attempt that counts."""
    if reason in FINAL_REASONS or is_ruled_out(policy, reason, exit_code):
        return False
    return attempt - retries_from < policy.limit


def is_ruled_out(policy: RetryPolicy, reason: StepReason, exit_code: int | None) -> bool:
    """Whether the exit code rules out another attempt, where that is why the attempt failed."""
    codes = policy.on_exit_codes
    if codes is None or reason is not StepReason.JOB_FAILED or exit_code is None:
        return False
    return exit_code not in codes.in_ if codes.in_ is not None else exit_code in (codes.not_in or ())


def next_attempt_time(policy: RetryPolicy, attempt: int, retries_from: int, now: datetime) -> datetime:
    """When the attempt after the failed `attempt` may begin: exponential back-off, capped."""
    seconds = policy.backoff_seconds
    for _ in range(attempt - retries_from):
        seconds = min(seconds * policy.factor, policy.max_backoff_seconds)
    return now + timedelta(seconds=min(seconds, policy.max_backoff_seconds))
