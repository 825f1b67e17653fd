"""Whatever is declared of a Workflow on a real API server, it comes to the right end once what is declared is good.

The small sister of tests/scenario/controller/test_declared_states.py: here the API server itself refuses what it must,
and the edits meet an operator and a Job controller that are at work. Eight Workflows are edited side by side.
"""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cluster.faults.api_server import WORKFLOWS, ApiServer, ApiServerError, Raw
from cluster.faults.person import POLL_SECONDS
from cluster.faults.trial import Trial
from cluster.manifests import fake, fake_workflow
from kubesaga.engine.verb import Verb

pytestmark = pytest.mark.timeout(300)

AT_ONCE = 8
END_SECONDS = 90
STEPS = (
    fake("a", undo=True, delay_ms=300),
    fake("b", "a", undo=True, delay_ms=1000),
    fake("c", "a", delay_ms=1500),
)
DOOMED = (*STEPS[:2], fake("c", "a", fail=True, delay_ms=1500))
ENDS = {"Succeeded", "Failed", "Cancelled", "RolledBack", "RollbackFailed", "PartiallyRolledBack"}
ASKED_FOR = {
    "Cancelled": {"cancel", "stop", "terminate"},
    "RollbackFailed": {"abandon", "terminate"},
    "PartiallyRolledBack": {"skip-compensation"},
}
ANSWERS = {"Suspended": Verb.RESUME, "RollbackBlocked": Verb.RETRY_COMPENSATION}
LAST_TOKEN = 1000
GHOST = {"name": "ghost", "state": "Running", "attempt": 1}

TOKENS = st.sampled_from(["1", "2", "3", "7", "a@1", "b@2", "c@3"])
BAD_TOKENS = st.sampled_from(["", "x", "-1", "1@", "@1", "ghost@7", "\t\u2028{}", "9" * 200, "x" * 100_000])
BAD_SPECS: tuple[Raw, ...] = (
    {"steps": []},
    {"steps": [fake("other")]},
    {"suspend": "perhaps"},
    {"parallelism": 0},
    {"parallelism": -(10**12)},
    {"timeoutSeconds": 1},
    {"onFailure": "Panic"},
)
EDITS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(list(Verb)), st.one_of(TOKENS, BAD_TOKENS)),
    st.tuples(
        st.just("ask"), st.sampled_from([Verb.SUSPEND, Verb.RESUME, Verb.CANCEL, Verb.RETRY, Verb.ROLLBACK]), TOKENS
    ),
    st.tuples(st.just("spec"), st.sampled_from([{"suspend": True}, {"suspend": False}, {"parallelism": 1}])),
    st.tuples(st.just("bad spec"), st.sampled_from(BAD_SPECS)),
    st.tuples(st.just("label"), st.sampled_from([None, "x", "not a label!"])),
    st.tuples(st.just("finalizer"), st.booleans()),
    st.tuples(st.just("status"), st.sampled_from([{"phase": "Nonsense"}, {"epoch": -5}, {"steps": "no list"}])),
    st.tuples(st.just("ghost")),
    st.tuples(st.just("pause")),
    st.tuples(st.just("pause")),
)


class Edited:
    """One Workflow, and who edits it."""

    def __init__(self, api: ApiServer, namespace: str, name: str) -> None:
        self._api = api
        self._path = f"{WORKFLOWS.format(namespace)}/{name}"
        self._steps: list[Raw] | None = None
        """The records of the operator while there is garbage in their place."""
        self.refused = 0
        """How many edits the API server did not take."""

    def edit(self, what: str, *values: Any) -> None:
        """One edit; the API server may refuse it."""
        try:
            self._edit(what, *values)
        except ApiServerError as error:
            if not 400 <= error.code < 500:
                raise
            self.refused += 1

    def _edit(self, what: str, *values: Any) -> None:
        match what, *values:
            case "ask", verb, token:
                self._api.patch(self._path, {"metadata": {"annotations": {Verb(verb).annotation: token}}})
            case (("spec" | "bad spec"), spec):
                self._api.patch(self._path, {"spec": spec})
            case "label", value:
                self._api.patch(self._path, {"metadata": {"labels": {"example.com/label": value}}})
            case "finalizer", there:
                self._api.patch(self._path, {"metadata": {"finalizers": ["example.com/held"] if there else []}})
            case "status", garbage:
                self._api.patch(f"{self._path}/status", {"status": garbage})
            case "ghost", *_:
                self._put_ghost()
            case _:
                time.sleep(POLL_SECONDS)

    def make_good(self) -> None:
        """Declare what is good."""
        if self._steps is not None:
            self._api.patch(f"{self._path}/status", {"status": {"steps": self._steps}})
        self._api.patch(self._path, {"spec": {"suspend": False}, "metadata": {"finalizers": []}})

    def decide(self, number: int) -> Raw | None:
        """Decide where somebody has to; the Workflow, once it has ended."""
        raw = self._api.get(self._path)
        phase = raw["status"].get("phase", "")
        if phase in ENDS:
            return raw
        if verb := ANSWERS.get(phase):
            self.edit("ask", verb, str(number))
        return None

    def _put_ghost(self) -> None:
        """Record a step that there is not, in the status that was read: refused where it has changed since."""
        raw = self._api.get(self._path)
        steps = raw["status"].get("steps")
        if self._steps is None and steps:
            version = {"resourceVersion": raw["metadata"]["resourceVersion"]}
            self._api.patch(f"{self._path}/status", {"metadata": version, "status": {"steps": [*steps, GHOST]}})
            self._steps = steps


