"""An error of a spec: where it is, what was found, what would be right."""

from dataclasses import dataclass


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


class InvalidSpec(ValueError):  # noqa: N818 - the name of the reason that the user reads
    """A spec that cannot be planned. Carries every error, never only the first."""

    def __init__(self, errors: tuple[SpecError, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors
