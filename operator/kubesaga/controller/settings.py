"""What may be set about an operator."""

from dataclasses import dataclass
from typing import Final, Literal

REST_SECONDS_MIN: Final = 0.05
"""Shortest rest after a status write of a Workflow while several of its Jobs run: the next one carries more."""

WRITE_REST_FACTOR: Final = 2.0
"""The rest in multiples of the write's duration: large objects are written less often."""

PASS_REST_FACTOR: Final = 10.0
"""The rest after a pass that writes nothing, in multiples of its duration."""

ACTIONS_AT_ONCE: Final = 16
"""Calls in flight for one Workflow; more would only queue in the API server."""

HEAL_SECONDS: Final = 300.0
"""How often Workflows are listed again, to find what the watch has missed."""

HEAL_ALL_EVERY: Final = 12
"""Each so many times Jobs and Pods are listed, too, though their reflectors miss nothing: once in an hour."""

HEAL_AFTER_LIST_SECONDS: Final = 5.0
"""How soon that is done after a watch began with a list: what was deleted just before is told by nobody."""

PRIME_BACKOFF_SECONDS_MAX: Final = 15.0
"""Longest wait before an API server that does not answer at the start is asked again."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one operator."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to watch; all of them by default."""
    log_format: Literal["text", "json"] = "text"
    log_level: str = "info"
    http_port: int = 8080
