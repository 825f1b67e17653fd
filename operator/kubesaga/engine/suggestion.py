"""What a person may have meant by a name that is unknown."""

from collections.abc import Collection
from difflib import get_close_matches
from itertools import islice
from typing import Final

_WORD_LENGTH_MAX: Final = 253
"""Longer than any name, so no near miss of one; comparing costs the product of both lengths."""

_COMPARISONS_MAX: Final = 20_000
"""About 0.3 s. A spec with thousands of unknown names is refused as fast as any; its later errors just list names."""

_SHOWN_MAX: Final = 20
"""More names in one sentence help nobody."""


class Suggestions:
    """Suggests known names, for one planning. Remembers only how much it has compared."""

    def __init__(self) -> None:
        self._comparisons_left = _COMPARISONS_MAX

    def did_you_mean(self, word: str, known: Collection[str]) -> str:
        """What would be right instead of the unknown `word`: the name that is close to it, else those there are."""
        if close := self._closest(word, known):
            return f'did you mean "{close}"?'
        names = list(islice(filter(_can_be_shown, known), _SHOWN_MAX))
        if not names:
            return "there is none"
        if len(known) == 1:
            return f'there is only "{names[0]}"'
        more = f" and {len(known) - len(names):,} more" if len(known) > len(names) else ""
        return f"there are {', '.join(names)}{more}"

    def _closest(self, word: str, known: Collection[str]) -> str | None:
        if len(word) > _WORD_LENGTH_MAX or len(known) > self._comparisons_left:
            return None
        self._comparisons_left -= len(known)
        folded = {name.casefold(): name for name in filter(_can_be_shown, known)}
        close = get_close_matches(word.casefold(), folded, n=1)
        return folded[close[0]] if close else None


def _can_be_shown(name: str) -> bool:
    return name.isprintable() and len(name) <= _WORD_LENGTH_MAX
