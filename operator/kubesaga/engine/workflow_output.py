"""The outputs of a Workflow: texts over its parameters and the outputs of its steps, resolved when it has succeeded."""

from kubesaga.engine.context import Context
from kubesaga.engine.state import StateManager
from kubesaga.engine.substitution import resolve


def workflow_outputs(state: StateManager) -> dict[str, str] | None:
    """Every output by name; one that its step never gave, because it was skipped or may fail, is the empty string."""
    if not state.plan.outputs:
        return None
    context = Context(state.workflow, state.plan, state.steps, lenient=True)
    return {name: resolve(value, context, escape=False) for name, value in state.plan.outputs.items()}
