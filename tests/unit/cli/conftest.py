"""What tests of the commands share: a cluster that tells the story of one Workflow."""

import signal
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from fake_cluster import FakeCluster
from kubesaga.cli import workflow_changes
from kubesaga.cli.main import main
from kubesaga.controller.cluster_client import ClusterClient


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts, as where somebody sits at a terminal; whoever starts the tests may have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def saga(monkeypatch: pytest.MonkeyPatch, heeding_ctrl_c: None) -> Callable[..., Result]:
    """Call `kubesaga` as a user of that cluster, whose context has the namespace `shop`."""
    monkeypatch.setattr(workflow_changes, "PAUSES_SECONDS", (0.0, 0.0))

    def call(cluster: FakeCluster, *arguments: str) -> Result:
        async def connect(context: str | None = None) -> tuple[FakeCluster, str]:
            return cluster, "shop"

        monkeypatch.setattr(ClusterClient, "connect_as_user", connect)
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return call
