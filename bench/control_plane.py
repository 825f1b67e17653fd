"""A control plane for the measurement alone, with an operator as it is by default."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.audit import AuditLog, Request
from cluster.command import Command
from cluster.operator_process import OperatorProcess

ROOT = Path(__file__).parents[1]
NAME = "kubesaga-bench"
KIND = Command(ROOT / "tests/cluster/kind/kind")


@dataclass(frozen=True)
class ControlPlane:
    """A cluster whose only operator is the process `pid`."""

    kubeconfig: Path
    audit_log: AuditLog
    kubectl: Command
    pid: int

    def memory_peak_bytes(self) -> int:
        """The largest resident memory that the operator has had so far."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) * 1024

    def cpu_seconds(self) -> float:
        """The processor time that the operator has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def calls(self, mark: int) -> list[Request]:
        """What the operator has asked the API server for since a mark of the audit log, watches and lists aside."""
        asked = self.audit_log.requests(mark, agent="kubesaga")
        return [request for request in asked if request.verb not in ("list", "watch")]


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """A new cluster with a running operator, for as long as the context lasts."""
    kubeconfig = folder / "kubeconfig"
    KIND("build", timeout=2400)
    KIND("delete", "cluster", "--name", NAME)
    KIND("create", "cluster", "--name", NAME, "--kubeconfig", kubeconfig)
    try:
        kubectl = Command(Path(KIND("get", "program", "kubectl").strip()), {"KUBECONFIG": str(kubeconfig)})
        kubectl("apply", "--server-side", "-f", ROOT / "crds")
        # A filter over its conditions fails as long as there are none; they come with the accepted names.
        kubectl("wait", "--for=jsonpath={.status.acceptedNames.kind}=Workflow", "crd/workflows.kubesaga.dev")
        kubectl("wait", "--for=condition=Established", "crd/workflows.kubesaga.dev")
        kubectl("get", "workflows")  # It tries again for as long as their storage is being made.
        audit_log = AuditLog(Path(KIND("get", "audit-log", "--name", NAME).strip()))
        arguments = ["-m", "kubesaga", "operator"]
        operator = OperatorProcess(arguments, kubectl.environment, folder / "operator.log")
        try:
            yield ControlPlane(kubeconfig, audit_log, kubectl, operator.pid)
        finally:
            operator.terminate()
    finally:
        KIND("delete", "cluster", "--name", NAME)
