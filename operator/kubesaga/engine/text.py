"""Texts of bounded length."""

_ELLIPSIS = "…"


def clip(text: str, bytes_max: int) -> str:
    """The text, cut to at most `bytes_max` bytes of UTF-8 with an ellipsis where something was cut."""
    raw = text.encode(errors="replace")
    if len(raw) <= bytes_max:
        return raw.decode()
    return raw[: bytes_max - len(_ELLIPSIS.encode())].decode(errors="ignore") + _ELLIPSIS


def listing(words: tuple[str, ...] | list[str], most: int = 5) -> str:
    """The words with commas, at most `most` of them and the number of the others."""
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"
