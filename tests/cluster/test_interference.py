"""Others touch what the operator works on: it notices, and nothing is lost or done twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from cluster.audit import AuditLog
from cluster.command import Command
from cluster.manifests import fake, fake_workflow, shell, text, with_ledger, workflow
from cluster.reading import status
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.telemetry import Telemetry

pytestmark = pytest.mark.usefixtures("installed")


def test_a_workflow_that_others_write_all_the_time_still_runs_each_step_once(
    kubectl: Command, namespace: str, audit_log: AuditLog
) -> None:
    """Every status write is bound to what it was decided from: some are refused, and are decided anew."""
    names = [f"s{index}" for index in range(15)]
    steps = [fake(name, *names[:index][-1:]) for index, name in enumerate(names)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow("busy", steps)))
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(asyncio.run, annotate_until(over, kubectl.environment["KUBECONFIG"], namespace, "busy"))
        try:
            kubectl("wait", "saga/busy", "-n", namespace, "--for=condition=Succeeded", "--timeout=60s")
        finally:
            over.set()
        assert writing.result() > len(names)
    refused = audit_log.requests(resource="workflows/status", namespace=namespace, code=409)
    assert refused, "no write met another: this shows nothing"
    assert len(audit_log.jobs_created(namespace)) == len(names)


async def annotate_until(over: Event, kubeconfig: str, namespace: str, name: str) -> int:
    """Write the Workflow as fast as one client can; returns how often."""
    configuration = Configuration()
    await config.load_kube_config(kubeconfig, client_configuration=configuration)
    client, count = ClusterClient(ApiClient(configuration), Telemetry()), 0
    try:
        while not over.is_set():
            count += 1
            await client.patch_workflow(
                namespace, name, {"metadata": {"annotations": {"example.com/count": str(count)}}}
            )
    finally:
        await client.close()
    return count


def test_a_job_that_somebody_deletes_is_lost_and_never_silently_made_again(
    kubectl: Command, namespace: str, audit_log: AuditLog
) -> None:
    steps = [fake("first", undo=True), fake("long", "first", delay_ms=600_000)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(fake_workflow("robbed", steps)))
    recorded = '--for=jsonpath={.status.steps[?(@.name=="long")].jobUID}'
    kubectl("wait", "saga/robbed", "-n", namespace, recorded, "--timeout=20s")
    kubectl("delete", "job", "-n", namespace, "-l", "kubesaga.dev/step=long", "--wait=false")
    kubectl("wait", "saga/robbed", "-n", namespace, "--for=jsonpath={.status.phase}=RolledBack", "--timeout=60s")
    lost = next(step for step in status(kubectl, "robbed", namespace)["steps"] if step["name"] == "long")
    assert (lost["state"], lost["reason"]) == ("Failed", "Lost")
    assert len(audit_log.jobs_created(namespace)) == 3, "two steps and one undo"


@pytest.mark.parametrize(
    ("robbery", "reason"),
    [
        (("patch", "--type=json", "-p", '[{"op": "remove", "path": "/metadata/ownerReferences"}]'), "JobFailed"),
        (("delete", "--cascade=orphan"), "Lost"),
    ],
    ids=["the Job loses its owner", "the Pod loses its Job"],
)
def test_nothing_is_undone_while_a_step_works_that_was_made_an_orphan(
    kubectl: Command, namespace: str, tmp_path: Path, robbery: tuple[str, ...], reason: str
) -> None:
    ledger = tmp_path / "ledger"
    done, undone = 'echo "$KUBESAGA_STEP" >> $LEDGER', 'echo "undo-$KUBESAGA_STEP" >> $LEDGER'
    steps = [shell("first", done, undo=undone), shell("robbed", f"sleep 8; {done}; exit 1", "first", undo=undone)]
    kubectl("create", "-n", namespace, "-f", "-", stdin=text(with_ledger(workflow("orphan", steps), ledger)))
    recorded = '--for=jsonpath={.status.steps[?(@.name=="robbed")].jobUID}'
    kubectl("wait", "saga/orphan", "-n", namespace, recorded, "--timeout=30s")
    job = kubectl("get", "job", "-n", namespace, "-l", "kubesaga.dev/step=robbed", "-o", "name").strip()
    verb, *options = robbery
    kubectl(verb, job, "-n", namespace, *options)
    kubectl("wait", "saga/orphan", "-n", namespace, "--for=jsonpath={.status.phase}=RolledBack", "--timeout=90s")
    assert ledger.read_text().split() == ["first", "robbed", "undo-robbed", "undo-first"]
    robbed = next(step for step in status(kubectl, "orphan", namespace)["steps"] if step["name"] == "robbed")
    assert (robbed["state"], robbed["reason"], robbed.get("attempted", True)) == ("Failed", reason, True)
