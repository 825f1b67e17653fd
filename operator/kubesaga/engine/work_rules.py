"""What a step does: exactly one kind of work, and nothing beside it that only a Job has."""

from collections.abc import Iterator
from typing import Final

from kubesaga.api.spec import Boundary, Step
from kubesaga.engine.container_rules import given
from kubesaga.engine.spec_error import SpecError

KINDS: Final = ("container", "approval", "wait")

_NOT_WITHOUT_JOB: Final = {
    "retry": "there is nothing to retry",
    "outputs": "there is nothing that could give them",
    "fallback": "there is nothing that could fail",
    "compensate": "there is nothing to undo",
}
"""Fields of a step that only a Job makes sense of, and why."""


def work_errors(path: str, step: Step) -> Iterator[SpecError]:
    """Errors of the kind of work of the step at `path`."""
    fields = given(step)
    kinds = [kind for kind in KINDS if kind in fields]
    if not kinds:
        yield SpecError(f"{path}.container", "missing", "is required, or approval or wait in its place")
    for kind in kinds[1:]:
        yield SpecError(f"{path}.{kind}", f"found beside {kinds[0]}", "must have exactly one of them")
    if kinds and kinds[0] != "container":
        yield from _jobless_errors(path, step, kinds[0], fields)


def _jobless_errors(path: str, step: Step, kind: str, fields: list[str]) -> Iterator[SpecError]:
    for field in fields:
        if field in _NOT_WITHOUT_JOB:
            yield SpecError(f"{path}.{field}", "found a value", f"not with {kind}: {_NOT_WITHOUT_JOB[field]}")
    if kind == "wait" and step.timeout_seconds is not None:
        expected = "not with wait, which ends after wait.seconds"
        yield SpecError(f"{path}.timeoutSeconds", f"found {step.timeout_seconds}", expected)
    if step.boundary is Boundary.IRREVERSIBLE:
        expected = f"not with {kind}: it has no effect that could not be undone"
        yield SpecError(f"{path}.boundary", 'found "Irreversible"', expected)
