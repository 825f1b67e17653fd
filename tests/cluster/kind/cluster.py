"""One cluster of processes on this machine: made, found again by its name, and removed without a trace."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import cgroups
import home
import images
import network
import node
import packages
from control_plane import ControlPlane, Ports
from probe import Probe
from processes import Processes

READY_SECONDS = 120


class ClusterError(Exception):
    """A cluster that did not come up, with the end of the log that says why."""


class OwnCluster:
    """A cluster by its name. Its folder holds logs, certificates, audit.log and admin.kubeconfig."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = home.folder(name)
        self.processes = Processes(self.folder)

    @classmethod
    def names(cls) -> list[str]:
        """The clusters that run."""
        folders = sorted(home.home().iterdir()) if home.home().exists() else []
        return [folder.name for folder in folders if cls(folder.name).running]

    @property
    def running(self) -> bool:
        """Whether it was made whole, and its API server runs."""
        return (self.folder / "ready").exists() and self.processes.pid("kube-apiserver") is not None

    def create(self, kubeconfig: Path) -> None:
        """Make the cluster and wait until both nodes are ready. What an interrupted run left behind is removed."""
        if os.geteuid() != 0:
            raise ClusterError("a cluster without Docker needs root: its node makes namespaces, mounts and cgroups")
        packages.install()
        with home.alone():
            self._delete()
            try:
                self._create()
            except BaseException:
                self._delete()
                raise
        kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / "admin.kubeconfig", kubeconfig)

    def delete(self) -> None:
        """End every process of the cluster and remove all it made."""
        with home.alone():
            self._delete()

    def load(self, image: str) -> None:
        """Bring an image of the local store to the real node."""
        if not self.running:
            raise ClusterError(f"no cluster {self.name} runs")
        images.load(self.folder, image)

    def _delete(self) -> None:
        if not self.folder.exists():
            return
        self.processes.stop_all()
        network.leave(self.folder)
        cgroups.remove(self.folder)
        shutil.rmtree(self.folder)

    def _create(self) -> None:
        self.folder.mkdir(parents=True)
        ports = Ports.free()
        holder = node.hold_namespaces(self.folder, self.processes)
        link = network.join(self.folder, holder)
        network.serve(link, holder, ports.api)
        plane = ControlPlane(self.folder, self.processes, link.host)
        plane.start(ports)
        node.start_runtime(self.folder, self.processes, link)
        certificate, key = plane.authority.sign("probe", "/O=system:masters/CN=probe")
        probe = Probe(f"https://{link.host}:{ports.api}", plane.authority.certificate, certificate, key)
        self._await(probe.api_server, "etcd", "kube-apiserver")
        self._await(lambda: images.runtime_ready(self.folder), "containerd")
        self._start_nodes(plane, ports, link)
        self._await(probe.service_account, "kube-apiserver", "kube-controller-manager")
        for name, by in ((node.REAL, "kubelet"), (node.FAKE, "kwok")):
            self._await(lambda name=name: probe.node(name), by, "kube-controller-manager", "kube-scheduler")
        (self.folder / "ready").touch()

    def _start_nodes(self, plane: ControlPlane, ports: Ports, link: network.Network) -> None:
        admin = plane.kubeconfig("admin", "/O=system:masters/CN=admin", ports)
        kubelet = plane.kubeconfig("kubelet", f"/O=system:nodes/CN=system:node:{node.REAL}", ports)
        images.load_own(self.folder)
        node.start_real(self.folder, self.processes, plane.authority, kubelet, link)
        node.start_fake(self.folder, self.processes, admin)
        node.register_fake(admin)

    def _await(self, ready: Callable[[], bool], *names: str) -> None:
        """Ask until it is so; the log of the process that ended, or of the first one, says why it does not come."""
        end = time.monotonic() + READY_SECONDS
        while not ready():
            ended = [name for name in names if self.processes.pid(name) is None]
            if ended or time.monotonic() > end:
                name, what = (ended[0], "ended") if ended else (names[0], f"was not ready in {READY_SECONDS} s")
                raise ClusterError(f"{name} {what}. The end of its log:\n{self.processes.log_tail(name)}")
            time.sleep(0.05)
