"""The two nodes of a cluster: a real one, whose containers really run, and a fake one by kwok for speed and scale.

containerd and the kubelet of the real node live in a PID and a mount namespace of their own: when its first process
is killed, every container ends and every mount is gone with it.
"""

import json
from pathlib import Path

from builds import program
from certificates import Authority
from network import GATEWAY, configuration
from processes import Processes

REAL, FAKE = "real", "fake"
FAKE_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": FAKE,
        "labels": {"type": "kwok", "kubernetes.io/hostname": FAKE, "kubernetes.io/os": "linux"},
        "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
    },
    "spec": {"taints": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]},
    "status": {
        "allocatable": {"cpu": "10000", "memory": "10000Gi", "pods": "20000"},
        "capacity": {"cpu": "10000", "memory": "10000Gi", "pods": "20000"},
    },
}


def start_real(folder: Path, processes: Processes, authority: Authority, kubeconfig: Path) -> None:
    """Start containerd and the kubelet."""
    certificate, key = authority.sign("kubelet-serving", f"/CN={REAL}", (GATEWAY, "127.0.0.1"))
    configuration(folder / "cni")
    _write_containerd(folder)
    (folder / "kubelet.yaml").write_text(json.dumps(_kubelet(folder, authority.certificate, certificate, key)))
    kubelet = (
        f"{program('kubelet')} --config={folder}/kubelet.yaml --kubeconfig={kubeconfig} --root-dir={folder}/kubelet"
        f" --hostname-override={REAL} --node-ip={GATEWAY}"
    )
    (folder / "node.sh").write_text(
        "#!/bin/sh\n# Runs as the first process of the node's own PID and mount namespace.\n"
        "mount --make-rshared /\n"
        f"containerd --config {folder}/containerd.toml >{folder}/containerd.log 2>&1 &\n"
        f"until [ -S {folder}/containerd.sock ]; do sleep 0.1; done\n"
        f"{kubelet} >{folder}/kubelet.log 2>&1 &\n"
        f"echo $! >{folder}/kubelet.inner-pid\n"
        "wait\n"
    )
    processes.start(
        "node", "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "--propagation=private",
        "sh", folder / "node.sh", at_once=True,
    )  # fmt: skip


def start_fake(folder: Path, processes: Processes, kubeconfig: Path) -> None:
    """Start kwok, which plays the kubelet of the fake node."""
    stages = Path(__file__).with_name("stages.yaml")
    processes.start(
        "kwok", program("kwok"), f"--kubeconfig={kubeconfig}", f"--config={stages}", "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--node-lease-duration-seconds=40",
        "--cidr=10.245.0.1/16", "--node-ip=10.245.0.1", "--enable-crds=",
    )  # fmt: skip


def _write_containerd(folder: Path) -> None:
    (folder / "containerd.toml").write_text(f"""version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "kubesaga.test/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
""")


def _kubelet(folder: Path, authority: Path, certificate: Path, key: Path) -> dict:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(authority)}},
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "address": GATEWAY,
        "healthzPort": 0,
        "readOnlyPort": 0,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "localStorageCapacityIsolation": False,
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "resolvConf": "",
        "maxPods": 110,
        "registerNode": True,
        "volumePluginDir": f"{folder}/volume-plugins",
        "podLogsDir": f"{folder}/pod-logs",
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
    }
