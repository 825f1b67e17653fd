"""Workflows without a cluster: run here as local processes, or in virtual time."""

from pathlib import Path
from typing import Final

STATE_DIR_DEFAULT: Final = Path(".kubesaga")
"""Where runs keep their state, if nobody says otherwise. It stands here for `--help`, which imports little."""
