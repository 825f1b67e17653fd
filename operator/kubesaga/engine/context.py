"""The values that the references of one Job, or of the outputs of the Workflow, resolve to."""

from collections.abc import Iterator, Mapping

from kubesaga.api.status import Failure, Finally, StepStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.plan import Plan
from kubesaga.engine.standing import outcome_of


class Context(Mapping[str, str]):
    """Reference to value: `params.x`, `steps.s.outputs.k`, `steps.s.outcome`, `workflow.name`, `failure.step`.

    Where it is `lenient`, outputs that a step never gave and parts that a failure lacks are empty strings; the planner
    has made sure that every other reference has a value.
    """

    def __init__(
        self,
        workflow: Workflow,
        plan: Plan,
        steps: Mapping[str, StepStatus],
        *,
        lenient: bool,
        attempt: int = 1,
        failure: Failure | None = None,
        ending: Finally | None = None,
    ) -> None:
        self._steps = steps
        self._lenient = lenient
        self._values = {
            **{f"params.{name}": value for name, value in plan.parameters.items()},
            "workflow.name": workflow.name,
            "workflow.namespace": workflow.namespace,
            "workflow.uid": workflow.uid,
            "workflow.phase": ending.phase if ending else "",
            "workflow.reason": ending.reason if ending else "",
            "attempt": str(attempt),
            "failure.step": (failure and failure.step) or "",
            "failure.reason": failure.reason if failure else "",
            "failure.message": failure.message if failure else "",
        }

    def __getitem__(self, reference: str) -> str:
        if reference in self._values:
            return self._values[reference]
        _, step, part = reference.split(".", 2)
        record = self._steps.get(step)
        if part == "outcome":
            return "" if self._lenient and record is None else outcome_of(record)
        key = part.removeprefix("outputs.")
        outputs = (record and record.outputs) or {}
        return outputs.get(key, "") if self._lenient else outputs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
