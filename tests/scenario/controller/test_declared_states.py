"""Whatever is declared of a Workflow on the way, it comes to the right end once what is declared is good again.

Hypothesis edits one Workflow as people and their tools do: good and bad tokens of every verb, suspend and parallelism,
labels, finalizers of others, garbage in the status, Jobs that end well or badly, operators that are killed. Then all is
made good: the garbage goes, nothing is suspended, every Job succeeds, and who has to decide does.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from test_controller import FEEDS
from virtual_time import run, virtual_now

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.api.names import ANNOTATION_WORKFLOW, LABEL_DIRECTION, LABEL_EPOCH, LABEL_STEP, LABEL_TOMBSTONE
from kubesaga.controller.controller import Controller
from kubesaga.engine.verb import Verb
from kubesaga.runner.job_status import ended, job_complete, job_failed
from kubesaga.runner.object_store import ObjectStore

Raw = dict[str, Any]
STEPS = ("a", "b", "c")
UNDO = {"container": {"image": "i"}, "retry": {"limit": 0}}
SPEC: Raw = {
    "steps": [
        {"name": "a", "container": {"image": "i"}, "compensate": UNDO},
        {"name": "b", "container": {"image": "i"}, "compensate": UNDO, "dependsOn": ["a"]},
        {"name": "c", "container": {"image": "i"}, "dependsOn": ["a"]},
    ]
}
ENDS = {"Succeeded", "Failed", "Cancelled", "RolledBack", "RollbackFailed", "PartiallyRolledBack"}
ASKED_FOR = {
    "Cancelled": {"cancel", "stop", "terminate"},
    "RollbackFailed": {"abandon", "terminate"},
    "PartiallyRolledBack": {"skip-compensation"},
}
"""The ends that come of a request only, and of which."""
ANSWERS = {"Suspended": Verb.RESUME, "RollbackBlocked": Verb.RETRY_COMPENSATION}
"""What a person does about a Workflow that waits for one."""
END_SECONDS, MOMENT_SECONDS = 600.0, 1.5
LAST_TOKEN = 1000
"""Tokens of the end are greater than any that was edited in."""

TOKENS = st.builds(lambda number, at: f"{at}{number}", st.integers(0, 9), st.sampled_from(["", "", "a@", "b@", "c@"]))
BAD_TOKENS = st.sampled_from(["", "x", "-1", "1@", "@1", "ghost@7", "a@b@2", "\t\u2028{}", "9" * 200, "2020-01-01"])
COMMON = (Verb.SUSPEND, Verb.RESUME, Verb.CANCEL, Verb.RETRY, Verb.ROLLBACK, Verb.RETRY_COMPENSATION)
GARBAGE: tuple[Raw, ...] = (
    {"phase": "Nonsense"},
    {"steps": "no list"},
    {"steps": [{"name": "ghost", "state": "Running", "attempt": 1}]},
    {"steps": [{"name": "c", "state": "Succeeded", "attempt": 1}]},
    {"steps": [{"name": "a", "state": "Running", "attempt": 0}]},
    {"epoch": -5},
    {"conditions": [None, 7, {"type": "Ready"}]},
    {"handledRequests": [{"verb": "cancel"}]},
    {"rollback": {"startTime": "never"}},
)
EDITS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(COMMON), TOKENS),
    st.tuples(st.just("ask"), st.sampled_from(list(Verb)), st.one_of(TOKENS, BAD_TOKENS)),
    st.tuples(st.just("suspend"), st.sampled_from([True, False, None])),
    st.tuples(st.just("parallelism"), st.sampled_from([1, 2, 1000, None])),
    st.tuples(st.just("label"), st.sampled_from([None, "", "x"])),
    st.tuples(st.just("finalizer"), st.booleans()),
    st.tuples(st.just("status"), st.sampled_from(GARBAGE)),
    st.tuples(st.just("jobs"), st.sampled_from(STEPS), st.booleans()),
    st.tuples(st.just("jobs"), st.sampled_from(STEPS), st.booleans()),
    st.tuples(st.just("kill")),
    st.tuples(st.just("wait")),
    st.tuples(st.just("wait")),
)
"""An edit is a word and its values, so that a counterexample can be read."""


class Store(ObjectStore):
    """A store that plays the Job controller, too, and notes what an operator may never do."""

    def __init__(self) -> None:
        uids = iter(range(10**9))
        super().__init__(now=virtual_now, new_uid=lambda: f"uid-{next(uids)}")
        self.succeeding = False
        """Whether every Job of the Workflow succeeds by itself; those of others do."""
        self.wrong: list[str] = []
        self.failed = 0
        """How many Jobs have failed that nobody stopped."""
        self.good: Raw | None = None
        """The status that the operator wrote last, before somebody put garbage in its place."""
        self.garbage = False
        self._undone: set[str] = set()
        """Epochs in which an undo has begun."""
        self.listen(self._play)

    async def create_job(self, namespace: str, manifest: Any) -> Raw:
        raw = await super().create_job(namespace, manifest)
        if _workflow(raw) == "order":
            self._judge(raw)
        return raw

    async def patch_status(self, namespace: str, name: str, operations: Sequence[Any]) -> Raw:
        raw = await super().patch_status(namespace, name, operations)
        if name == "order" and not self.garbage:
            self.good = raw["status"]
        conditions = raw["status"].get("conditions") or []
        self.wrong += [c["message"] for c in conditions if (c or {}).get("reason") == "ReconcileFailed"]
        return raw

    def put_garbage(self, status: Raw) -> None:
        """Somebody writes the status who should not."""
        self.garbage = True
        self.set_status("workflows", "order", status)

    def restore(self) -> None:
        """Put the operator's own status back."""
        if self.garbage and self.good is not None:
            self.set_status("workflows", "order", self.good)
        elif self.garbage:
            self.set_status("workflows", "order", {"observedGeneration": -1})
        self.garbage = False

    def end_jobs(self, step: str, *, well: bool) -> None:
        """What runs of a step ends so."""
        for job in self.order_jobs():
            if job["metadata"]["labels"][LABEL_STEP] == step:
                self._end(job, well=well)

    def order_jobs(self) -> list[Raw]:
        """The Jobs of the Workflow."""
        return [job for job in self.all("jobs") if _workflow(job) == "order"]

    def let_all_succeed(self) -> None:
        """Whatever runs, and will run, succeeds."""
        self.succeeding = True
        for job in self.order_jobs():
            self._end(job, well=True)

    def _play(self, resource: str, change: str, raw: Raw) -> None:
        """Jobs take a moment; those that are stopped end."""
        if resource == "jobs" and change == "changed" and not ended(raw):
            asyncio.get_running_loop().call_later(0.1, self._go_on, raw["metadata"]["name"])

    def _go_on(self, name: str) -> None:
        job = self.get("jobs", name)
        if job is not None and (_stopped(job) or self.succeeding or _workflow(job) != "order"):
            self._end(job, well=True)

    def _end(self, job: Raw, *, well: bool) -> None:
        if ended(job) or job["spec"].get("suspend"):
            return
        now, before = "2026-01-01T00:00:00Z", job.get("status") or {}
        stopped = _stopped(job)
        self.failed += not well and not stopped
        status = job_complete(before, now) if well and not stopped else job_failed(before, now, overdue=stopped)
        self.set_status("jobs", job["metadata"]["name"], status)

    def _judge(self, job: Raw) -> None:
        """A Job of the Workflow was created: was it allowed to be?"""
        labels = job["metadata"]["labels"]
        epoch = labels[LABEL_EPOCH]
        if LABEL_TOMBSTONE in labels:
            return
        if labels[LABEL_DIRECTION] == "Forward" and epoch in self._undone:
            self.wrong.append(f"{job['metadata']['name']} was created after the first undo of epoch {epoch}")
        if labels[LABEL_DIRECTION] == "Compensation":
            self._undone.add(epoch)
            forward = [one for one in self.order_jobs() if one["metadata"]["labels"][LABEL_DIRECTION] == "Forward"]
            running = [one for one in forward if not ended(one) and not one["spec"].get("suspend")]
            self.wrong += [f"{job['metadata']['name']} began while {one['metadata']['name']} ran" for one in running]


