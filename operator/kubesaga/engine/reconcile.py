"""One pass over one Workflow: observation in, decision out."""

from datetime import datetime

from kubesaga.api.workflow import Workflow
from kubesaga.engine.decision import Decision
from kubesaga.engine.observation import Observed
from kubesaga.engine.plan import Plan
from kubesaga.engine.spec_error import InvalidSpec


def reconcile(workflow: Workflow, plan: Plan | InvalidSpec, observed: Observed, now: datetime) -> Decision:
    """Decide what happens next. Pure: equal arguments give equal decisions.

    `plan` is what `WorkflowPlanner.plan` made of the Workflow's spec, or the InvalidSpec that it raised. `now` is
    timezone-aware. Never raises for anything that users or the cluster can cause.
    """
    raise NotImplementedError
