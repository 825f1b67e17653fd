"""The cgroups of one cluster's containers: all below one, because cgroups outlive the processes in them."""

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def path(folder: Path) -> str:
    """The cgroup of the cluster with this folder, as the kubelet names it."""
    return f"/kubesaga/{'-'.join(folder.parts[1:])}"


def make(folder: Path) -> None:
    """Make the cluster's cgroup in every hierarchy, because the kubelet wants to find it."""
    for hierarchy in _hierarchies():
        (hierarchy / path(folder).lstrip("/")).mkdir(parents=True, exist_ok=True)
    for name in ("cpuset.cpus", "cpuset.mems"):
        _inherit(_ROOT / "cpuset" / path(folder).lstrip("/") / name)


def remove(folder: Path) -> None:
    """Remove them all; their processes have ended."""
    for hierarchy in _hierarchies():
        top = hierarchy / path(folder).lstrip("/")
        for one in sorted((one for one in top.rglob("*") if one.is_dir()), reverse=True):
            one.rmdir()
        if top.exists():
            top.rmdir()
        if top.parent.exists() and not any(one.is_dir() for one in top.parent.iterdir()):
            top.parent.rmdir()


def _hierarchies() -> list[Path]:
    """The one hierarchy of cgroup v2, or all of v1."""
    if (_ROOT / "cgroup.controllers").exists():
        return [_ROOT]
    return [one for one in _ROOT.iterdir() if one.is_dir() and not one.is_symlink()]


def _inherit(file: Path) -> None:
    """Fill an empty cpuset (v1) from its parent: no process may enter an empty one."""
    if not file.exists() or file.read_text().strip():
        return
    _inherit(file.parent.parent / file.name)
    file.write_text((file.parent.parent / file.name).read_text())
