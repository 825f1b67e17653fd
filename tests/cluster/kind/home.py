"""The folder of all clusters, and who may change it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def home() -> Path:
    """Where the folders of clusters are."""
    return Path(os.environ.get("KUBESAGA_KIND_HOME", "/var/tmp/kubesaga-kind"))


def folder(name: str) -> Path:
    """The folder of one cluster."""
    return home() / name


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Only one caller at a time makes or removes clusters: two that mean the same name would fight."""
    home().mkdir(parents=True, exist_ok=True)
    handle = os.open(home(), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
