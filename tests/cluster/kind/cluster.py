"""One cluster: made, found again by its name, and removed without a trace."""

import json
import os
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import cgroups
import images
import network
import node
import packages
from builds import program
from control_plane import ControlPlane, Ports
from processes import Processes

READY_SECONDS = 90


class ClusterError(Exception):
    """A cluster that did not come up, with the end of the log that says why."""


def home() -> Path:
    """Where the folders of clusters are."""
    return Path(os.environ.get("KUBESAGA_KIND_HOME", "/var/tmp/kubesaga-kind"))


class Cluster:
    """A cluster by its name. Its folder holds logs, certificates, audit.log and admin.kubeconfig."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = home() / name
        self.processes = Processes(self.folder)

    @classmethod
    def names(cls) -> list[str]:
        """The clusters that run."""
        folders = sorted(home().iterdir()) if home().exists() else []
        return [folder.name for folder in folders if cls(folder.name).running]

    @property
    def running(self) -> bool:
        """Whether its API server runs."""
        return self.processes.pid("kube-apiserver") is not None

    def create(self, kubeconfig: Path) -> None:
        """Make the cluster and wait until both nodes are ready. What an interrupted run left behind is removed."""
        packages.install()
        self.delete()
        try:
            self._create(kubeconfig)
        except BaseException:
            self.delete()
            raise

    def _create(self, kubeconfig: Path) -> None:
        self.folder.mkdir(parents=True)
        ports = Ports.free()
        holder = node.hold_namespaces(self.folder, self.processes)
        link = network.join(self.folder, holder)
        network.serve(link, holder, ports.api)
        plane = ControlPlane(self.folder, self.processes, link.host)
        plane.start(ports)
        admin = plane.kubeconfig("admin", "/O=system:masters/CN=admin", ports)
        self._await_api_server(plane, ports)
        kubelet = plane.kubeconfig("kubelet", f"/O=system:nodes/CN=system:node:{node.REAL}", ports)
        node.start_real(self.folder, self.processes, plane.authority, kubelet, link)
        node.start_fake(self.folder, self.processes, admin)
        self._kubectl("apply", "-f", "-", document=node.FAKE_NODE)
        self._await("containerd", lambda: (self.folder / "containerd.sock").exists())
        self._load_own_images()
        self._await_ready()
        kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(admin, kubeconfig)

    def delete(self) -> None:
        """End every process of the cluster and remove all it made."""
        if not self.folder.exists():
            return
        self.processes.stop_all()
        network.leave(self.folder)
        cgroups.remove(self.folder)
        shutil.rmtree(self.folder)

    def load(self, image: str) -> None:
        """Bring an image of the local store to the real node."""
        archive = self.folder / "image.tar"
        images.load(self.folder, images.stored_archive(archive, image))
        archive.unlink()

    def _load_own_images(self) -> None:
        for name, command in ((images.PAUSE, ["sleep", "infinity"]), (images.BUSYBOX, ["sh"])):
            archive = images.busybox_archive(self.folder / "image.tar", name, command)
            images.load(self.folder, archive)
            archive.unlink()

    def _await_api_server(self, plane: ControlPlane, ports: Ports) -> None:
        context = ssl.create_default_context(cafile=str(plane.authority.certificate))
        context.load_cert_chain(*plane.authority.sign("probe", "/O=system:masters/CN=probe"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

        def ready() -> bool:
            try:
                return opener.open(f"https://127.0.0.1:{ports.api}/readyz", timeout=5).status == 200
            except (urllib.error.URLError, OSError):
                return False

        self._await("kube-apiserver", ready)

    def _await_ready(self) -> None:
        try:
            self._kubectl("wait", "--for=create", "node/real", f"--timeout={READY_SECONDS}s")
            self._kubectl("wait", "--for=condition=Ready", "node", "--all", f"--timeout={READY_SECONDS}s")
            self._kubectl("wait", "--for=create", "serviceaccount/default", f"--timeout={READY_SECONDS}s")
        except subprocess.CalledProcessError as error:
            tails = "\n".join(f"{n}: {self.processes.log_tail(n, 5)}" for n in ("kubelet", "containerd", "kwok"))
            raise ClusterError(f"the nodes did not become ready: {error.stderr}\n{tails}") from None

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        """Ask until it is so; a process that ended says why."""
        end = time.monotonic() + READY_SECONDS
        while not ready():
            if self.processes.pid(name) is None or time.monotonic() > end:
                raise ClusterError(f"{name} did not come up:\n{self.processes.log_tail(name)}")
            time.sleep(0.1)

    def _kubectl(self, *arguments: str, document: dict | None = None) -> str:
        return subprocess.run(
            [program("kubectl"), f"--kubeconfig={self.folder}/admin.kubeconfig", *arguments],
            input=json.dumps(document) if document else None, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
