"""One Workflow, run on this machine: the same engine and controller as in a cluster, over a store on disk."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.api.status import Phase
from kubesaga.api.workflow import Workflow
from kubesaga.controller.cluster import Raw, Resource
from kubesaga.controller.controller import Controller
from kubesaga.engine.decision import Decision
from kubesaga.engine.reason import Reason
from kubesaga.engine.verb import Verb
from kubesaga.runner.local_jobs import LocalJobs, Said
from kubesaga.runner.object_store import Change, ObjectStore
from kubesaga.runner.run_folder import RunFolder, RunRefused, has_ended

Watcher = Callable[[Workflow, Decision], None]

_CANNOT_GO_ON: Final = {"StateInconsistent", "InvalidStatus", "ReconcileFailed"}
"""Reasons of Stalled that time does not mend."""


_RESUMED_BY: Final[Mapping[str, Verb]] = {
    Phase.ROLLBACK_BLOCKED: Verb.RETRY_COMPENSATION,
    Phase.SUSPENDED: Verb.RESUME,
}
"""What going on means where a run waits for a person."""


@dataclass(frozen=True, slots=True)
class LocalRequest:
    """What a person asks of a run that is resumed."""

    verb: Verb
    step: str | None = None
    note: str | None = None
    outputs: str | None = None
    """Outputs of a skipped step, as JSON."""


class LocalRun:
    """A run by its name. Open it, run it, close it."""

    def __init__(self, state_dir: Path, name: str) -> None:
        self.name = name
        self.folder = RunFolder(state_dir, name)
        self.cancelled = False
        """Whether `cancel` was called."""
        self.token: str | None = None
        """The token of the last request made here."""
        self.interrupted = False
        """Whether `interrupt` was called."""
        self._interrupt = asyncio.Event()
        self._store: ObjectStore | None = None
        self._namespace = "default"

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Begin a new run. Raises RunRefused where an unfinished one would be lost."""
        store = self._open()
        before = next(iter(store.all("workflows")), None)
        forget = f"forget it, and undo nothing:  rm -r {self.folder.path}"
        if before is not None and not has_ended(before):
            go_on = f"Go on with it:  {self.folder.resume_command}"
            raise RunRefused(f'an earlier run of "{self.name}" has not ended. {go_on}\nOr {forget}')
        if before is None and self.folder.has_jobs:
            raise RunRefused(f'an earlier run of "{self.name}" has left logs of its steps, but no state. To {forget}')
        self.folder.begin_anew(store)
        metadata = {"namespace": "default", **manifest["metadata"], "name": self.name}
        metadata.pop("generateName", None)
        raw = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": manifest["spec"]}
        self._namespace = store.create("workflows", raw)["metadata"]["namespace"]

    def resume(self, asked: LocalRequest | None = None) -> None:
        """Go on with an earlier run, with what is asked of it; else what waits for a person is tried again.

        Raises RunRefused where there is none.
        """
        if not self.folder.exists:
            raise RunRefused(f'there is no run of "{self.name}" in {self.folder.path.parent}')
        store = self._open()
        raw = next(iter(store.all("workflows")), None)
        if raw is None and self.folder.has_jobs:
            lost = f"What its steps did is told in {self.folder.jobs}"
            raise RunRefused(f'the state of the run of "{self.name}" is gone: it cannot go on. {lost}')
        if raw is None:
            raise RunRefused(f'the run of "{self.name}" had not begun: run its FILE again')
        self._namespace = raw["metadata"]["namespace"]
        status = raw.get("status") or {}
        waits = status.get("reason") == Reason.WAITING_FOR_APPROVAL  # It is answered, not resumed.
        if asked is None and not waits and (verb := _RESUMED_BY.get(status.get("phase", ""))):
            asked = LocalRequest(verb)
        if asked is not None:
            self._request(asked)

    async def run(self, watcher: Watcher, said: Said) -> Raw:
        """Run until the Workflow has ended, waits for a person, or `interrupt` was called; returns the Workflow.

        Raises what makes it impossible to go on, such as OSError or Unavailable for a full disk.
        """
        store = self._opened()
        controller = Controller(store, watcher=watcher)
        at_rest = asyncio.Event()

        def look(resource: Resource, change: Change, raw: Raw) -> None:
            _FEEDS[resource, change](controller, raw)
            if resource == "workflows" and _at_rest(raw):
                at_rest.set()

        jobs = LocalJobs(store, self._namespace, self.folder.jobs, said)
        store.listen(look)
        look("workflows", "changed", self.workflow())
        jobs.resume()
        await self._until_done(controller, jobs, at_rest)
        return self.workflow()

    def cancel(self) -> None:
        """Ask the Workflow to stop and to undo what it did."""
        self.cancelled = True
        self._request(LocalRequest(Verb.CANCEL))

    def interrupt(self) -> None:
        """Stop at once: processes are killed, nothing is undone; the state stays, and can be resumed."""
        self.interrupted = True
        self._interrupt.set()

    def close(self) -> None:
        """Let go of the state."""
        if self._store is not None:
            self._store.close()
            self._store = None
        self.folder.close()

    def workflow(self) -> Raw:
        """The Workflow as it stands."""
        return self._opened().get("workflows", self.name, self._namespace) or {}

    async def _until_done(self, controller: Controller, jobs: LocalJobs, at_rest: asyncio.Event) -> None:
        working = asyncio.create_task(controller.run())
        waiting = [asyncio.create_task(event.wait()) for event in (self._interrupt, at_rest)]
        first: set[asyncio.Future[Any]] = {working, jobs.failed, *waiting}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        controller.stop()
        for one in waiting:
            one.cancel()
        if self.interrupted:
            await jobs.kill()
        await working
        if jobs.failed.done():
            jobs.failed.result()

    def _open(self) -> ObjectStore:
        self._store = self.folder.open()
        return self._store

    def _opened(self) -> ObjectStore:
        if self._store is None:
            raise RuntimeError("the run is not open")
        return self._store

    def _request(self, asked: LocalRequest) -> None:
        """Request a verb, with the time as its token."""
        token = datetime.now(UTC).isoformat()
        self.token = f"{asked.step}@{token}" if asked.step else token
        verb = asked.verb
        annotations = {verb.annotation: self.token, verb.note: asked.note, verb.outputs: asked.outputs}
        self._opened().patch("workflows", self.name, {"metadata": {"annotations": annotations}}, self._namespace)


