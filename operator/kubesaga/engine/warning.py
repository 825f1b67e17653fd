"""What will work, and may not be what was meant."""

from collections.abc import Iterator, Sequence
from typing import Final

from kubesaga.api.limits import APPLY_ANNOTATION_BYTES_MAX
from kubesaga.api.spec import InFlight, OnFailure, When, WorkflowSpec
from kubesaga.engine.draft import FinallyDraft, StepDraft
from kubesaga.engine.plan import PlannedStep
from kubesaga.engine.text import listing

_MANIFEST_BYTES: Final = 1_024
"""What a manifest has beside its spec, and the annotation's key."""


def plan_warnings(
    spec: WorkflowSpec,
    drafts: Sequence[StepDraft],
    endings: Sequence[FinallyDraft],
    steps: Sequence[PlannedStep],
    spec_bytes: int,
) -> Iterator[str]:
    """A sentence for each, which begins with the field path like an error's."""
    if spec_bytes + _MANIFEST_BYTES > APPLY_ANNOTATION_BYTES_MAX:
        most = f"{APPLY_ANNOTATION_BYTES_MAX:,}"
        yield f"spec: found {spec_bytes:,} bytes; kubectl apply needs --server-side for manifests above {most}"
    undoable = any(step.undoable for step in steps)
    if spec.on_failure is OnFailure.ROLLBACK and not undoable:
        yield "spec.onFailure: found Rollback and no step with compensate; there will be nothing to undo"
    if spec.rollback is not None and not undoable:
        yield "spec.rollback: found without any step with compensate; there will be nothing to undo"
    if spec.on_failure is OnFailure.CONTINUE and spec.in_flight is InFlight.CANCEL:
        yield "spec.inFlight: found Cancel with onFailure: Continue; after a failure what runs goes on all the same"
    for draft, step in zip(drafts, steps, strict=True):
        yield from _timeout_warnings(spec, draft, step)
        yield from _output_warnings(draft)
    for ending in endings:
        yield from _finally_warnings(ending)


def _timeout_warnings(spec: WorkflowSpec, draft: StepDraft, step: PlannedStep) -> Iterator[str]:
    """A step's timeout that the Workflow's deadline makes void. Undos ignore the deadline."""
    if spec.timeout_seconds and step.timeout_seconds and step.timeout_seconds > spec.timeout_seconds:
        place = draft.path if draft.step.timeout_seconds else "spec.defaults"
        yield f"{place}.timeoutSeconds: found {step.timeout_seconds}; the Workflow ends after {spec.timeout_seconds}"


def _finally_warnings(ending: FinallyDraft) -> Iterator[str]:
    """Outputs that a finally step refers to: it runs after a failure, too."""
    found = ending.draft.references if ending.draft is not None else ()
    if outputs := tuple(dict.fromkeys(reference.text for reference in found if reference.output is not None)):
        yield f"{ending.path}.container: refers to {listing(outputs)}; empty if the step did not give it"


def _output_warnings(draft: StepDraft) -> Iterator[str]:
    """Outputs that an undo refers to and that its step may not have given: the undo of a failed step runs, too."""
    fallback = draft.step.fallback.compensate if draft.step.fallback is not None else None
    for compensate, undo in ((draft.step.compensate, draft.undo), (fallback, draft.fallback_undo)):
        if compensate is None or undo is None or compensate.when is When.SUCCEEDED:
            continue
        own = (one.output for one in undo.references if one.output is not None)
        if keys := tuple(dict.fromkeys(key for step, key in own if step == draft.step.name)):
            yield f"{undo.path}: refers to {listing(keys)}; empty if the step failed before it gave it"
