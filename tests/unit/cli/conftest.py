"""What tests of the commands share: a cluster that tells the story of one Workflow."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from fake_cluster import FakeCluster
from kubesaga.cli import workflow_changes
from kubesaga.cli.main import main
from kubesaga.controller.cluster_client import ClusterClient


@pytest.fixture
def saga(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call `kubesaga` as a user of that cluster, whose context has the namespace `shop`."""
    monkeypatch.setattr(workflow_changes, "PAUSES_SECONDS", (0.0, 0.0))

    def call(cluster: FakeCluster, *arguments: str) -> Result:
        async def connect(context: str | None = None) -> tuple[FakeCluster, str]:
            return cluster, "shop"

        monkeypatch.setattr(ClusterClient, "connect_as_user", connect)
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return call
