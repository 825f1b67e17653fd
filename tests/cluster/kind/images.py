"""Images without a registry: made from this machine's busybox, or taken from the local buildah store."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

BUSYBOX = "busybox:1.36"
PAUSE = "kubesaga.test/pause:1"
BUILDAH = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}


def busybox_archive(path: Path, name: str, command: list[str]) -> Path:
    """A docker archive of a root file system with nothing but busybox."""
    layer = _layer()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": command, "Env": ["PATH=/bin"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        for member, content in (("manifest.json", manifest), ("config.json", config), ("layer.tar", layer)):
            _add(archive, member, content)
    return path


def stored_archive(path: Path, name: str) -> Path:
    """A docker archive of an image of the local buildah store."""
    subprocess.run(
        ["buildah", "push", "--quiet", name, f"docker-archive:{path}:{name}"],
        check=True, env={**os.environ, **BUILDAH},
    )  # fmt: skip
    return path


def load(folder: Path, archive: Path) -> None:
    """Import a docker archive into the real node."""
    command = ["ctr", "--address", f"{folder}/containerd.sock", "--namespace", "k8s.io", "images", "import"]
    subprocess.run([*command, str(archive)], check=True, stdout=subprocess.DEVNULL)


def _layer() -> bytes:
    """The root file system: busybox, its applets, and the few files that programs expect."""
    applets = subprocess.run(["busybox", "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for name in ("bin", "etc", "root", "tmp", "dev", "proc", "sys", "var"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            layer.addfile(folder)
        _add(layer, "bin/busybox", Path("/bin/busybox").read_bytes(), 0o755)
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                layer.addfile(link)
        _add(layer, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        _add(layer, "etc/group", b"root:x:0:\n")
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))
