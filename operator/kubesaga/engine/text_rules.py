"""What every string of a spec must keep: nothing that a process, a file name or UTF-8 cannot say."""

from collections.abc import Iterator, Mapping
from typing import Final

from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import child, shorten

NUL_STORED: Final = b"\\u0000"
"""A NUL character in JSON; without it in the stored form there is none in the spec."""

_EXPECTED: Final = "a process cannot be given a NUL character"


def text_errors(path: str, raw: object) -> Iterator[SpecError]:
    """An error for every string with a NUL character in `raw`, which stands at `path`.

    Surrogates are refused with the structure. A spec may be nested as deeply as its parser allowed, so no recursion.
    """
    stack = [(path, raw)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str) and "\x00" in value:
            yield SpecError(path, f"found {shorten(value)}", _EXPECTED)
        elif isinstance(value, Mapping):
            yield from (SpecError(path, f"found {shorten(key)}", _EXPECTED) for key in value if "\x00" in str(key))
            stack += [(child(path, str(key)), entry) for key, entry in value.items()]
        elif isinstance(value, list | tuple):
            stack += [(child(path, index), entry) for index, entry in enumerate(value)]
