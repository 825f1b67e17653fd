"""The operator and all it needs as wheels, for a Dockerfile that is built where no package index is reached."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import base
import store

PROJECT = Path(__file__).resolve().parents[3]
FOLDER = PROJECT / "dist" / "wheels"


def make() -> Path:
    """Fill the folder that the Dockerfile copies; what the lock file names is downloaded once."""
    lock = PROJECT / "requirements.lock"
    key = hashlib.sha256(lock.read_bytes() + base.PYTHON_VERSION.encode()).hexdigest()[:16]
    locked = store.cache() / "wheels" / key
    if not locked.exists():
        _download(lock, locked)
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(locked, FOLDER)
    _pip("wheel", "--no-deps", "--wheel-dir", FOLDER, PROJECT)
    return FOLDER


def _download(lock: Path, folder: Path) -> None:
    """Download beside the final name and move there, so that a download that was cut off leaves nothing half done."""
    beside = folder.with_suffix(".new")
    shutil.rmtree(beside, ignore_errors=True)
    target = (f"--python-version={base.PYTHON_VERSION}", "--only-binary=:all:")
    _pip("download", "--require-hashes", "--requirement", lock, "--dest", beside, *target)
    beside.rename(folder)


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True)