class World:
    """The Workflow, who edits it, and the operator."""

    def __init__(self) -> None:
        self.store = Store()
        self.accepted: set[str] = set()
        """The verbs that were accepted once, also in a status that somebody has overwritten since."""
        self._operator: asyncio.Task[None] | None = None
        self._controller: Controller | None = None
        self.store.listen(self._tell)

    def start(self) -> None:
        """Start an operator that knows nothing."""
        self._controller = Controller(self.store, now=virtual_now)
        self._operator = asyncio.create_task(self._controller.run())

    async def kill(self) -> None:
        """End the operator wherever it is."""
        assert self._operator is not None
        self._controller = None
        self._operator.cancel()
        await asyncio.gather(self._operator, return_exceptions=True)

    def create(self, name: str) -> None:
        """A Workflow of the three steps."""
        self.store.create(
            "workflows", {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": SPEC}
        )

    def status(self, name: str = "order") -> Raw:
        """What a Workflow says."""
        found = self.store.get("workflows", name)
        return (found or {}).get("status") or {}

    async def edit(self, what: str, *values: Any) -> None:
        """One edit."""
        match what, *values:
            case "ask", verb, token:
                self._patch({"metadata": {"annotations": {Verb(verb).annotation: token}}})
            case ("suspend" | "parallelism") as field, value:
                self._patch({"spec": {field: value}})
            case "label", value:
                self._patch({"metadata": {"labels": {"example.com/label": value}}})
            case "finalizer", there:
                self._patch({"metadata": {"finalizers": ["example.com/held"] if there else []}})
            case "status", garbage:
                self.store.put_garbage(garbage)
            case "jobs", step, well:
                self.store.end_jobs(step, well=well)
            case "kill", *_:
                await self.kill()
                self.start()
            case _:
                await asyncio.sleep(MOMENT_SECONDS)

    async def make_good(self) -> None:
        """Declare what is good, and decide where somebody has to, until the Workflow has ended."""
        self.store.restore()
        self._patch({"spec": {"suspend": False}, "metadata": {"finalizers": []}})
        self.store.let_all_succeed()
        async with asyncio.timeout(END_SECONDS):
            for number in range(LAST_TOKEN, 2 * LAST_TOKEN):
                await asyncio.sleep(MOMENT_SECONDS)
                if self.status().get("phase") in ENDS:
                    return
                if verb := ANSWERS.get(self.status().get("phase", "")):
                    await self.edit("ask", verb, str(number))

    async def is_handled(self, name: str) -> bool:
        """Whether another Workflow comes to its end."""
        if self.store.get("workflows", name) is None:
            self.create(name)
        await asyncio.sleep(10 * MOMENT_SECONDS)
        return bool(self.status(name).get("phase") == "Succeeded")

    async def is_quiet(self) -> bool:
        """Whether nothing is written in a while, in which everything is listed anew."""
        before = self.store.get("workflows", "order")
        await asyncio.sleep(END_SECONDS)
        return bool(self.store.get("workflows", "order") == before)

    def _patch(self, patch: Raw) -> None:
        self.store.patch("workflows", "order", patch)

    def _tell(self, resource: Any, change: Any, raw: Raw) -> None:
        handled = (raw.get("status") or {}).get("handledRequests")
        if raw["metadata"]["name"] == "order" and isinstance(handled, list):
            self.accepted |= {one["verb"] for one in handled if isinstance(one, dict) and one.get("accepted")}
        if self._controller is not None:
            getattr(self._controller, FEEDS[resource, change])(raw)


@settings(max_examples=100, deadline=None)
@given(st.lists(EDITS, min_size=6, max_size=30))
def test_once_all_is_good_again_the_workflow_comes_to_the_right_end(edits: list[tuple[Any, ...]]) -> None:
    async def story() -> None:
        world = World()
        world.start()
        world.create("order")
        world.create("beside")
        for edit in edits:
            await world.edit(*edit)
            await asyncio.sleep(0)
        assert await world.is_handled("beside"), "another Workflow is held up"
        await world.make_good()
        event(f"it ends as {world.status()['phase']}")
        assert problems(world) == []
        assert await world.is_handled("after"), "another Workflow is held up"
        assert await world.is_quiet()
        await world.kill()

    run(story)


def problems(world: World) -> list[str]:
    """What is not as it should be in the end."""
    status, store = world.status(), world.store
    found = list(store.wrong)
    phase = status["phase"]
    if phase != "Succeeded" and not store.failed and not world.accepted & {"cancel", "stop", "terminate", "rollback"}:
        found.append(f"it is {phase}, though nothing failed and nobody asked for that")
    if phase in ASKED_FOR and not world.accepted & ASKED_FOR[phase]:
        found.append(f"it is {phase}, though nobody asked for that")
    records = {step["name"]: step for step in status.get("steps", ())}
    if phase == "Succeeded":
        found += [
            f"{step} has not succeeded" for step in STEPS if records[step]["state"] not in ("Succeeded", "Skipped")
        ]
    if phase == "RolledBack":
        found += [f"{step} is not undone" for step in left(store, records)]
    return found


def left(store: Store, records: Raw) -> list[str]:
    """The steps that ran, declare an undo, and whose undo did not succeed."""
    ran = {
        job["metadata"]["labels"][LABEL_STEP]
        for job in store.order_jobs()
        if job["metadata"]["labels"][LABEL_DIRECTION] == "Forward" and LABEL_TOMBSTONE not in job["metadata"]["labels"]
    }
    undone = {name for name, one in records.items() if (one.get("compensation") or {}).get("state") == "Succeeded"}
    return sorted((ran & {"a", "b"}) - undone)


def _workflow(job: Raw) -> str:
    return str(job["metadata"]["annotations"][ANNOTATION_WORKFLOW])


def _stopped(job: Raw) -> bool:
    return bool(job["spec"].get("activeDeadlineSeconds") == 1)
