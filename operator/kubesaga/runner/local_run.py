"""One Workflow, run on this machine: the same engine and controller as in a cluster, over a store on disk."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kubesaga.api.names import ANNOTATION_CANCEL, ANNOTATION_RETRY_COMPENSATION
from kubesaga.api.status import Phase
from kubesaga.api.workflow import API_VERSION, KIND, Workflow
from kubesaga.controller.cluster import Raw, Resource
from kubesaga.controller.controller import Controller
from kubesaga.engine.decision import Decision
from kubesaga.runner.local_jobs import LocalJobs, Said
from kubesaga.runner.object_store import Change, ObjectStore

Watcher = Callable[[Workflow, Decision], None]


class RunRefused(Exception):  # noqa: N818
    """The run cannot begin: the message says why, and what can be done."""


class LocalRun:
    """A run by its name; its state is in a folder of that name."""

    def __init__(self, state_dir: Path, name: str) -> None:
        self.name = name
        self.folder = state_dir / name
        self._interrupted = asyncio.Event()
        self._cancelled = False
        self._store: ObjectStore | None = None
        self._lock: int | None = None

    def open(self, manifest: Mapping[str, Any] | None) -> None:
        """Begin a new run of `manifest`, or go on with the one that is there where it is None.

        Raises RunRefused where the run is in progress elsewhere, where an unfinished one would be lost, or where
        there is none to go on with.
        """
        if manifest is None and not (self.folder / "state.db").exists():
            raise RunRefused(f'there is no run of "{self.name}" to resume in {self.folder.parent}')
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        store = ObjectStore(self.folder / "state.db")
        before = store.get("workflows", self.name)
        if manifest is not None and before is not None:
            if not _ended(before):
                store.close()
                raise RunRefused(
                    f'an earlier run of "{self.name}" has not ended: --resume goes on with it; '
                    f"removing {self.folder} forgets it, and undoes nothing"
                )
            store.close()
            self._forget()
            store = ObjectStore(self.folder / "state.db")
        if manifest is not None:
            metadata: dict[str, Any] = {"name": self.name, "namespace": "default"}
            metadata["annotations"] = dict(manifest["metadata"].get("annotations") or {})
            store.create(
                "workflows",
                {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": manifest["spec"]},
            )
        elif before is not None:
            self._unblock(store, before)
        self._store = store

    async def run(self, watcher: Watcher, said: Said) -> Raw:
        """Run until the Workflow has ended, waits for a person, or `interrupt` was called; returns the Workflow."""
        store = self._opened()
        ended = asyncio.Event()

        def look(resource: Resource, change: Change, raw: Raw) -> None:
            _feed(controller, resource, change, raw)
            if resource == "workflows" and _at_rest(raw):
                ended.set()

        controller = Controller(store, watcher=watcher)
        jobs = LocalJobs(store, self.folder / "jobs", said)
        store.listen(look)
        jobs.resume()
        for raw in store.all("workflows"):
            look("workflows", "changed", raw)
        working = asyncio.create_task(controller.run())
        interrupted = asyncio.create_task(self._interrupted.wait())
        finished = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait({working, interrupted, finished}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            controller.stop()
            if self._interrupted.is_set():
                await jobs.kill()
            for waiting in (interrupted, finished):
                waiting.cancel()
            await working
        return store.get("workflows", self.name) or {}

    def cancel(self) -> None:
        """Ask the Workflow to stop and to undo what it did."""
        self._cancelled = True
        _annotate(self._opened(), self.name, ANNOTATION_CANCEL)

    def interrupt(self) -> None:
        """Stop at once: processes are killed, nothing is undone; the state stays for --resume."""
        self._interrupted.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    @property
    def interrupted(self) -> bool:
        """Whether `interrupt` was called."""
        return self._interrupted.is_set()

    def close(self) -> None:
        """Let go of the state."""
        if self._store is not None:
            self._store.close()
        if self._lock is not None:
            os.close(self._lock)

    def workflow(self) -> Raw:
        """The Workflow as it stands."""
        return self._opened().get("workflows", self.name) or {}

    def _opened(self) -> ObjectStore:
        if self._store is None:
            raise RuntimeError("the run is not open")
        return self._store

    def _take_lock(self) -> None:
        self._lock = os.open(self.folder / "runner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunRefused(f'"{self.name}" is being run by another process right now') from None

    def _forget(self) -> None:
        """Remove what an earlier run that has ended left behind; the logs of its Jobs stay."""
        for path in self.folder.glob("state.db*"):
            path.unlink()

    def _unblock(self, store: ObjectStore, raw: Raw) -> None:
        """To resume a blocked rollback is to ask for its undos to be tried again."""
        if (raw.get("status") or {}).get("phase") == Phase.ROLLBACK_BLOCKED:
            _annotate(store, self.name, ANNOTATION_RETRY_COMPENSATION)


_FEEDS: Final = {
    ("workflows", "changed"): Controller.workflow_changed,
    ("workflows", "gone"): Controller.workflow_gone,
    ("jobs", "changed"): Controller.job_changed,
    ("jobs", "gone"): Controller.job_gone,
    ("pods", "changed"): Controller.pod_changed,
    ("pods", "gone"): Controller.pod_gone,
}


def _feed(controller: Controller, resource: Resource, change: Change, raw: Raw) -> None:
    _FEEDS[resource, change](controller, raw)


def _annotate(store: ObjectStore, name: str, annotation: str) -> None:
    """Request a verb, with the time as its token."""
    raw = store.get("workflows", name)
    if raw is not None:
        annotations = {**(raw["metadata"].get("annotations") or {}), annotation: datetime.now(UTC).isoformat()}
        store.update("workflows", {**raw, "metadata": {**raw["metadata"], "annotations": annotations}})


def _ended(raw: Raw) -> bool:
    phase = (raw.get("status") or {}).get("phase")
    return phase is not None and Phase(phase).terminal


def _at_rest(raw: Raw) -> bool:
    """Whether nothing more happens by itself: ended, or blocked with no undo in progress."""
    status = raw.get("status") or {}
    if status.get("phase") != Phase.ROLLBACK_BLOCKED:
        return _ended(raw)
    states = [step.get("compensation", {}).get("state") for step in status.get("steps", ())]
    return not any(state in ("Starting", "Running", "Retrying") for state in states)
