"""An error of a spec: where it is, what was found, what would be right."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_PART: Final = re.compile(r"\[(\d+)\]|([^.\[]+|\[)")


@dataclass(frozen=True, slots=True, order=True)
class SpecError:
    """One error. `str()` gives the sentence that a person reads."""

    path: str
    """Field path as kubectl writes it: spec.steps[3].container.env[0].name."""
    found: str
    """What is there, shortened."""
    expected: str
    """What would be right."""

    def __str__(self) -> str:
        return f"{self.path}: {self.found}; {self.expected}"

    @property
    def place(self) -> tuple[tuple[int, str], ...]:
        """The path as something to sort by: entries of lists by their number, fields by their name."""
        return tuple((int(number or -1), field) for number, field in _PART.findall(self.path))


class InvalidSpec(ValueError):  # noqa: N818 - the name of the reason that the user reads
    """A spec that cannot be planned. Carries every error, never only the first."""

    def __init__(self, errors: tuple[SpecError, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


def by_place(errors: Iterable[SpecError]) -> tuple[SpecError, ...]:
    """The errors, each once, sorted by where they are."""
    return tuple(sorted(set(errors), key=lambda error: (error.place, error)))
