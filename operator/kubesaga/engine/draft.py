"""A step on its way into the plan: as written, and what is derived from that once for all rules and for the plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubesaga.api.container import Container
from kubesaga.api.spec import Compensation, FinallyStep, Step, WorkflowSpec
from kubesaga.engine.expression import Condition, ExpressionError, compile_condition
from kubesaga.engine.graph import Graph
from kubesaga.engine.merge import ContainerDefaults
from kubesaga.engine.plan import Work
from kubesaga.engine.substitution import Reference, container_references


@dataclass(frozen=True, slots=True)
class ContainerDraft:
    """A container of a step or of its undo."""

    path: str
    own: Container
    merged: Container
    references: tuple[Reference, ...]
    """Those of `own`."""


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step."""

    path: str
    step: Step
    forward: ContainerDraft | None
    """None if the step has no container, or none that can be read."""
    undo: ContainerDraft | None
    """None if no container undoes the step."""
    fallback: ContainerDraft | None
    """None if the step has no fallback, or none that can be read."""
    fallback_undo: ContainerDraft | None
    """None if no container undoes the fallback."""
    condition: Condition | None = None
    """None if the step has none, or one that cannot be read."""
    condition_problem: str = ""
    """Why it cannot be read."""

    @property
    def work(self) -> Work:
        """What the step does, a container with the defaults merged; only where the spec has no errors."""
        work = self.forward.merged if self.forward is not None else self.step.approval or self.step.wait
        assert work is not None  # noqa: S101 - a step without any is an error.
        return work

    @property
    def condition_references(self) -> tuple[Reference, ...]:
        """The references of the condition."""
        return tuple(Reference(text, "when") for text in self.condition.references) if self.condition else ()

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        """Step and key of every output that the step's container or that of its fallback refers to."""
        found = (reference.output for draft in self._containers for reference in draft.references)
        return tuple(dict.fromkeys(output for output in found if output is not None))

    @property
    def dependencies(self) -> Iterator[tuple[str, str]]:
        """Path and name of every step that this one waits for, declared first, then implied by references."""
        for index, name in enumerate(self.step.depends_on or ()):
            if name is not None:
                yield f"{self.path}.dependsOn[{index}]", name
        for draft in self._containers:
            for reference in draft.references:
                if reference.step is not None:
                    yield f"{draft.path}.{reference.path}", reference.step
        for reference in self.condition_references:
            if reference.step is not None:
                yield f"{self.path}.when", reference.step

    @property
    def _containers(self) -> tuple[ContainerDraft, ...]:
        """What does the step, one way or another."""
        return tuple(filter(None, (self.forward, self.fallback)))


@dataclass(frozen=True, slots=True)
class FinallyDraft:
    """A finally step."""

    path: str
    step: FinallyStep
    draft: ContainerDraft | None
    """None if its container cannot be read."""

    @property
    def container(self) -> Container:
        """Its container with the defaults merged; only where the spec has no errors."""
        assert self.draft is not None  # noqa: S101 - a container is required, so its absence is an error.
        return self.draft.merged


def finally_drafts(spec: WorkflowSpec) -> tuple[FinallyDraft, ...]:
    """The finally steps of a spec, in its order. Entries that are no steps at all are left out."""
    defaults = ContainerDefaults(spec.defaults.container if spec.defaults else None)
    return tuple(
        FinallyDraft(
            path, step, container_draft(f"{path}.container", step.container, defaults) if step.container else None
        )
        for index, step in enumerate(spec.finally_ or ())
        if step is not None and (path := f"spec.finally[{index}]")
    )


def step_drafts(spec: WorkflowSpec) -> tuple[StepDraft, ...]:
    """The steps of a spec, in its order. Entries that are no steps at all are left out."""
    defaults = ContainerDefaults(spec.defaults.container if spec.defaults else None)
    return tuple(
        _step_draft(f"spec.steps[{index}]", step, defaults)
        for index, step in enumerate(spec.steps or ())
        if step is not None
    )


def edges(drafts: Sequence[StepDraft]) -> Graph:
    """Every step's dependencies in the order of the spec, as far as they exist and are other steps."""
    places: dict[str, int] = {}
    for place, draft in enumerate(drafts):
        if draft.step.name is not None:
            places.setdefault(draft.step.name, place)
    graph: dict[str, list[str]] = {}
    for name, place in places.items():
        found = {dependency for _, dependency in drafts[place].dependencies if dependency in places}
        graph[name] = sorted(found - {name}, key=places.__getitem__)
    return graph


def container_draft(path: str, own: Container, defaults: ContainerDefaults) -> ContainerDraft:
    """The container as written at `path`."""
    return ContainerDraft(path, own, defaults.under(own), container_references(own))


def _step_draft(path: str, step: Step, defaults: ContainerDefaults) -> StepDraft:
    def at(place: str, own: Container | None) -> ContainerDraft | None:
        return container_draft(f"{path}.{place}", own, defaults) if own is not None else None

    return StepDraft(
        path,
        step,
        at("container", step.container),
        at("compensate.container", _undo(step.compensate)),
        at("fallback.container", step.fallback.container if step.fallback else None),
        at("fallback.compensate.container", _undo(step.fallback.compensate if step.fallback else None)),
        *_condition(step.when),
    )


def _undo(compensate: Compensation | None) -> Container | None:
    return compensate.container if compensate is not None else None


def _condition(when: str | None) -> tuple[Condition | None, str]:
    """The condition, or why there is none."""
    if when is None:
        return None, ""
    try:
        return compile_condition(when), ""
    except ExpressionError as error:
        return None, str(error)
