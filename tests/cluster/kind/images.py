"""Images on the real node, brought there without a registry."""

import subprocess
from pathlib import Path

import busybox
import store


class ImageNotFoundError(Exception):
    """An image that no store here has."""


def load(folder: Path, image: str) -> None:
    """Bring an image of the local store to the real node."""
    if image in busybox.BUSYBOX:
        return load_own(folder)
    if not store.holds(image):
        raise ImageNotFoundError(f"no image {image} here; tests/cluster/images/image builds it")
    return _import(folder, store.write(image, folder / "image.tar"))


def load_own(folder: Path) -> None:
    """Bring what every cluster has: the pause image, and the one that tests run their Pods with."""
    for write in (busybox.pause, busybox.busybox):
        _import(folder, write(folder / "image.tar"))


def runtime_ready(folder: Path) -> bool:
    """Whether containerd answers."""
    return subprocess.run([*_ctr(folder, 1), "version"], check=False, capture_output=True).returncode == 0


def _import(folder: Path, archive: Path) -> None:
    subprocess.run([*_ctr(folder), "images", "import", str(archive)], check=True, stdout=subprocess.DEVNULL)
    archive.unlink()


def _ctr(folder: Path, seconds_max: int = 30) -> tuple[str, ...]:
    return ("ctr", f"--connect-timeout={seconds_max}s", f"--address={folder}/containerd.sock", "--namespace=k8s.io")
