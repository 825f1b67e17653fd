"""What the tests of faults share: the API server, operators of their own, and how the references run undisturbed."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_kind import KindCluster

from cluster.audit import AuditLog
from cluster.faults.api_server import ApiServer
from cluster.faults.operators import Operators
from cluster.faults.person import see_to_the_end
from cluster.faults.references import REFERENCES, Reference, digest, doubled_and_lost
from cluster.faults.trial import Trial, Undisturbed

UNDISTURBED_SECONDS = 60


@pytest.fixture(scope="session")
def api(kind_cluster: KindCluster, installed: str) -> ApiServer:
    """The API server, where the CRD and the rights are installed."""
    return ApiServer(kind_cluster.kubeconfig_path.resolve())


@pytest.fixture(scope="module")
def operators(tmp_path_factory: pytest.TempPathFactory, module_paused: None) -> Iterator[Operators]:
    """Starts operators, while the installed one is not there."""
    started = Operators(tmp_path_factory.mktemp("operators"))
    yield started
    started.kill_all()


@pytest.fixture(scope="module")
def trial(api: ApiServer, operators: Operators, audit_log: AuditLog) -> Trial:
    """Runs references in namespaces of their own."""
    return Trial(api, operators, audit_log)


@pytest.fixture(scope="module")
def undisturbed(trial: Trial) -> Mapping[str, Undisturbed]:
    """Each reference, run by itself while nothing happens to it."""

    def run(reference: Reference) -> Undisturbed:
        with trial.namespace("undisturbed", reference.name) as namespace:
            operator = trial.operators.start(namespace, trial.api.kubeconfig)
            trial.begin(namespace, {reference.name: reference})
            ended = see_to_the_end(trial.api, namespace, {reference.name: reference}, UNDISTURBED_SECONDS)
            assert operator.terminate() == 0
            assert doubled_and_lost(trial.jobs_created(namespace), reference.jobs) == []
            return Undisturbed(digest(ended[reference.name]), operator.writes)

    with ThreadPoolExecutor(len(REFERENCES)) as pool:
        return dict(zip(map(str, REFERENCES), pool.map(run, REFERENCES), strict=True))
