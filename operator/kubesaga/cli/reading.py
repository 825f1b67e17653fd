"""One reading of a Workflow of a cluster: the object, its Plan, and whether what it says of itself still holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from kubesaga.api.status import Condition, FailureReason, Phase, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.cli.cluster_call import Problem
from kubesaga.cli.terminal_text import one_line
from kubesaga.cli.workflow_view import WorkflowView
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.spec_error import InvalidSpec

_FOR_A_PERSON = (Phase.SUSPENDED, Phase.ROLLBACK_BLOCKED)
"""Phases that a Workflow leaves when a person says so."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A Workflow as it was read."""

    workflow: Workflow
    plan: Plan | InvalidSpec
    """The plan of its spec, or why there is none."""

    @classmethod
    def of(cls, raw: Mapping[str, Any], before: "Reading | None" = None) -> "Reading":
        """Read the object; the plan is kept from `before` while the spec is the same. Raises Problem."""
        try:
            workflow = Workflow.parse(raw)
        except ValidationError as error:
            raise Problem(_unreadable(raw["metadata"]["name"], error)) from None
        if before is not None and before.workflow.generation == workflow.generation:
            return cls(workflow, before.plan)
        try:
            return cls(workflow, WorkflowPlanner().plan(workflow.spec, workflow.name, workflow.namespace))
        except InvalidSpec as invalid:
            return cls(workflow, invalid)

    @property
    def status(self) -> WorkflowStatus:
        """What the operator has written."""
        return self.workflow.status

    @property
    def view(self) -> WorkflowView | None:
        """Its steps for people; None where the spec cannot be planned."""
        if isinstance(self.plan, InvalidSpec):
            return None
        return WorkflowView(self.workflow.name, self.plan, status=self.status)

    @property
    def seen(self) -> bool:
        """Whether the operator has begun with it."""
        return self.status.phase is not None

    @property
    def current(self) -> bool:
        """Whether the operator has seen the last change of the spec."""
        return self.status.observed_generation == self.workflow.generation

    @property
    def ended(self) -> bool:
        """Whether the run is over: nothing follows but on request, or where a refused spec was mended."""
        failure = self.status.failure
        refused = failure is not None and failure.reason is FailureReason.INVALID_SPEC
        return self.status.ended and (self.current or not refused)

    @property
    def stalled(self) -> Condition | None:
        """Why the operator cannot go on; that a run ended without success is said so, too."""
        condition = self.condition("Stalled")
        return condition if condition and condition.observed_generation == self.workflow.generation else None

    @property
    def resting(self) -> bool:
        """Whether it has ended or waits for a person."""
        return self.ended or self.stalled is not None or (self.current and self.status.phase in _FOR_A_PERSON)

    def condition(self, type_: str) -> Condition | None:
        """The condition of that type."""
        return next((one for one in self.status.conditions if one.type == type_), None)


def _unreadable(name: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, ("status", *first["loc"])))
    why = one_line(f"{place}: {first['msg']}")
    return f"this version of kubesaga cannot read {name}: {why}; kubesaga get {name} -o yaml prints it as it is"
