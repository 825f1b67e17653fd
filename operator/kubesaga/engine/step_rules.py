"""What one step must keep beyond its structure."""

from collections.abc import Iterator

from kubesaga.api import limits
from kubesaga.api.names import Direction
from kubesaga.api.spec import Boundary, Compensation, Fallback, Retry, Step
from kubesaga.engine.container_rules import container_errors, duplicates, exactly_one, given
from kubesaga.engine.draft import ContainerDraft, StepDraft
from kubesaga.engine.merge import retry_policy
from kubesaga.engine.outline import Outline
from kubesaga.engine.plan import COMPENSATION_RETRY, STEP_RETRY
from kubesaga.engine.pod_rules import volume_names
from kubesaga.engine.reference_rules import Known, reference_errors
from kubesaga.engine.retry_rules import retry_errors
from kubesaga.engine.size import output_bytes
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.work_rules import work_errors

_DEFAULT_IMAGE = "spec.defaults.container.image"


class StepRules:
    """The rules of a step in the light of the whole spec."""

    def __init__(self, outlined: Outline, known: Known) -> None:
        self._known = known
        self._volumes = volume_names(outlined)
        defaults = outlined.spec.defaults
        self._retry = retry_policy(STEP_RETRY, defaults.retry if defaults is not None else None)
        self._image_unsure = outlined.is_unsure(_DEFAULT_IMAGE)

    def errors(self, draft: StepDraft) -> Iterator[SpecError]:
        """Errors of one step."""
        step, path = draft.step, draft.path
        yield from work_errors(path, step)
        yield from self._way_errors(path, step, step.name, draft.forward, draft.undo)
        if step.fallback is not None:
            fallback_path = f"{path}.fallback"
            yield from self._way_errors(fallback_path, step.fallback, step.name, draft.fallback, draft.fallback_undo)
            yield from _deletion_errors(path, step.compensate)
            yield from _deletion_errors(fallback_path, step.fallback.compensate)
        if step.outputs:
            yield from _output_errors(f"{path}.outputs", step)
        undone = step.compensate is not None or (step.fallback is not None and step.fallback.compensate is not None)
        if step.boundary is Boundary.IRREVERSIBLE and undone:
            expected = "not with compensate: what can be undone is not irreversible"
            yield SpecError(f"{path}.boundary", 'found "Irreversible"', expected)

    def _way_errors(
        self,
        path: str,
        way: Step | Fallback,
        step: str | None,
        runs: ContainerDraft | None,
        undo: ContainerDraft | None,
    ) -> Iterator[SpecError]:
        """Errors of one way to do a step, its own or its fallback, and of its undo."""
        if runs is not None:
            yield from self.container_errors(runs, step, Direction.FORWARD)
        yield from self.retry_errors(path, way.retry)
        if way.compensate is not None:
            yield from _compensation_errors(f"{path}.compensate", way.compensate)
        if undo is not None:
            yield from self.container_errors(undo, step, Direction.COMPENSATION)

    def retry_errors(self, path: str, retry: Retry | None) -> Iterator[SpecError]:
        """Errors of the retries of a step, or of a finally step."""
        if retry is not None:
            yield from retry_errors(f"{path}.retry", retry, self._retry)

    def container_errors(self, draft: ContainerDraft, step: str | None, direction: Direction) -> Iterator[SpecError]:
        """Errors of a container of a step, of its undo, or of a finally step."""
        if not draft.merged.image and not self._image_unsure:
            yield SpecError(f"{draft.path}.image", "missing", f"is required here or in {_DEFAULT_IMAGE}")
        yield from container_errors(draft.path, draft.own, self._volumes, self._known.suggestions)
        yield from reference_errors(draft, step, self._known, direction)


def _output_errors(path: str, step: Step) -> Iterator[SpecError]:
    outputs = step.outputs or ()
    yield from duplicates(path, [None if output is None else output.name for output in outputs], "name")
    size = output_bytes(outputs)
    if size > limits.STEP_OUTPUT_BYTES_MAX:
        found = f"found {size:,} bytes of maxBytes together"
        expected = f"must be at most {limits.STEP_OUTPUT_BYTES_MAX:,}, the kubelet's limit of a termination message"
        yield SpecError(path, found, expected)


def _deletion_errors(path: str, compensation: Compensation | None) -> Iterator[SpecError]:
    if compensation is not None and compensation.delete_job is not None:
        expected = "not in a step with a fallback, whose ways are undone one by one: use a container"
        yield SpecError(f"{path}.compensate.deleteJob", "found a value", expected)


def _compensation_errors(path: str, compensation: Compensation) -> Iterator[SpecError]:
    ways = [field for field in given(compensation) if field in ("container", "deleteJob")]
    yield from exactly_one(path, ways, ("container", "deleteJob"))
    if compensation.delete_job is None:
        if compensation.retry is not None:
            yield from retry_errors(f"{path}.retry", compensation.retry, COMPENSATION_RETRY)
        return
    for field in given(compensation):
        if field in ("retry", "timeoutSeconds"):
            yield SpecError(f"{path}.{field}", "found a value", "has no effect on deleteJob, which runs no Job")
