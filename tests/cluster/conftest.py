"""A real cluster for the tests of this folder, by pytest-kind; what they do with it are the fixtures here."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_kind import KindCluster

from cluster.audit import AuditLog
from cluster.command import Command
from cluster.operator_process import OperatorProcess

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_NAME = "kubesaga-test"
_BUILD_SECONDS_MAX = 2400


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the cluster's programs before the first test's clock runs: where no cache is, it takes many minutes."""
    if not session.config.option.collectonly and any(_HERE in item.path.parents for item in session.items):
        Command(_HERE / "kind" / "kind")("build", timeout=_BUILD_SECONDS_MAX)


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> Command:
    """The executable `kind`: our own unless --kind-bin says another; pytest-kind's options are set to agree."""
    options = request.config.option
    if options.cluster_name == "pytest-kind":
        # Each worker of pytest-xdist has a cluster of its own.
        options.cluster_name = "-".join(filter(None, (_NAME, os.environ.get("PYTEST_XDIST_WORKER"))))
    options.kind_bin = options.kind_bin or str(_HERE / "kind" / "kind")
    own = Command(_HERE / "kind" / "kind")
    options.kind_kubectl_bin = options.kind_kubectl_bin or own("get", "program", "kubectl").strip()
    if not options.keep_cluster:
        Command(options.kind_bin)("delete", "cluster", f"--name={options.cluster_name}")
    return Command(options.kind_bin)


@pytest.fixture(scope="session")
def kind_cluster(kind: Command, kind_cluster: KindCluster) -> KindCluster:
    """The cluster of pytest-kind, made by our executable; it is new for each run unless --keep-cluster is given."""
    return kind_cluster


@pytest.fixture(scope="session")
def kubectl(kind_cluster: KindCluster) -> Command:
    """Kubectl, for the cluster."""
    return Command(kind_cluster.kubectl_path, {"KUBECONFIG": str(kind_cluster.kubeconfig_path.resolve())})


@pytest.fixture(scope="session")
def saga(kubectl: Command) -> Callable[..., tuple[int, str, str]]:
    """What `kubectl saga` calls, for the cluster: gives exit code, standard output and error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "kubesaga", *arguments],
            env=kubectl.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    return call


@pytest.fixture(scope="session")
def helm(kind: Command, kind_cluster: KindCluster, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Helm, for the cluster, with folders of its own."""
    program = Command(_HERE / "kind" / "kind")("get", "program", "helm").strip()
    folder = tmp_path_factory.mktemp("helm")
    folders = {f"HELM_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    return Command(Path(program), {"KUBECONFIG": str(kind_cluster.kubeconfig_path.resolve()), **folders})


@pytest.fixture(scope="session")
def audit_log(kind: Command, kind_cluster: KindCluster) -> AuditLog:
    """The API server's audit log."""
    return AuditLog(Path(kind("get", "audit-log", f"--name={kind_cluster.name}").strip()))


@pytest.fixture(scope="session")
def busybox(kind_cluster: KindCluster) -> str:
    """The name of an image with a shell and the usual programs, which the real node has."""
    name = Command(_HERE / "images" / "image")("busybox").strip()
    kind_cluster.load_docker_image(name)
    return name


@pytest.fixture
def namespace(kubectl: Command) -> Iterator[str]:
    """A new namespace for the test, in which Pods can be created; removed afterwards, without waiting for it."""
    yield from _namespace(kubectl)


@pytest.fixture(scope="module")
def module_namespace(kubectl: Command) -> Iterator[str]:
    """The same for all tests of a file."""
    yield from _namespace(kubectl)


@pytest.fixture(scope="session")
def installed(kind_cluster: KindCluster, kubectl: Command, helm: Command, busybox: str) -> str:
    """The operator as users get it: the real image, installed by Helm under the restricted level. Its namespace."""
    namespace = "kubesaga"
    image = Command(_HERE / "images" / "image")("operator", timeout=900).split()[-1]
    kind_cluster.load_docker_image(image)
    if namespace not in kubectl("get", "namespaces", "--output=name"):
        kubectl("create", "namespace", namespace)
    kubectl("label", "--overwrite", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    repository, _, tag = image.rpartition(":")
    values = [
        f"--set=image.repository={repository}",
        f"--set=image.tag={tag}",
        f"--set=podAnnotations.run=r{uuid.uuid4().hex}",
    ]
    helm("upgrade", "--install", "kubesaga", _ROOT / "charts/kubesaga", "--namespace", namespace, *values, "--wait")
    return namespace


@pytest.fixture
def paused(kubectl: Command, installed: str) -> Iterator[None]:
    """The installed operator is not there while the test runs others."""
    yield from _paused(kubectl, installed)


@pytest.fixture(scope="module")
def module_paused(kubectl: Command, installed: str) -> Iterator[None]:
    """The same for all tests of a file."""
    yield from _paused(kubectl, installed)


@pytest.fixture
def start_operator(kubectl: Command, tmp_path: Path) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts operators as processes of this machine; those still running at the end are killed."""
    started: list[OperatorProcess] = []

    def start(*arguments: str, **environment: str) -> OperatorProcess:
        variables = {**kubectl.environment, **environment}
        log = tmp_path / f"operator-{len(started)}.log"
        started.append(OperatorProcess(arguments, variables, log))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def _namespace(kubectl: Command) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("wait", "--for=create", "serviceaccount/default", f"--namespace={name}", "--timeout=30s")
    yield name
    kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def _paused(kubectl: Command, installed: str) -> Iterator[None]:
    kubectl("scale", "deployment/kubesaga", "--namespace", installed, "--replicas=0")
    kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=kubesaga", "--namespace", installed)
    yield
    kubectl("scale", "deployment/kubesaga", "--namespace", installed, "--replicas=1")
    kubectl("rollout", "status", "deployment/kubesaga", "--namespace", installed)
