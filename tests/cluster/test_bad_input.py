"""Bad input on a real API server: what is wrong is said with its path, and nobody else notices."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from bad_manifests import BAD_MANIFESTS, BadManifest
from cluster.command import Command, CommandError
from cluster.manifests import fake, fake_workflow, text
from cluster.reading import status

pytestmark = pytest.mark.usefixtures("installed")
DROPPED = "unknown field"
"""The API server refuses unknown fields of itself only if it is asked to, as kubectl does."""
AT_THE_API_SERVER = [bad for bad in BAD_MANIFESTS if bad.crd or any(DROPPED in error for error in bad.errors)]
AT_THE_OPERATOR = [bad for bad in BAD_MANIFESTS if bad not in AT_THE_API_SERVER]


def test_what_the_definition_knows_is_refused_by_kubectl(kubectl: Command, namespace: str) -> None:
    def refusal(bad: BadManifest) -> str:
        try:
            kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(bad.manifest))
        except CommandError as refused:
            return refused.stderr
        return "nothing: it was accepted"

    with ThreadPoolExecutor(4) as pool:
        refusals = list(pool.map(refusal, AT_THE_API_SERVER))
    assert len(AT_THE_API_SERVER) > 30
    unclear = [
        (bad.sentence, said)
        for bad, said in zip(AT_THE_API_SERVER, refusals, strict=True)
        if not any(path in said for path, _, _ in bad.found)
    ]
    assert unclear == []
    assert kubectl("get", "saga", "-n", namespace, "-o", "name") == ""


def test_the_rest_is_refused_by_the_operator_and_delays_nobody(kubectl: Command, namespace: str) -> None:
    bad = [{**bad.manifest, "metadata": {"name": f"bad-{index}"}} for index, bad in enumerate(AT_THE_OPERATOR)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(*bad, fake_workflow("good", [fake("a"), fake("b", "a")])))
    kubectl("wait", "saga/good", "-n", namespace, "--for=condition=Succeeded", "--timeout=20s")
    names = [f"saga/bad-{index}" for index in range(len(bad))]
    kubectl("wait", *names, "-n", namespace, "--for=condition=Stalled", "--timeout=20s")
    unclear = []
    for index, expected in enumerate(AT_THE_OPERATOR):
        found = status(kubectl, f"bad-{index}", namespace)
        assert (found["phase"], found["failure"]["reason"]) == ("Failed", "InvalidSpec")
        missing = [error for error in expected.errors if error not in found["failure"]["message"]]
        if missing:
            unclear.append((expected.sentence, found["failure"]["message"], missing))
    assert unclear == []
    assert len(kubectl("get", "jobs", "-n", namespace, "-o", "name").split()) == 2, "only the good one has Jobs"


def test_a_spec_that_is_mended_before_it_has_started_runs(kubectl: Command, namespace: str) -> None:
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow("late", [fake("a", "ghost")])))
    kubectl("wait", "saga/late", "-n", namespace, "--for=condition=Stalled", "--timeout=20s")
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(fake_workflow("late", [fake("a")])))
    kubectl("wait", "saga/late", "-n", namespace, "--for=condition=Succeeded", "--timeout=20s")


GARBAGE = {
    "a step that is not in the spec": {"name": "ghost", "state": "Running", "attempt": 1},
    "a step whose dependency has not succeeded": {"name": "last", "state": "Succeeded", "attempt": 1},
}


@pytest.mark.parametrize("record", GARBAGE.values(), ids=GARBAGE)
def test_garbage_in_one_status_affects_that_one_alone(kubectl: Command, namespace: str, record: dict) -> None:
    steps = [fake("first", delay_ms=4000), fake("next", "first"), fake("last", "next")]
    sagas = [fake_workflow(name, steps) for name in ("garbage", "one", "other")]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(*sagas))
    kubectl("wait", "saga/garbage", "-n", namespace, "--for=jsonpath={.status.phase}=Running", "--timeout=20s")
    right = status(kubectl, "garbage", namespace)["steps"]
    patch_steps(kubectl, namespace, [*right, record])
    kubectl("wait", "saga/garbage", "-n", namespace, "--for=condition=Stalled", "--timeout=20s")
    stalled = next(c for c in status(kubectl, "garbage", namespace)["conditions"] if c["type"] == "Stalled")
    assert record["name"] in stalled["message"]
    kubectl("wait", "saga/one", "saga/other", "-n", namespace, "--for=condition=Succeeded", "--timeout=30s")
    patch_steps(kubectl, namespace, right)
    kubectl("wait", "saga/garbage", "-n", namespace, "--for=condition=Succeeded", "--timeout=30s")
    assert len(kubectl("get", "jobs", "-n", namespace, "-o", "name").split()) == 9, "three of each, and no more"


def patch_steps(kubectl: Command, namespace: str, steps: list[dict]) -> None:
    patch = json.dumps({"status": {"steps": steps}})
    kubectl("patch", "saga/garbage", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)


def test_garbage_in_an_annotation_is_answered_and_affects_nobody(kubectl: Command, namespace: str) -> None:
    sagas = [fake_workflow(name, [fake("a", delay_ms=2000), fake("b", "a")]) for name in ("garbage", "other")]
    sagas[0]["metadata"]["annotations"] = {
        "kubesaga.dev/cancel": "\t{not a token}\u2028" * 50,
        "kubesaga.dev/retry-compensation": "",
        "kubesaga.dev/no-such-verb": "1",
    }
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(*sagas))
    kubectl("wait", "saga", "--all", "-n", namespace, "--for=condition=Succeeded", "--timeout=30s")
    answers = {answer["verb"]: answer for answer in status(kubectl, "garbage", namespace)["handledRequests"]}
    assert not any(answer["accepted"] for answer in answers.values())
    assert "cancel" in answers
