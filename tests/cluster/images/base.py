"""The image that stands in for python:X-slim where no registry is reached: Debian with Python, by mmdebstrap."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import store

SUITE = "bookworm"
PYTHON_VERSION = "3.11"
PACKAGES = ("python3", "python3-pip", "python3-venv", "ca-certificates")
# As in python:X-slim: `python` and `pip` are there, and pip may install for the whole image.
_HOOKS = (
    'ln -s python3 "$1/usr/bin/python"',
    'rm "$1"/usr/lib/python3.*/EXTERNALLY-MANAGED',
)


def tag() -> str:
    """The image's name; its tag is a key of all that decides the image."""
    key = hashlib.sha256(repr((SUITE, PACKAGES, _HOOKS)).encode()).hexdigest()[:12]
    return f"kubesaga.test/base:{key}"


def make() -> str:
    """Make the image, if the store has it not yet; return its name."""
    if not store.holds(tag()):
        print(f"building {tag()} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root.tar"
            hooks = [f"--customize-hook={hook}" for hook in _HOOKS]
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", *hooks]
            subprocess.run([*command, SUITE, str(root)], check=True)
            store.put(root, tag())
    return tag()
