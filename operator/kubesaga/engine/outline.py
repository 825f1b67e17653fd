"""A spec as far as it can be read, and the errors of its structure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from kubesaga.api.limits import STEPS_MAX
from kubesaga.api.spec import Step, WorkflowSpec
from kubesaga.engine.salvage import salvage
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import structure_errors
from kubesaga.engine.suggestion import Suggestions


@dataclass(frozen=True, slots=True)
class Outline:
    """A spec as far as it can be read."""

    spec: WorkflowSpec
    """The spec; salvaged (see `kubesaga.engine.salvage`) if there are errors."""
    errors: tuple[SpecError, ...] = ()
    malformed: frozenset[str] = frozenset()
    """Paths of the errors."""
    around: frozenset[str] = frozenset()
    """Paths of everything that contains one."""

    def is_unsure(self, path: str) -> bool:
        """Whether what stands at `path` is malformed, or a part of it, or something round it.

        An error found there follows from the structure's error, and may be none once that is mended.
        """
        return bool(self.malformed) and (
            path in self.malformed or path in self.around or not self.malformed.isdisjoint(_ancestors(path))
        )


def outline(raw: Mapping[str, Any], suggestions: Suggestions) -> Outline:
    """Read a spec."""
    try:
        return Outline(WorkflowSpec.model_validate(raw, by_alias=True, by_name=False))
    except ValidationError as error:
        errors = structure_errors(error, WorkflowSpec, raw, "spec", suggestions)
    if not isinstance(raw, Mapping):
        return Outline(salvage(WorkflowSpec, {}), tuple(errors), malformed=frozenset({"spec"}))
    malformed = {error.path for error in errors}
    if isinstance(steps := raw.get("steps"), list | tuple) and len(steps) > STEPS_MAX:
        malformed.discard("spec.steps")  # It is only too long: its entries can be read.
        errors += _step_errors(steps, suggestions)
    around = frozenset(ancestor for path in malformed for ancestor in _ancestors(path))
    return Outline(salvage(WorkflowSpec, raw), tuple(errors), frozenset(malformed), around)


def _step_errors(steps: Sequence[object], suggestions: Suggestions) -> Iterator[SpecError]:
    """The errors of a list that is too long: pydantic stops there, and does not count entries with errors."""
    yield SpecError("spec.steps", f"found {len(steps):,} entries", f"must have at most {STEPS_MAX:,} entries")
    for index, step in enumerate(steps[:STEPS_MAX]):
        try:
            Step.model_validate(step, by_alias=True, by_name=False)
        except ValidationError as error:
            yield from structure_errors(error, Step, step, f"spec.steps[{index}]", suggestions)


def _ancestors(path: str) -> Iterator[str]:
    """spec.steps[3] and spec.steps and spec, for spec.steps[3].name."""
    while (end := max(path.rfind("."), path.rfind("["))) > 0:
        path = path[:end]
        yield path
