"""The programs of a cluster, built from their Go modules and kept outside the tree under a key of their versions."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import store

MODULES = Path(__file__).parent / "go"
KUBERNETES_VERSION = "1.37.2"
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_VERSION = "k8s.io/component-base/version"
_KUBERNETES_FLAGS = (
    f"-X {_VERSION}.gitVersion=v{KUBERNETES_VERSION} -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}"
)


# Each compiler at work may take half a GiB of memory.
PARALLEL = min(os.cpu_count() or 1, 4)


class BuildError(Exception):
    """A program that cannot be built here."""


@dataclass(frozen=True)
class Build:
    """One program: the module that pins it, its package and its linker flags."""

    name: str
    module: str
    package: str
    flags: str = ""


BUILDS = (
    *(
        Build(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_FLAGS)
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")
    ),
    Build("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    Build("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Build("helm", "helm", "helm.sh/helm/v4/cmd/helm"),
)


def program(name: str) -> Path:
    """The path of a program, built now if it was not before."""
    build = next(build for build in BUILDS if build.name == name)
    path = store.cache() / "bin" / f"{name}-{_key(build)}"
    if not path.exists():
        _build(build, path)
    return path


def _key(build: Build) -> str:
    """What decides the program: its pins and its flags."""
    digest = hashlib.sha256(f"{build.package} {build.flags}".encode())
    for file in ("go.mod", "go.sum"):
        digest.update((MODULES / build.module / file).read_bytes())
    return digest.hexdigest()[:16]


def _build(build: Build, path: Path) -> None:
    """Build beside the final name and move it there, so that a build that was cut off leaves nothing half done."""
    if shutil.which("go") is None:
        raise BuildError(f"{build.name} is built from its Go module, and there is no go on the path")
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f"building {build.name} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        source = shutil.copytree(MODULES / build.module, Path(folder) / "module")
        options = ["-trimpath", "-p", str(PARALLEL), "-ldflags", f"-s -w {build.flags}", "-o", f"{folder}/out"]
        command = ["go", "build", *options, build.package]
        subprocess.run(command, cwd=source, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
        Path(folder, "out").rename(path)
