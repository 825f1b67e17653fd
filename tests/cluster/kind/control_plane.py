"""The control plane of a cluster: etcd, API server, controller manager and scheduler, and who may call them."""

import base64
import json
import socket
from dataclasses import dataclass
from pathlib import Path

from builds import program
from certificates import Authority
from network import SERVICE_IP, SERVICES
from processes import Processes

AUDIT_POLICY = "audit-policy.yaml"
CONTROLLER_MANAGER_RATES = {
    "kube-api-qps": "1000",
    "kube-api-burst": "2000",
    "concurrent-job-syncs": "50",
    "concurrent-gc-syncs": "50",
}
"""The controller manager's defaults allow only a few Jobs a second."""


@dataclass(frozen=True)
class Ports:
    """Ports of one cluster, free when it was made."""

    api: int
    etcd: int
    etcd_peer: int

    @classmethod
    def free(cls) -> "Ports":
        """Ports that nobody listens on now."""
        sockets = [socket.socket() for _ in range(3)]
        for one in sockets:
            one.bind(("0.0.0.0", 0))
        numbers = [one.getsockname()[1] for one in sockets]
        for one in sockets:
            one.close()
        return cls(*numbers)


class ControlPlane:
    """Starts the four processes in a folder; nodes reach the API server at the address `host`."""

    def __init__(self, folder: Path, processes: Processes, host: str) -> None:
        self.folder = folder
        self.processes = processes
        self.host = host
        self.authority = Authority(folder / "pki")

    def start(self, ports: Ports) -> None:
        """Start all four; they find each other by themselves."""
        self.processes.start(
            "etcd", program("etcd"), "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
            f"--listen-client-urls=http://127.0.0.1:{ports.etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{ports.etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{ports.etcd_peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{ports.etcd_peer}",
            f"--initial-cluster=default=http://127.0.0.1:{ports.etcd_peer}", "--log-level=warn",
        )  # fmt: skip
        self._start_api_server(ports)
        manager = self.kubeconfig("controller-manager", "/CN=system:kube-controller-manager", ports)
        self.processes.start(
            "kube-controller-manager", program("kube-controller-manager"), f"--kubeconfig={manager}",
            f"--authentication-kubeconfig={manager}", f"--authorization-kubeconfig={manager}",
            f"--root-ca-file={self.authority.certificate}",
            f"--service-account-private-key-file={self.folder}/pki/service-accounts.key", "--leader-elect=false",
            "--use-service-account-credentials=true", "--secure-port=0",
            *(f"--{name}={value}" for name, value in CONTROLLER_MANAGER_RATES.items()),
        )  # fmt: skip
        self._start_scheduler(ports)

    def kubeconfig(self, name: str, subject: str, ports: Ports) -> Path:
        """A kubeconfig for `subject`, an openssl subject such as /O=system:masters/CN=admin."""
        certificate, key = self.authority.sign(name, subject)
        cluster = {
            "server": f"https://{self.host}:{ports.api}",
            "certificate-authority-data": _encoded(self.authority.certificate),
        }
        user = {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "kubesaga",
            "clusters": [{"name": "kubesaga", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "kubesaga", "context": {"cluster": "kubesaga", "user": name}}],
        }
        path = self.folder / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
        return path

    def _start_api_server(self, ports: Ports) -> None:
        names = ("127.0.0.1", self.host, SERVICE_IP, "localhost", "kubernetes.default.svc")
        certificate, key = self.authority.sign("api-server", "/CN=kube-apiserver", names)
        client_certificate, client_key = self.authority.sign("kubelet-client", "/O=system:masters/CN=kubelet-client")
        private, public = self.authority.key_pair("service-accounts")
        policy = write_audit_policy(self.folder)
        self.processes.start(
            "kube-apiserver", program("kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
            "--bind-address=0.0.0.0", f"--advertise-address={self.host}", f"--secure-port={ports.api}",
            f"--client-ca-file={self.authority.certificate}",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
            f"--kubelet-client-certificate={client_certificate}", f"--kubelet-client-key={client_key}",
            "--kubelet-preferred-address-types=InternalIP", "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={private}", f"--service-cluster-ip-range={SERVICES}",
            f"--audit-policy-file={policy}", f"--audit-log-path={self.folder}/audit.log", "--allow-privileged=true",
            "--audit-log-mode=blocking", "--audit-log-maxsize=10000",
            "--max-requests-inflight=1000", "--max-mutating-requests-inflight=1000",
        )  # fmt: skip

    def _start_scheduler(self, ports: Ports) -> None:
        kubeconfig = self.kubeconfig("scheduler", "/CN=system:kube-scheduler", ports)
        configuration = self.folder / "scheduler.yaml"
        configuration.write_text(
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
            "leaderElection: {leaderElect: false}\n"
            f"clientConnection: {{kubeconfig: {kubeconfig}, qps: 1000, burst: 2000}}\n"
        )
        self.processes.start(
            "kube-scheduler", program("kube-scheduler"), f"--config={configuration}", "--secure-port=0"
        )


def write_audit_policy(folder: Path) -> Path:
    """Write which requests the audit log has: all but the cluster's own leases and probes, no bodies."""
    policy = folder / AUDIT_POLICY
    policy.write_text(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n"
        "- level: None\n  namespaces: [kube-system, kube-node-lease]\n  resources: [{group: coordination.k8s.io}]\n"
        "- level: None\n  nonResourceURLs: ['/livez*', '/readyz*', '/healthz*']\n"
        "- level: Metadata\n"
    )
    return policy


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
