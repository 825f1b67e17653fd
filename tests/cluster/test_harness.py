"""What the cluster tests stand on: each test here is a promise of the cluster they get."""

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import jobs
from cluster.audit import AuditLog
from cluster.command import Command, CommandError

_KIND = Path(__file__).parent / "kind" / "kind"


def _run(kubectl: Command, namespace: str, job: str, condition: str) -> None:
    name = json.loads(job)["metadata"]["name"]
    kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=job)
    kubectl("wait", f"--for=condition={condition}", f"job/{name}", f"--namespace={namespace}", "--timeout=60s")


def test_a_job_runs_in_a_real_container_and_its_log_is_readable(kubectl, namespace, busybox):
    _run(kubectl, namespace, jobs.real("hello", busybox, "echo hello from $(id -u)"), "Complete")
    assert kubectl("logs", "job/hello", f"--namespace={namespace}") == "hello from 0\n"


def test_a_failing_container_fails_its_job(kubectl, namespace, busybox):
    _run(kubectl, namespace, jobs.real("broken", busybox, "exit 7"), "Failed")


def test_a_command_runs_inside_of_a_running_container(kubectl, namespace, busybox):
    arguments = ("run", "shell", f"--image={busybox}", f"--namespace={namespace}", "--", "sleep", "600")
    kubectl(*arguments)
    kubectl("wait", "--for=condition=Ready", "pod/shell", f"--namespace={namespace}", "--timeout=60s")
    assert kubectl("exec", "shell", f"--namespace={namespace}", "--", "echo", "inside") == "inside\n"


def test_a_pod_reaches_the_api_server_by_service_ip_and_by_name(kubectl, namespace, busybox):
    # An open connection is enough: busybox speaks no TLS that an API server would.
    script = "for host in $KUBERNETES_SERVICE_HOST kubernetes.default.svc; do nc -w 5 $host 443 </dev/null; done"
    _run(kubectl, namespace, jobs.real("caller", busybox, script), "Complete")


def test_a_job_on_the_fake_node_completes(kubectl, namespace):
    _run(kubectl, namespace, jobs.fake("quick"), "Complete")


def test_a_job_on_the_fake_node_fails_when_its_annotation_says_so(kubectl, namespace):
    _run(kubectl, namespace, jobs.fake("doomed", fail=True), "Failed")


def test_a_job_on_the_fake_node_runs_as_long_as_its_annotation_says(kubectl, namespace):
    begun = time.monotonic()
    _run(kubectl, namespace, jobs.fake("slow", delay_ms=2000), "Complete")
    assert time.monotonic() - begun >= 2


def test_the_audit_log_tells_who_asked_for_what(kubectl, namespace, audit_log: AuditLog):
    mark = audit_log.mark()
    kubectl("create", "configmap", "audited", f"--namespace={namespace}")
    [request] = audit_log.wait_for(1, since=mark, verb="create", resource="configmaps", namespace=namespace)
    assert (request.name, request.user, request.code) == ("audited", "admin", 201)


def test_rights_are_checked(kubectl, namespace):
    with pytest.raises(CommandError) as refused:
        kubectl("get", "pods", f"--namespace={namespace}", f"--as=system:serviceaccount:{namespace}:default")
    assert "Forbidden" in refused.value.stderr


def test_a_restricted_namespace_refuses_a_privileged_pod(kubectl, namespace, busybox):
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(CommandError) as refused:
        kubectl("run", "root", f"--image={busybox}", f"--namespace={namespace}", "--privileged")
    assert "PodSecurity" in refused.value.stderr


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Command]:
    """The executable with a home of its own, so that what it leaves behind can be told apart."""
    kind = Command(_KIND, {"KUBESAGA_KIND_HOME": str(tmp_path)})
    yield kind
    kind("delete", "cluster", "--name=second")


def _pids(kind: Command) -> dict[str, int]:
    lines = (line.split() for line in kind("get", "processes", "--name=second").splitlines())
    return {name: int(pid) for name, pid in lines if pid != "-"}


def _traces(home: Path) -> list[str]:
    """What on this machine names the home of a cluster, or looks as if a cluster had made it."""
    calls = [
        path.read_bytes().decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if _alive(path)
    ]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return [one for one in (*calls, *mounts, *map(str, home.iterdir())) if str(home) in one]


def _alive(path: Path) -> bool:
    try:
        return path.stat().st_ino > 0 and bool(path.read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def _rules() -> list[str]:
    saved = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout
    return [line for line in saved.splitlines() if line.startswith("-")]


def _links() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def _cgroups() -> set[str]:
    return {str(path) for path in Path("/sys/fs/cgroup").glob("**/kubesaga/*-second")}


def test_a_cluster_leaves_nothing_behind_even_when_it_was_cut_off(second: Command, tmp_path: Path, busybox: str):
    rules = _rules()
    kubeconfig = tmp_path / "kubeconfig"
    second("create", "cluster", "--name=second", f"--kubeconfig={kubeconfig}")
    kubectl = Command(Path(second("get", "program", "kubectl").strip()), {"KUBECONFIG": str(kubeconfig)})
    kubectl("run", "sleeper", f"--image={busybox}", "--", "sleep", "600")
    kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
    for name in ("kube-apiserver", "containerd"):
        os.kill(_pids(second)[name], signal.SIGKILL)

    second("create", "cluster", "--name=second", f"--kubeconfig={kubeconfig}")
    assert second("get", "clusters").split() == ["second"]
    assert kubectl("get", "pods") == ""

    link = (tmp_path / "second" / "link").read_text()
    assert link in _links()
    second("delete", "cluster", "--name=second")
    kubeconfig.unlink()
    assert _traces(tmp_path) == []
    assert link not in _links()
    assert (_rules(), _cgroups()) == (rules, set())


def test_an_image_that_is_nowhere_is_named(kind: Command, kind_cluster):
    with pytest.raises(CommandError) as failed:
        kind("load", "docker-image", f"nowhere:{uuid.uuid4().hex[:8]}", f"--name={kind_cluster.name}")
    assert "nowhere" in failed.value.stderr