@pytest.fixture(scope="module")
def namespace(trial: Trial) -> Iterator[str]:
    """A namespace with an operator."""
    with trial.namespace("declared") as name:
        trial.operators.start(name, trial.api.kubeconfig)
        yield name


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.lists(EDITS, min_size=8, max_size=16), min_size=AT_ONCE, max_size=AT_ONCE))
def test_once_all_is_good_again_every_workflow_comes_to_the_right_end(
    trial: Trial, namespace: str, edits: list[list[tuple[Any, ...]]]
) -> None:
    run = f"{random.Random(str(edits)).randrange(16**6):06x}"
    names = [f"edited-{run}-{index}" for index in range(AT_ONCE)]
    path = WORKFLOWS.format(namespace)
    for index, name in enumerate([*names, f"beside-{run}"]):
        trial.api.create(path, fake_workflow(name, [*(DOOMED if index % 3 == 1 else STEPS)]))
    edited = {name: Edited(trial.api, namespace, name) for name in names}
    for turn in range(max(map(len, edits))):
        for one, own in zip(edited.values(), edits, strict=True):
            if turn < len(own):
                one.edit(*own[turn])
    for one in edited.values():
        one.make_good()
    ended = see_all_end(edited)
    problems = {name: found for name, raw in ended.items() if (found := wrong(raw))}
    assert problems == {}
    trial.api.create(path, fake_workflow(f"after-{run}", [*STEPS]))
    wait_for_success(trial.api, namespace, f"beside-{run}", f"after-{run}")
    created = trial.jobs_created(namespace)
    assert len(created) == len(set(created)), "a Job was created twice"


def see_all_end(edited: Mapping[str, Edited]) -> dict[str, Raw]:
    """Decide where somebody has to, until all have ended."""
    end, number, ended = time.monotonic() + END_SECONDS, LAST_TOKEN, dict[str, Raw]()
    while going := edited.keys() - ended.keys():
        assert time.monotonic() < end, f"not ended in {END_SECONDS} s: {sorted(going)}"
        number += 1
        ended |= {name: raw for name in going if (raw := edited[name].decide(number)) is not None}
        time.sleep(POLL_SECONDS)
    return ended


def wrong(raw: Raw) -> list[str]:
    """What is not as it should be in the end."""
    status = raw["status"]
    accepted = {one["verb"] for one in status.get("handledRequests", ()) if one["accepted"]}
    phase, doomed = status["phase"], raw["spec"]["steps"] == [*DOOMED]
    found = []
    if phase != "Succeeded" and not doomed and not accepted & {"cancel", "stop", "terminate", "rollback"}:
        found.append(f"it is {phase}, though nothing failed and nobody asked for that")
    if phase in ASKED_FOR and not accepted & ASKED_FOR[phase]:
        found.append(f"it is {phase}, though nobody asked for that")
    found += [c["message"] for c in status["conditions"] if c["reason"] in ("ReconcileFailed", "InvalidStatus")]
    if phase == "RolledBack":
        states = {one["name"]: one for one in status["steps"]}
        found += [f"{one} is not undone" for one in "ab" if not undone(states.get(one))]
    return found


def undone(record: Raw | None) -> bool:
    """Whether the step was not attempted, or its undo succeeded."""
    if record is None or not record.get("attempted", True):
        return True
    return bool((record.get("compensation") or {}).get("state") == "Succeeded")


def wait_for_success(api: ApiServer, namespace: str, *names: str) -> None:
    """Until these Workflows have succeeded."""
    end = time.monotonic() + END_SECONDS
    while {api.workflows(namespace)[name]["status"].get("phase") for name in names} != {"Succeeded"}:
        assert time.monotonic() < end, f"{names} have not succeeded in {END_SECONDS} s"
        time.sleep(POLL_SECONDS)
