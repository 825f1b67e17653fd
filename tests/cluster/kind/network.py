"""The network of a cluster's Pods: one bridge on this machine, and a rule that makes the service IP work."""

import subprocess
from pathlib import Path

SERVICE_IP = "10.96.0.1"
SERVICES = "10.96.0.0/16"
GATEWAY = "10.244.0.1"
PODS = "10.244.0.0/24"
BRIDGE = "kubesaga0"


def up(port: int) -> None:
    """Make the bridge, and lead Pods that call the service IP to the API server on `port`."""
    down()
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")
    rule = ["-d", SERVICE_IP, "-p", "tcp", "--dport", "443", "-j", "DNAT", "--to-destination", f"{GATEWAY}:{port}"]
    _run("iptables", "-t", "nat", "-N", "KUBESAGA")
    _run("iptables", "-t", "nat", "-A", "KUBESAGA", *rule)
    for chain in ("PREROUTING", "OUTPUT"):
        _run("iptables", "-t", "nat", "-I", chain, "-j", "KUBESAGA")


def down() -> None:
    """Remove what `up` made, as far as it is there."""
    for chain in ("PREROUTING", "OUTPUT"):
        _try("iptables", "-t", "nat", "-D", chain, "-j", "KUBESAGA")
    _try("iptables", "-t", "nat", "-F", "KUBESAGA")
    _try("iptables", "-t", "nat", "-X", "KUBESAGA")
    _try("ip", "link", "delete", BRIDGE)


def configuration(folder: Path) -> None:
    """The CNI configuration of the real node."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-kubesaga.conflist").write_text(f"""{{
  "cniVersion": "0.4.0", "name": "kubesaga",
  "plugins": [
    {{"type": "bridge", "bridge": "{BRIDGE}", "isGateway": true, "ipMasq": false,
     "ipam": {{"type": "host-local", "dataDir": "{folder}/ipam", "ranges": [[{{"subnet": "{PODS}"}}]],
               "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
    {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
  ]
}}
""")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _try(*command: str) -> None:
    subprocess.run(command, check=False, capture_output=True)
