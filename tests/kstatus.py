"""What kstatus makes of an object: the published rules that `helm --wait`, Flux and kubectl-based tools follow.

The rules for kinds that it does not know, from the documentation of sigs.k8s.io/cli-utils/pkg/kstatus, in their order.
"""

from collections.abc import Mapping
from typing import Any


def kstatus(raw: Mapping[str, Any]) -> str:
    """Terminating, InProgress, Failed or Current."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    if "deletionTimestamp" in metadata:
        return "Terminating"
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    for condition in status.get("conditions", ()):
        if condition["type"] == "Reconciling" and condition["status"] == "True":
            return "InProgress"
        if condition["type"] == "Stalled" and condition["status"] == "True":
            return "Failed"
    ready = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), None)
    return "InProgress" if ready is not None and ready["status"] != "True" else "Current"
