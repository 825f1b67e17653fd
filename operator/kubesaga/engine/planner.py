"""WorkflowPlanner: from a spec to a Plan, or to every error of the spec at once."""

from collections.abc import Mapping
from typing import Any

from kubesaga.engine.plan import Plan


class WorkflowPlanner:
    """Makes Plans. Stateless; one instance may serve any number of Workflows."""

    def plan(self, spec: Mapping[str, Any], name: str = "", namespace: str = "") -> Plan:
        """Validate and expand `spec` (the raw mapping as written).

        Raises InvalidSpec with every error of the spec, each with its field path.
        """
        raise NotImplementedError
