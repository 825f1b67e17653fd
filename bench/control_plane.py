"""A control plane for the measurement alone, with an operator as it is by default."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.audit import AuditLog
from cluster.command import Command

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
        return self._kilobytes("VmHWM") * 1024

    def memory_bytes(self) -> int:
        """The operator's resident memory now."""
        return self._kilobytes("VmRSS") * 1024

    def cpu_seconds(self) -> float:
        """The processor time that the operator has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _kilobytes(self, field: str) -> int:
        found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1])


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
        established = '--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True'
        kubectl("wait", established, "crd/workflows.kubesaga.dev")
        audit_log = AuditLog(Path(KIND("get", "audit-log", "--name", NAME).strip()))
        with _operator(kubeconfig, folder / "operator.log") as pid:
            yield ControlPlane(kubeconfig, audit_log, kubectl, pid)
    finally:
        KIND("delete", "cluster", "--name", NAME)


@contextmanager
def _operator(kubeconfig: Path, log: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "kubesaga.cli.main", "operator", "--http-port", port]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
