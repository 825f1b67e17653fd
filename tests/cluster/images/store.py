"""Where images are kept before a cluster gets them: the Docker engine of the real kind, else a store of our own.

The only place that knows which of the two it is.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path


def cache() -> Path:
    """The folder that outlives a checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kubesaga"


def real_kind() -> str | None:
    """The path of the real kind, if it is installed."""
    return shutil.which("kind")


@functools.cache
def docker() -> bool:
    """Whether a Docker engine answers here and the real kind is there to use it."""
    if shutil.which("docker") is None or real_kind() is None:
        return False
    return subprocess.run(["docker", "info"], check=False, capture_output=True).returncode == 0


def buildah(*arguments: object, quiet: bool = False) -> str:
    """Run buildah over our own store, which touches no other; return what it prints."""
    storage = cache() / "images" / "storage"
    roots = (f"--root={storage / 'root'}", f"--runroot={storage / 'run'}", "--storage-driver=overlay")
    return subprocess.run(
        ["buildah", *roots, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
        env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
    ).stdout.strip()


def holds(image: str) -> bool:
    """Whether our own store has the image."""
    try:
        buildah("inspect", "--type", "image", image, quiet=True)
    except subprocess.CalledProcessError:
        return False
    return True


def build(file: Path, context: Path, tag: str, arguments: Mapping[str, str]) -> None:
    """Build a Dockerfile."""
    words = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    words += [f"--file={file}", f"--tag={tag}"]
    if docker():
        subprocess.run(["docker", "build", *words, str(context)], check=True)
    else:
        buildah("bud", "--pull-never", "--format=docker", *words, context)
        buildah("rmi", "--prune")


def put(root: Path, tag: str) -> None:
    """Make an image of one layer in our own store, out of the tar file of a root file system."""
    container = buildah("from", "scratch")
    try:
        buildah("add", "--quiet", container, root, "/")
        buildah("commit", "--quiet", "--format=docker", container, tag)
    finally:
        buildah("rm", container)


def take(archive: Path) -> None:
    """Take in a docker archive."""
    if docker():
        subprocess.run(["docker", "load", "--quiet", "--input", str(archive)], check=True, stdout=subprocess.DEVNULL)
    else:
        buildah("pull", "--quiet", f"docker-archive:{archive}")


def write(image: str, archive: Path) -> Path:
    """Write an image of our own store to a docker archive, under the name by which Pods will ask for it."""
    archive.unlink(missing_ok=True)
    buildah("push", "--quiet", image, f"docker-archive:{archive}:{image}")
    return archive
