"""The same clusters where a Docker engine and the real kind are there: kind's nodes, and our fake one beside them.

Used when store.docker() says so. Audit policy, rates and the fake node are as in our own clusters, so that the tests
need not know; processes inside of kind's node are not listed.
"""

import json
import shutil
import subprocess
from pathlib import Path

import control_plane
import home
import node
import store
from processes import Processes


class DockerCluster:
    """A cluster of the real kind by its name. Its folder holds audit.log and admin.kubeconfig."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = home.folder(name)
        self.processes = Processes(self.folder)

    @classmethod
    def names(cls) -> list[str]:
        """The clusters that run."""
        return _kind("get", "clusters").split()

    def create(self, kubeconfig: Path) -> None:
        """Make the cluster and wait until it is ready."""
        with home.alone():
            self._delete()
            self.folder.mkdir(parents=True)
            control_plane.write_audit_policy(self.folder)
            configuration = self.folder / "kind.json"
            configuration.write_text(json.dumps(self._configuration()))
            admin = self.folder / "admin.kubeconfig"
            names = (f"--name={self.name}", f"--kubeconfig={admin}")
            _kind("create", "cluster", *names, f"--config={configuration}", "--wait=120s")
            node.start_fake(self.folder, self.processes, admin)
            node.register_fake(admin)
        kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(admin, kubeconfig)

    def delete(self) -> None:
        """Remove the cluster."""
        with home.alone():
            self._delete()

    def load(self, image: str) -> None:
        """Bring an image of the Docker engine to the node."""
        _kind("load", "docker-image", image, f"--name={self.name}")

    def _delete(self) -> None:
        self.processes.stop_all()
        _kind("delete", "cluster", f"--name={self.name}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configuration(self) -> dict:
        """Kind's configuration; it turns the arguments of a patch without a version into what kubeadm wants."""
        inside = "/kubesaga"
        api_server = {"audit-policy-file": f"{inside}/{control_plane.AUDIT_POLICY}"}
        api_server |= {"audit-log-path": f"{inside}/audit.log", "audit-log-maxsize": "10000"}
        volume = {"name": "kubesaga", "hostPath": inside, "mountPath": inside, "pathType": "Directory"}
        patch = {
            "kind": "ClusterConfiguration",
            "apiServer": {"extraArgs": api_server, "extraVolumes": [volume]},
            "controllerManager": {"extraArgs": control_plane.CONTROLLER_MANAGER_RATES},
        }
        return {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [
                {
                    "role": "control-plane",
                    "kubeadmConfigPatches": [json.dumps(patch)],
                    "extraMounts": [{"hostPath": str(self.folder), "containerPath": inside}],
                }
            ],
        }


def _kind(*arguments: str) -> str:
    return subprocess.run([store.real_kind(), *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
