"""The outcome table on a real cluster: what kubectl, and whoever follows kstatus, is told of each way to stand or end.

The Workflows run side by side; each row is a test.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cluster.command import Command
from cluster.manifests import fake_workflow, text
from kstatus import kstatus
from outcomes import ROWS, Row

pytestmark = pytest.mark.usefixtures("installed")

AT_ONCE = 8
LONG_MS = "600000"
Raw = dict[str, Any]


@pytest.fixture(scope="module")
def ended(kubectl: Command, module_namespace: str, installed: str) -> Mapping[str, Raw]:
    """Every row's Workflow, once it stands as it should."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda row: play(kubectl, module_namespace, row), ROWS)
        return dict(zip(map(str, ROWS), found, strict=True))


def play(kubectl: Command, namespace: str, row: Row) -> Raw:
    """Let everything happen that happens."""
    if row.beside:
        lasting = [{"name": "a", "container": {"image": "fake", "env": [{"name": "FAKE_DELAY_MS", "value": LONG_MS}]}}]
        other = fake_workflow(row.beside, lasting, concurrency={"key": row.spec["concurrency"]["key"]})
        kubectl("create", "-n", namespace, "-f", "-", stdin=text(other))
        kubectl(
            "wait", f"saga/{row.beside}", "-n", namespace, "--for=jsonpath={.status.phase}=Running", "--timeout=90s"
        )
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(manifest(row)))
    for reason, verb, token in row.asked:
        wait_for_reason(kubectl, namespace, row, reason)
        kubectl("annotate", f"saga/{row.slug}", "-n", namespace, f"kubesaga.dev/{verb}={token}")
    wait(kubectl, namespace, row, f"jsonpath={{.status.phase}}={row.phase}")
    wait_for_reason(kubectl, namespace, row, row.reason)
    wait(kubectl, namespace, row, f"condition=Succeeded={row.succeeded}")
    raw: Raw = json.loads(kubectl("get", "saga", row.slug, "-n", namespace, "-o", "json"))
    return raw


def wait_for_reason(kubectl: Command, namespace: str, row: Row, reason: str) -> None:
    wait(kubectl, namespace, row, f"jsonpath={{.status.reason}}={reason}")
    if reason == "Finally":  # It is so a moment before the first of them runs.
        wait(kubectl, namespace, row, "jsonpath={.status.finally.steps[0].state}=Running")


def wait(kubectl: Command, namespace: str, row: Row, what: str) -> None:
    kubectl("wait", f"saga/{row.slug}", "-n", namespace, f"--for={what}", "--timeout=90s")


def manifest(row: Row) -> Raw:
    """The Workflow of a row, on the fake node."""
    before, steps = None, []
    for name, fields in row.steps.items():
        made = {"name": name, "dependsOn": [before] if before else [], "container": fake(row, name), **fields}
        if "compensate" in made:
            made["compensate"] = {**made["compensate"], "container": fake(row, f"undo-{name}")}
        if "fallback" in made:
            undo = {**made["fallback"]["compensate"], "container": fake(row, f"undo-fallback-{name}")}
            made["fallback"] = {**made["fallback"], "container": fake(row, f"fallback-{name}"), "compensate": undo}
        steps.append({key: value for key, value in made.items() if value is not None})
        before = name
    spec = dict(row.spec)
    if "finally" in spec:
        spec["finally"] = [{**last, "container": fake(row, last["name"])} for last in spec["finally"]]
    return fake_workflow(row.slug, steps, **spec)


def fake(row: Row, what: str) -> Raw:
    """A container that ends as the row says."""
    env = [{"name": "FAKE_FAIL", "value": "true"}] if what in row.fails else []
    env += [{"name": "FAKE_DELAY_MS", "value": LONG_MS}] if what in row.lasts else []
    return {"image": "fake", **({"env": env} if env else {})}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_workflow_says_how_it_stands(ended: Mapping[str, Raw], row: Row) -> None:
    status = ended[str(row)]["status"]
    conditions = {one["type"]: one for one in status["conditions"]}
    assert (status["phase"], conditions["Succeeded"]["status"]) == (row.phase, row.succeeded)
    assert conditions["Succeeded"]["reason"] == status["reason"] == row.reason
    assert conditions.keys() - {"Succeeded", "Ready"} == row.while_true
    assert row.message in conditions["Succeeded"].get("message", "")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_kstatus_reads_it_right(ended: Mapping[str, Raw], row: Row) -> None:
    assert kstatus(ended[str(row)]) == row.kstatus


def test_kubectl_shows_it_in_columns(
    kubectl: Command,
    ended: Mapping[str, Raw],
    module_namespace: str,
) -> None:
    head, *lines = kubectl("get", "saga", "-n", module_namespace).splitlines()
    assert head.split() == ["NAME", "PHASE", "STEPS", "ROLLBACK", "REASON", "AGE"]
    places = {title: head.index(title) for title in head.split()}
    shown = {line.split()[0]: line for line in lines}
    for row in ROWS:
        line = shown[row.slug]
        assert line[places["PHASE"] :].split()[0] == row.phase
        assert line[places["ROLLBACK"] : places["REASON"]].strip() == row.rollback
        assert line[places["REASON"] :].split()[0] == row.reason


@pytest.mark.parametrize("row", [row for row in ROWS if "Reconciling" not in row.while_true], ids=str)
def test_an_event_tells_of_every_end_and_of_whatever_waits_for_a_person(
    kubectl: Command, ended: Mapping[str, Raw], module_namespace: str, row: Row
) -> None:
    uid = ended[str(row)]["metadata"]["uid"]
    events = kubectl(
        "get", "events", "-n", module_namespace, "-o", "json", f"--field-selector=involvedObject.uid={uid}"
    )
    reasons = {event["reason"] for event in json.loads(events)["items"]}
    if row.reason == "Suspended":
        return  # The answer to the request, or nobody but the spec, has told of it.
    assert {row.phase, row.reason} & reasons
