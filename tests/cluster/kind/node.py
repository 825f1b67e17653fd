"""The two nodes of a cluster: a real one, whose containers really run, and a fake one by kwok for speed and scale.

containerd and the kubelet of the real node live in namespaces of their own (processes, mounts, network): when the
first process there is killed, every container, mount and firewall rule ends with it. Only cgroups outlive it; those of
a cluster are all below one of its own.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import cgroups
from builds import program
from certificates import Authority
from network import SERVICE_IP, Network, configuration
from processes import Processes

REAL, FAKE = "real", "fake"
_CAPACITY = {"cpu": "10000", "memory": "10000Gi", "pods": "20000"}
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
        "allocatable": _CAPACITY,
        "capacity": _CAPACITY,
    },
}


def hold_namespaces(folder: Path, processes: Processes) -> int:
    """Start the first process of the real node's namespaces, which adopts orphans; return its pid."""
    ready = folder / "namespaces"
    script = folder / "node.sh"
    # What containerd, CNI and the kubelet keep at fixed places must not reach this machine's own.
    script.write_text(
        "#!/bin/sh -e\n"
        "mount --make-rshared /\n"
        "for folder in /run /var/log /var/lib/cni /var/lib/kubelet; do\n"
        "  mkdir -p $folder\n  mount -t tmpfs tmpfs $folder\ndone\n"
        f"touch {ready}\n"
        "while :; do sleep 86400; done\n"
    )
    pid = processes.start(
        "node", "unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc", "--propagation=private",
        "sh", "-e", script, forks=True, at_once=True,
    )  # fmt: skip
    while not ready.exists():
        if processes.pid("node") is None:
            raise ChildProcessError(f"the node's namespaces could not be made: {processes.log_tail('node')}")
        time.sleep(0.01)
    return pid


def start_runtime(folder: Path, processes: Processes, network: Network) -> None:
    """Start containerd, and the DNS server that Pods ask."""
    configuration(folder / "cni", network)
    _write_containerd(folder)
    processes.start_inside("dns", sys.executable, Path(__file__).with_name("dns.py"), network.node, SERVICE_IP)
    processes.start_inside("containerd", "containerd", "--config", folder / "containerd.toml")


def start_real(folder: Path, processes: Processes, authority: Authority, kubeconfig: Path, network: Network) -> None:
    """Start the kubelet; containerd serves by now."""
    certificate, key = authority.sign("kubelet-serving", f"/CN={REAL}", (network.node, "127.0.0.1"))
    cgroups.make(folder)
    kubelet = _kubelet(folder, authority.certificate, certificate, key)
    (folder / "kubelet.yaml").write_text(json.dumps(kubelet | {"address": network.node, "clusterDNS": [network.node]}))
    processes.start_inside(
        "kubelet", program("kubelet"), f"--config={folder}/kubelet.yaml", f"--kubeconfig={kubeconfig}",
        f"--root-dir={folder}/kubelet", f"--hostname-override={REAL}", f"--node-ip={network.node}",
    )  # fmt: skip


def start_fake(folder: Path, processes: Processes, kubeconfig: Path) -> None:
    """Start kwok, which plays the kubelet of the fake node."""
    stages = Path(__file__).with_name("stages.yaml")
    processes.start(
        "kwok", program("kwok"), f"--kubeconfig={kubeconfig}", f"--config={stages}", "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--node-lease-duration-seconds=40",
        "--cidr=10.245.0.1/16", "--node-ip=10.245.0.1", "--enable-crds=",
    )  # fmt: skip


def register_fake(kubeconfig: Path) -> None:
    """Tell the API server of the fake node; kwok makes it ready."""
    command = [program("kubectl"), f"--kubeconfig={kubeconfig}", "create", "--filename=-"]
    subprocess.run(command, input=json.dumps(FAKE_NODE), check=True, text=True, stdout=subprocess.DEVNULL)


def _write_containerd(folder: Path) -> None:
    (folder / "containerd.toml").write_text(f"""version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "kubesaga.test/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
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
        "healthzPort": 0,
        "readOnlyPort": 0,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": True,
        "cgroupRoot": cgroups.path(folder),
        "makeIPTablesUtilChains": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "localStorageCapacityIsolation": False,
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "resolvConf": "",
        "clusterDomain": "cluster.local",
        "maxPods": 110,
        "registerNode": True,
        "volumePluginDir": f"{folder}/volume-plugins",
        "podLogsDir": f"{folder}/pod-logs",
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
    }
