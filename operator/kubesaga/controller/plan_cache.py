"""Plans by Workflow and generation: a spec is planned once, and a large one away from the event loop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from kubesaga.api.workflow import Workflow
from kubesaga.engine.plan import Plan
from kubesaga.engine.spec_error import InvalidSpec

LARGE_STEPS: Final = 150
"""Planning more steps than this takes longer than the 20 ms for which a pass may hold the event loop."""

Planned = Plan | InvalidSpec


class PlanCache:
    """Makes plans with `plan` and keeps the last one of each Workflow."""

    def __init__(self, plan: Callable[[Mapping[str, Any]], Plan]) -> None:
        self._plan = plan
        self._plans: dict[str, tuple[int, Planned]] = {}

    async def get(self, workflow: Workflow) -> tuple[Planned, bool]:
        """The plan, or the errors of the spec; and whether it was made now."""
        generation, planned = self._plans.get(workflow.uid, (None, None))
        if planned is not None and generation == workflow.generation:
            return planned, False
        steps = workflow.spec.get("steps")
        large = isinstance(steps, list) and len(steps) > LARGE_STEPS
        planned = await asyncio.to_thread(self._make, workflow) if large else self._make(workflow)
        self._plans[workflow.uid] = (workflow.generation, planned)
        return planned, True

    def forget(self, uid: str) -> None:
        """Drop the plan of a Workflow."""
        self._plans.pop(uid, None)

    def _make(self, workflow: Workflow) -> Planned:
        try:
            return self._plan(workflow.spec)
        except InvalidSpec as invalid:
            return invalid
