"""Text from steps and manifests, made harmless for a terminal."""

import re
from typing import Final

_SEQUENCE: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")


def visible(text: str) -> str:
    """The text without escape sequences and control characters; of what overwrites a line, the last state."""
    plain = _SEQUENCE.sub("", text).rstrip("\r").rpartition("\r")[2]
    return "".join(c if c.isprintable() or c == "\t" else "" if c < " " else "\N{REPLACEMENT CHARACTER}" for c in plain)


def one_line(text: str) -> str:
    """The text as one harmless line."""
    return visible(" ".join(text.split()))


def duration(seconds: float) -> str:
    """A duration as people read it: 0.1s, 42s, 3m05s, 2h03m, 4d07h; tenths only of what is no whole number."""
    if seconds < 10 and not isinstance(seconds, int):
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 172_800:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"
