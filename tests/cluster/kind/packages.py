"""What a node needs of the operating system: Debian packages, installed only where they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/bin/busybox": "busybox-static",
    "iptables": "iptables",
    "ip": "iproute2",
    "openssl": "openssl",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
}
"""Program -> the package that brings it."""


def install() -> None:
    """Install what is missing; needs root and a Debian where something is."""
    missing = [package for program, package in PACKAGES.items() if not _there(program)]
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], check=True, env=environment, stdout=subprocess.DEVNULL)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def _there(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else shutil.which(program) is not None
