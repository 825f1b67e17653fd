"""Texts of bounded length."""

from typing import Final

_ELLIPSIS = "…"


_CONTROL: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
"""Characters that move a cursor or colour a screen: a message is read on one."""


def clip(text: str, bytes_max: int) -> str:
    """The text on one line, cut to at most `bytes_max` bytes of UTF-8 with an ellipsis where something was cut."""
    if len(text) <= bytes_max and text.isascii() and text.isprintable():
        return text  # As nearly all are; a pass looks at the messages of every step that waits.
    raw = text.translate(_CONTROL).encode(errors="replace")
    if len(raw) <= bytes_max:
        return raw.decode()
    return raw[: bytes_max - len(_ELLIPSIS.encode())].decode(errors="ignore") + _ELLIPSIS


def listing(words: tuple[str, ...] | list[str], most: int = 5) -> str:
    """The words with commas, at most `most` of them and the number of the others."""
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def counted(number: int, noun: str) -> str:
    """The number with its noun: 1 step, 2 steps."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