_FEEDS: Final = {
    ("workflows", "changed"): Controller.workflow_changed,
    ("workflows", "gone"): Controller.workflow_gone,
    ("jobs", "changed"): Controller.job_changed,
    ("jobs", "gone"): Controller.job_gone,
    ("pods", "changed"): Controller.pod_changed,
    ("pods", "gone"): Controller.pod_gone,
    ("leases", "changed"): Controller.lease_changed,
    ("leases", "gone"): Controller.lease_gone,
}


def _at_rest(raw: Raw) -> bool:
    """Whether nothing more happens by itself: ended, stuck, or blocked with every undo tried and request answered."""
    if stalled_for(raw):
        return True
    status = raw.get("status") or {}
    annotations = raw["metadata"].get("annotations") or {}
    answered = {(request["verb"], request["token"]) for request in status.get("handledRequests", ())}
    if any(verb.annotation in annotations and (verb, annotations[verb.annotation]) not in answered for verb in Verb):
        return False
    if status.get("phase") not in _RESUMED_BY:
        return has_ended(raw)
    held = {step["name"] for step in raw["spec"]["steps"] if "approval" in step or _pauses(step, status)}
    forward = [step for step in status.get("steps", ()) if step["name"] not in held]
    records = [*forward, *(step.get("compensation", {}) for step in status.get("steps", ()))]
    return not {"Starting", "Running", "Retrying"}.intersection(one.get("state") for one in records)


def _pauses(step: Raw, status: Raw) -> bool:
    """Whether a step waits for its time, and that does not come nearer."""
    return "wait" in step and "suspendedTime" in status


def stalled_for(raw: Raw) -> str | None:
    """Why the controller cannot go on with a Workflow, if that is so."""
    for condition in (raw.get("status") or {}).get("conditions", ()):
        if condition["type"] == "Stalled" and condition["reason"] in _CANNOT_GO_ON:
            message: str = condition["message"]
            return message
    return None
