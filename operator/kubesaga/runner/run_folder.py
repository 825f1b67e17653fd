"""The folder in which a run keeps its state: one run at a time, by one process."""

import fcntl
import os
import shlex
import shutil
from pathlib import Path

from kubesaga.api.status import Phase
from kubesaga.controller.cluster import Raw
from kubesaga.controller.errors import Unavailable
from kubesaga.runner import STATE_DIR_DEFAULT
from kubesaga.runner.journal import Journal
from kubesaga.runner.object_store import ObjectStore


class RunRefused(Exception):  # noqa: N818 - the run is, not the program
    """The run cannot begin, or not go on: the message says why, and what can be done."""


class RunStore(ObjectStore):
    """The objects of a run. The Workflow is never deleted: the run can be looked at until the next of that name."""

    async def delete_workflow(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Keep the Workflow, its time to live being over or not."""


class RunFolder:
    """The folder of the run of one name. Raises RunRefused where it is in use, or cannot be read."""

    def __init__(self, state_dir: Path, name: str) -> None:
        self.name = name
        self._state_dir = state_dir
        self.path = (state_dir / name).absolute()
        self.jobs = self.path / "jobs"
        self.log = self.path / "runner.log"
        self._lock: int | None = None

    @property
    def resume_command(self) -> str:
        """What a person types to go on with the run."""
        options = "" if self._state_dir == STATE_DIR_DEFAULT else f" --state-dir {shlex.quote(str(self._state_dir))}"
        return f"kubesaga run --resume {self.name}{options}"

    @property
    def has_jobs(self) -> bool:
        """Whether processes of a run have left something."""
        return self.jobs.is_dir() and any(self.jobs.iterdir())

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "state.db").exists()

    def open(self) -> ObjectStore:
        """Take the folder and read what is in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            ignore = self.path.parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
            self._take_lock()
            return RunStore(Journal(self.path / "state.db"))
        except (OSError, Unavailable) as error:
            raise RunRefused(f"{self.path}: {getattr(error, 'message', None) or error}") from error

    def begin_anew(self, store: ObjectStore) -> None:
        """Forget an earlier run, its logs too."""
        shutil.rmtree(self.jobs, ignore_errors=True)
        store.begin_anew()

    def close(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        self._lock = os.open(self.path / "runner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._lock, 32).decode(errors="replace").strip()
            raise RunRefused(f'"{self.name}" is being run right now, by process {pid or "(unknown)"}') from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())


def earlier_runs(state_dir: Path) -> tuple[dict[str, Raw], list[str]]:
    """The Workflows of all runs that can be read, by name; and why others cannot."""
    found: dict[str, Raw] = {}
    refused: list[str] = []
    for path in sorted(state_dir.glob("*/state.db")):
        folder = RunFolder(state_dir, path.parent.name)
        try:
            store = folder.open()
        except RunRefused as why:
            refused.append(str(why))
            folder.close()
            continue
        for raw in store.all("workflows"):
            found[folder.name] = raw
        store.close()
        folder.close()
    return found, refused


def has_ended(raw: Raw) -> bool:
    """Whether a Workflow is in a phase that it never leaves."""
    phase = (raw.get("status") or {}).get("phase")
    return phase in {phase.value for phase in Phase if phase.terminal}
