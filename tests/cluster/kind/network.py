"""The network of one cluster: the real node has a network namespace of its own, joined to this machine by one link.

    this machine                          namespace of the node
    API server 10.243.N.1 --- kubesagaN = eth0 10.243.N.2 --- bridge 10.244.N.1 --- Pods 10.244.N.0/24

The bridge, the rule that makes the service IP work, and all that the kubelet adds live in that namespace and end with
it; on this machine there is one link and one route. N is the first that no cluster uses, so several can coexist.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

SERVICE_IP = "10.96.0.1"
SERVICES = "10.96.0.0/16"
CLUSTERS_MAX = 200


@dataclass(frozen=True)
class Network:
    """The names and addresses of cluster number `index` on this machine."""

    index: int

    @property
    def link(self) -> str:
        """The link's end on this machine."""
        return f"kubesaga{self.index}"

    @property
    def host(self) -> str:
        """Address of this machine, where the API server listens."""
        return f"10.243.{self.index}.1"

    @property
    def node(self) -> str:
        """Address of the real node."""
        return f"10.243.{self.index}.2"

    @property
    def gateway(self) -> str:
        """Address of the node in the network of its Pods."""
        return f"10.244.{self.index}.1"

    @property
    def pods(self) -> str:
        """All addresses of Pods."""
        return f"10.244.{self.index}.0/24"


def join(folder: Path, pid: int) -> Network:
    """Join the network namespace of process `pid` to this machine, under the first number that is free."""
    for network in map(Network, range(CLUSTERS_MAX)):
        # Adding a link is atomic: of two clusters that try the same name, one gets it.
        command = ("ip", "link", "add", network.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        if not Path("/sys/class/net", network.link).exists() and not subprocess.call(
            command, stderr=subprocess.DEVNULL
        ):
            (folder / "link").write_text(network.link)
            _address(network, pid)
            return network
    raise OSError(f"no link could be added for process {pid}: {' '.join(command)}")


def leave(folder: Path) -> None:
    """Remove the link; it would go with the namespace as well, only later."""
    if (folder / "link").exists():
        command = ["ip", "link", "delete", (folder / "link").read_text()]
        subprocess.run(command, check=False, capture_output=True)


def serve(network: Network, pid: int, port: int) -> None:
    """Lead Pods that call the service IP to the API server on `port` of this machine."""
    rule = ["-d", SERVICE_IP, "-p", "tcp", "--dport", "443", "-j", "DNAT", "--to-destination", f"{network.host}:{port}"]
    for chain in ("PREROUTING", "OUTPUT"):
        _run_inside(pid, "iptables", "-t", "nat", "-A", chain, *rule)


def configuration(folder: Path, network: Network) -> None:
    """The CNI configuration of the real node."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-kubesaga.conflist").write_text(f"""{{
  "cniVersion": "0.4.0", "name": "kubesaga",
  "plugins": [
    {{"type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": false,
      "ipam": {{"type": "host-local", "dataDir": "{folder}/ipam", "ranges": [[{{"subnet": "{network.pods}"}}]],
                "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
    {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
  ]
}}
""")


def _address(network: Network, pid: int) -> None:
    _run("ip", "address", "add", f"{network.host}/30", "dev", network.link)
    _run("ip", "link", "set", network.link, "up")
    _run_inside(pid, "ip", "address", "add", f"{network.node}/30", "dev", "eth0")
    _run_inside(pid, "ip", "link", "set", "lo", "up")
    _run_inside(pid, "ip", "link", "set", "eth0", "up")
    _run_inside(pid, "ip", "route", "add", "default", "via", network.host)
    _run_inside(pid, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    _run("ip", "route", "replace", network.pods, "via", network.node)


def _run_inside(pid: int, *command: str) -> None:
    _run("nsenter", f"--target={pid}", "--net", "--", *command)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
