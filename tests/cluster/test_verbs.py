"""Every verb, asked for by its command: where it applies and where it does not, twice at once, again, and unheard.

The Workflows run side by side; each test is a promise that is kept for every verb.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from cluster.command import Command
from cluster.manifests import text
from cluster.reading import status
from cluster.verbs import CASES, Case, State

pytestmark = pytest.mark.usefixtures("installed")

AT_ONCE = 7
Result = tuple[int, str, str]


@dataclass(frozen=True)
class Told:
    """What came of one verb."""

    refused: Result
    """Where it does not apply."""
    twice: list[Result]
    """Where it applies, asked for twice at once."""
    answers: list[dict[str, Any]]
    """The answers in the status then."""
    again: list[dict[str, Any]]
    """The same after the last token was set once more."""
    events: list[str]


@pytest.fixture(scope="module")
def told(kubectl: Command, module_namespace: str, saga, installed: str) -> dict[str, Told]:
    """Every verb, asked for."""
    place = Place(kubectl, saga, module_namespace)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(map(str, CASES), pool.map(place.ask, CASES), strict=True))


@dataclass(frozen=True)
class Place:
    """A namespace."""

    kubectl: Command
    saga: Callable[..., Result]
    namespace: str

    def ask(self, case: Case) -> Told:
        """Ask for a verb in every way."""
        wrong, right = f"{case}-wrong", f"{case}-right"
        self.begin(wrong, case.wrong)
        refused = self.call(case, wrong, case.wrong_step or case.step)
        self.begin(right, case.applies)
        with ThreadPoolExecutor(2) as pool:
            twice = list(pool.map(lambda _: self.call(case, right, case.step, *case.arguments), range(2)))
        self.wait(right, case.done)
        answers = self.answers(right, case.verb)
        return Told(refused, twice, answers, self.ask_again(right, case), self.events(right))

    def begin(self, name: str, state: State) -> None:
        """A Workflow in that state."""
        self.kubectl("create", "-n", self.namespace, "-f", "-", stdin=text(state.manifest(name)))
        if state.asked is not None:
            assert self.saga(state.asked, name, "-n", self.namespace)[0] == 0
        self.wait(name, state.reached)

    def call(self, case: Case, name: str, step: str | None, *arguments: str) -> Result:
        """What the command says."""
        return self.saga(case.verb, name, *([step] if step else []), "-n", self.namespace, *arguments)

    def wait(self, name: str, jsonpath: str) -> None:
        """Until the status says so."""
        self.kubectl("wait", f"saga/{name}", "-n", self.namespace, f"--for=jsonpath={jsonpath}", "--timeout=90s")

    def answers(self, name: str, verb: str) -> list[dict[str, Any]]:
        """What was asked by that verb, and answered."""
        handled = status(self.kubectl, name, self.namespace)["handledRequests"]
        return [one for one in handled if one["verb"] == verb]

    def ask_again(self, name: str, case: Case) -> list[dict[str, Any]]:
        """Set the last token anew, and see that the operator has read it: it answers what is set with it."""
        raw = json.loads(self.kubectl("get", "saga", name, "-n", self.namespace, "-o", "json"))
        token = raw["metadata"]["annotations"][f"kubesaga.dev/{case.verb}"]
        other = "abandon" if case.verb != "abandon" else "cancel"
        set_anew = [f"kubesaga.dev/{case.verb}={token}", f"kubesaga.dev/{other}=nonsense"]
        self.kubectl("annotate", f"saga/{name}", "-n", self.namespace, "--overwrite", *set_anew)
        self.wait(name, '{.status.handledRequests[?(@.token=="nonsense")].accepted}=false')
        return self.answers(name, case.verb)

    def events(self, name: str) -> list[str]:
        """The Events that tell of requests."""
        told = self.kubectl(
            "get", "events", "-n", self.namespace, "-o", "json", "--field-selector", f"involvedObject.name={name}"
        )
        found = [event for event in json.loads(told)["items"] if event["reason"].startswith("Request")]
        return [f"{event['reason']}: {event['message']}" for event in found]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_where_it_does_not_apply_it_is_refused_in_words(told: dict[str, Told], case: Case) -> None:
    code, out, err = told[str(case)].refused
    assert (code, out) == (1, "")
    assert " refused: " in err
    assert case.refusal in err


@pytest.mark.parametrize("case", CASES, ids=str)
def test_where_it_applies_it_is_accepted_and_done(told: dict[str, Told], case: Case) -> None:
    accepted = [out for code, out, _ in told[str(case)].twice if code == 0]
    assert accepted, told[str(case)].twice
    assert all(f": {case.verb}" in out and " accepted: " in out for out in accepted)
    assert any(event.startswith(f"RequestAccepted: {case.verb} ") for event in told[str(case)].events)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_asked_for_twice_at_once_it_is_done_once_and_both_have_an_answer(told: dict[str, Told], case: Case) -> None:
    for code, out, err in told[str(case)].twice:
        assert (code, bool(out), bool(err)) in ((0, True, False), (1, False, True))
        assert " accepted: " in out or " refused: " in err
    assert sum(one["accepted"] for one in told[str(case)].answers) == 1


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_same_token_again_asks_for_nothing(told: dict[str, Told], case: Case) -> None:
    assert told[str(case)].again == told[str(case)].answers


def test_what_nobody_hears_is_done_when_the_operator_is_back(
    kubectl: Command, namespace: str, saga, installed: str
) -> None:
    place = Place(kubectl, saga, namespace)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda case: place.begin(str(case), case.applies), CASES))
        kubectl("scale", "deployment/kubesaga", "-n", installed, "--replicas=0")
        kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=kubesaga", "-n", installed)
        try:
            for case in CASES:
                step = f" {case.step}" if case.step else ""
                code, out, _ = place.call(case, str(case), case.step, *case.arguments, "--timeout", "0")
                assert (code, out) == (0, f"workflow.kubesaga.dev/{case}: {case.verb}{step} requested\n")
        finally:
            kubectl("scale", "deployment/kubesaga", "-n", installed, "--replicas=1")
            kubectl("rollout", "status", "deployment/kubesaga", "-n", installed)
        list(pool.map(lambda case: place.wait(str(case), case.done), CASES))
    for case in CASES:
        assert [one["accepted"] for one in place.answers(str(case), case.verb)] == [True]
