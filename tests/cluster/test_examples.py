"""The examples, with the operator as users get it: from the real image, by Helm, on real containers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.audit import AuditLog
from cluster.command import Command, CommandError
from cluster.manifests import EXAMPLES, example, shell, text, with_ledger, workflow
from cluster.reading import status

pytestmark = pytest.mark.usefixtures("installed")
NASTY = {
    "a variable of the kubelet": "$(KUBESAGA_STEP)",
    "two dollars": "$$",
    "another parameter": "$(params.other)",
    "lines": "one\ntwo\n",
    "quotes": "\"'`",
    "an injection": '"; rm -rf / #',
}


ASKING = {"release-approval": "sign-off"}
"""Examples that ask a person, and the step that does."""


def test_every_example_can_be_applied_and_ends_well(
    kubectl: Command, namespace: str, saga: Callable[..., tuple[int, str, str]]
) -> None:
    names = [path.stem for path in sorted(EXAMPLES.glob("*.yaml")) if "failing" not in path.stem]
    assert len(names) >= 3
    for name in names:
        kubectl("apply", "-n", namespace, "-f", str(EXAMPLES / f"{name}.yaml"))
    for name, step in ASKING.items():
        asks = "--for=jsonpath={.status.reason}=WaitingForApproval"
        kubectl("wait", f"saga/{name}", "-n", namespace, asks, "--timeout=120s")
        assert saga("approve", name, step, "-n", namespace)[0] == 0
    for name in names:
        kubectl("wait", f"saga/{name}", "-n", namespace, "--for=condition=Succeeded", "--timeout=120s")
        kubectl("wait", f"saga/{name}", "-n", namespace, "--for=condition=Ready", "--timeout=1s")


def test_the_failing_saga_is_undone_in_reverse_order(kubectl: Command, namespace: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.txt"
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(example("order-saga-failing", ledger)))
    kubectl("wait", "saga/order-saga-failing", "-n", namespace, "--for=condition=Succeeded=False", "--timeout=120s")
    lines = [line.split(":")[0] for line in ledger.read_text().splitlines()]
    assert lines[0] == "check-order"
    assert sorted(lines[1:3]) == ["charge-card", "reserve-stock"]
    assert sorted(lines[3:]) == ["refund-card", "release-stock"], "each undo once, after every step"
    row = kubectl("get", "saga", "-n", namespace)
    head, first = row.splitlines()
    assert head.split() == ["NAME", "PHASE", "STEPS", "ROLLBACK", "REASON", "AGE"]
    assert first.split()[:5] == ["order-saga-failing", "RolledBack", "3/4", "2/2", "RolledBack"]
    assert "no courier takes res-4711" in status(kubectl, "order-saga-failing", namespace)["failure"]["message"]
    events = kubectl("get", "events", "-n", namespace, "--field-selector=involvedObject.kind=Workflow", "-o", "name")
    assert events.strip()


def test_the_data_load_does_what_its_conditions_say_and_tells_what_it_tolerated(
    kubectl: Command, namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f", str(EXAMPLES / "data-load.yaml"))
    kubectl("wait", "saga/data-load", "-n", namespace, "--for=condition=Succeeded", "--timeout=120s")
    reached = status(kubectl, "data-load", namespace)
    assert (reached["phase"], reached["reason"], reached["progress"]) == ("Succeeded", "PartiallySucceeded", "5/6")
    records = {record["name"]: (record["state"], record.get("reason")) for record in reached["steps"]}
    assert records["fetch-main"] == ("Failed", "JobFailed")
    assert records["convert"] == ("Skipped", "ConditionFalse")
    assert {records[name] for name in ("fetch-mirror", "tell", "load", "publish")} == {("Succeeded", None)}
    jobs = kubectl("get", "jobs", "-n", namespace, "-o", "jsonpath={.items[*].metadata.labels.kubesaga\\.dev/step}")
    assert sorted(jobs.split()) == ["fetch-main", "fetch-mirror", "load", "publish", "tell"], "none for what is skipped"


def test_the_payment_goes_by_its_fallback_and_both_ways_are_undone_on_request(kubectl: Command, namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", str(EXAMPLES / "payment-fallback.yaml"))
    kubectl("wait", "saga/payment-fallback", "-n", namespace, "--for=condition=Succeeded", "--timeout=120s")
    reached = status(kubectl, "payment-fallback", namespace)
    assert (reached["reason"], reached["steps"][0]["outputs"]) == ("SucceededWithFallback", {"paid-by": "invoice"})
    kubectl("annotate", "saga/payment-fallback", "-n", namespace, "kubesaga.dev/rollback=1")
    kubectl(
        "wait", "saga/payment-fallback", "-n", namespace, "--for=jsonpath={.status.phase}=RolledBack", "--timeout=120s"
    )
    jobs = json.loads(kubectl("get", "jobs", "-n", namespace, "-o", "json"))["items"]
    made = sorted(jobs, key=lambda job: (job["metadata"]["creationTimestamp"], job["metadata"]["name"]))
    labels = [job["metadata"]["labels"] for job in made]
    assert [(one["kubesaga.dev/step"], one["kubesaga.dev/direction"]) for one in labels] == [
        ("charge", "Forward"),  # Once: its exit code is not worth another attempt.
        ("charge", "Fallback"),
        ("ship", "Forward"),
        ("charge", "Compensation"),
        ("charge", "Compensation"),
    ]
    first, second = (job["spec"]["template"]["spec"]["containers"][0]["args"][0] for job in made[-2:])
    assert ("the invoice" in first, "is refunded" in second) == (True, True)


def test_a_second_apply_of_the_same_manifest_changes_nothing(
    kubectl: Command, namespace: str, audit_log: AuditLog
) -> None:
    file = str(EXAMPLES / "order-saga.yaml")
    kubectl("apply", "-n", namespace, "-f", file)
    kubectl("wait", "saga/order-saga", "-n", namespace, "--for=condition=Succeeded", "--timeout=120s")
    before = kubectl("get", "saga,jobs", "-n", namespace, "-o", "jsonpath={.items[*].metadata.resourceVersion}")
    mark = audit_log.mark()
    assert "unchanged" in kubectl("apply", "-n", namespace, "-f", file)
    after = kubectl("get", "saga,jobs", "-n", namespace, "-o", "jsonpath={.items[*].metadata.resourceVersion}")
    assert before == after
    assert [
        call for call in audit_log.requests(mark, namespace=namespace) if call.writes and call.agent == "kubesaga"
    ] == []


def test_deleting_a_workflow_leaves_no_job_and_no_pod(kubectl: Command, namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(workflow("slow", [shell("wait", "sleep 600")])))
    kubectl("wait", "pod", "-n", namespace, "--all", "--for=create", "--timeout=60s")
    kubectl("wait", "pod", "-n", namespace, "--all", "--for=jsonpath={.status.phase}=Running", "--timeout=60s")
    kubectl("delete", "saga/slow", "-n", namespace)
    kubectl("wait", "job,pod", "-n", namespace, "--all", "--for=delete", "--timeout=90s")
    assert kubectl("get", "jobs,pods", "-n", namespace, "-o", "name") == ""


def test_parameter_values_reach_a_container_as_exactly_these_bytes(
    kubectl: Command, namespace: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "bytes"
    parameters = [{"name": f"p{i}", "value": value} for i, value in enumerate(NASTY.values())]
    script = "".join(f'printf "%s\\0" "$P{i}"; ' for i in range(len(NASTY)))
    step = shell("print", f'{{ {script} for a in "$@"; do printf "%s\\0" "$a"; done; }} > "$LEDGER"')
    step["container"]["env"] = [{"name": f"P{i}", "value": f"$(params.p{i})"} for i in range(len(NASTY))]
    step["container"]["args"] += ["zero", *(f"$(params.p{i})" for i in range(len(NASTY)))]
    manifest = with_ledger(
        workflow("nasty", [step], parameters=[*parameters, {"name": "other", "value": "no"}]), ledger
    )
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(manifest))
    kubectl("wait", "saga/nasty", "-n", namespace, "--for=condition=Succeeded", "--timeout=60s")
    assert ledger.read_text().split("\0")[:-1] == [*NASTY.values(), *NASTY.values()]


def test_a_cancel_stops_what_runs_and_undoes_it(kubectl: Command, namespace: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.txt"
    steps = [
        shell("first", 'echo first >> "$LEDGER"', undo='echo undo-first >> "$LEDGER"'),
        shell("slow", 'echo slow >> "$LEDGER"; exec sleep 600', "first", undo='echo undo-slow >> "$LEDGER"'),
    ]
    manifest = with_ledger(workflow("long", steps), ledger)
    manifest["spec"]["defaults"]["pod"]["terminationGracePeriodSeconds"] = 1
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(manifest))
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/step=slow", "--for=create", "--timeout=60s")
    kubectl("wait", "pod", "-n", namespace, "-l", "kubesaga.dev/step=slow", "--for=condition=Ready", "--timeout=60s")
    kubectl("annotate", "saga/long", "-n", namespace, "kubesaga.dev/cancel=1")
    kubectl("wait", "saga/long", "-n", namespace, "--for=jsonpath={.status.phase}=RolledBack", "--timeout=90s")
    assert ledger.read_text().split() == ["first", "slow", "undo-slow", "undo-first"]
    found = status(kubectl, "long", namespace)
    assert found["failure"]["reason"] == "Cancelled"
    assert len(kubectl("get", "jobs", "-n", namespace, "-o", "name").split()) == 4, "nothing was deleted to stop it"
    assert found["handledRequests"][0]["accepted"]


def test_a_suspended_job_can_be_stopped_too(kubectl: Command, namespace: str) -> None:
    steps = [shell("held", "sleep 600", undo="true"), shell("other", "sleep 2; exit 1")]
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(workflow("held", steps, inFlight="Cancel")))
    kubectl("wait", "job", "-n", namespace, "-l", "kubesaga.dev/step=held", "--for=create", "--timeout=60s")
    kubectl(
        "patch", "job", "-n", namespace, *held(kubectl, namespace), "--type=merge", "-p", '{"spec":{"suspend":true}}'
    )
    kubectl("wait", "saga/held", "-n", namespace, "--for=jsonpath={.status.phase}=RolledBack", "--timeout=120s")
    step = next(s for s in status(kubectl, "held", namespace)["steps"] if s["name"] == "held")
    assert (step["state"], step["reason"]) == ("Cancelled", "Stopped")


def held(kubectl: Command, namespace: str) -> list[str]:
    return kubectl(
        "get", "jobs", "-n", namespace, "-l", "kubesaga.dev/step=held", "-o", "jsonpath={.items[*].metadata.name}"
    ).split()


def test_an_undo_by_deletion_removes_the_job_with_all_it_owns(kubectl: Command, namespace: str) -> None:
    make = shell("make", "true")
    make["compensate"] = {"deleteJob": {}}
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(workflow("made", [make, shell("fail", "exit 1", "make")])))
    kubectl("wait", "saga/made", "-n", namespace, "--for=jsonpath={.status.phase}=RolledBack", "--timeout=90s")
    (job,) = json.loads(kubectl("get", "jobs", "-n", namespace, "-l", "kubesaga.dev/step=make", "-o", "json"))["items"]
    assert job["metadata"]["labels"]["kubesaga.dev/tombstone"] == "true"
    assert job["spec"]["suspend"] is True
    assert kubectl("get", "pods", "-n", namespace, "-l", "kubesaga.dev/step=make", "-o", "name") == ""


def test_a_blocked_rollback_waits_for_a_person_and_goes_on(kubectl: Command, namespace: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.txt"
    undo = {"retry": {"limit": 1, "backoffSeconds": 1}}
    pay = shell("pay", "true", undo='test -f "$LEDGER.mended"')
    pay["compensate"] |= undo
    manifest = with_ledger(workflow("blocked", [pay, shell("fail", "exit 1", "pay")]), ledger)
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(manifest))
    kubectl("wait", "saga/blocked", "-n", namespace, "--for=condition=Stalled", "--timeout=90s")
    assert status(kubectl, "blocked", namespace)["phase"] == "RollbackBlocked"
    Path(f"{ledger}.mended").touch()
    kubectl("annotate", "saga/blocked", "-n", namespace, "kubesaga.dev/retry-compensation=1")
    kubectl("wait", "saga/blocked", "-n", namespace, "--for=jsonpath={.status.phase}=RolledBack", "--timeout=90s")


def test_a_workflow_goes_when_its_time_to_live_is_over(kubectl: Command, namespace: str) -> None:
    manifest = workflow("brief", [shell("only", "true")], ttlSecondsAfterFinished=1)
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(manifest))
    kubectl("wait", "saga/brief", "-n", namespace, "--for=delete", "--timeout=60s")
    kubectl("wait", "job", "-n", namespace, "--all", "--for=delete", "--timeout=60s")


def test_a_spec_cannot_change_once_it_has_started(kubectl: Command, namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text(workflow("fixed", [shell("only", "sleep 1")])))
    kubectl("wait", "saga/fixed", "-n", namespace, "--for=jsonpath={.status.phase}=Running", "--timeout=30s")
    for patch in ('{"spec": {"onFailure": "Stop"}}', '{"spec": {"onFailure": "Stop"}, "status": {"writes": 99}}'):
        with pytest.raises(CommandError, match=r"spec\.onFailure cannot change once the Workflow has started"):
            kubectl("patch", "saga/fixed", "-n", namespace, "--type=merge", "-p", patch)
    kubectl("patch", "saga/fixed", "-n", namespace, "--type=merge", "-p", '{"spec": {"parallelism": 3}}')


def test_kubectl_explains_the_fields(kubectl: Command) -> None:
    assert "dependsOn" in kubectl("explain", "saga.spec.steps")


def test_the_chart_is_clean_and_refuses_values_that_it_does_not_know(helm) -> None:
    chart = str(EXAMPLES.parent / "charts/kubesaga")
    assert "0 chart(s) failed" in helm("lint", "--strict", chart)
    with pytest.raises(CommandError) as refused:
        helm("template", chart, "--set", "replicas=2")
    assert "replicas" in refused.value.stderr


def test_the_operator_runs_under_the_restricted_level(kubectl: Command, installed: str) -> None:
    labels = kubectl("get", "namespace", installed, "-o", "jsonpath={.metadata.labels}")
    assert '"pod-security.kubernetes.io/enforce":"restricted"' in labels
    ready = kubectl("get", "deployment/kubesaga", "-n", installed, "-o", "jsonpath={.status.readyReplicas}")
    assert ready == "1"
