"""What every string of a spec must keep: nothing that a process, a file name or UTF-8 cannot say."""

from collections.abc import Iterator, Mapping
from typing import Final

from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import child, shorten

NUL_STORED: Final = b"\\u0000"
"""A NUL character in JSON; without it in the stored form there is none in the spec."""

_NUL: Final = "a process cannot be given a NUL character"
_SURROGATE: Final = "must be valid Unicode"


def text_errors(path: str, raw: object) -> Iterator[SpecError]:
    """An error for every string in `raw`, which stands at `path`, that is no text.

    YAML can nest deeply, and make a part contain itself or stand at a billion places: each part is looked at once.
    """
    stack = [(path, raw)]
    seen: set[int] = set()
    while stack:
        path, value = stack.pop()
        if not isinstance(value, str) and id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, str):
            yield from _errors(path, value)
        elif isinstance(value, Mapping):
            for key in value:
                yield from _errors(path, str(key))
            stack += [(child(path, str(key)), entry) for key, entry in value.items()]
        elif isinstance(value, list | tuple):
            stack += [(child(path, index), entry) for index, entry in enumerate(value)]


def _errors(path: str, text: str) -> Iterator[SpecError]:
    if "\x00" in text:
        yield SpecError(path, f"found {shorten(text)}", _NUL)
    elif any("\ud800" <= character <= "\udfff" for character in text):
        yield SpecError(path, f"found {shorten(text)}", _SURROGATE)
