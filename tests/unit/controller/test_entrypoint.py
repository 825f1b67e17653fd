"""The operator's process starts with a plain word about what is missing, and ends when it is asked."""

import signal
import socket
import subprocess
import sys

import pytest

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
users: [{name: a, user: {}}]
current-context: a
"""


@pytest.fixture
def operator(tmp_path):
    """Start an operator whose API server does not answer."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    started = []

    def start(port=None, config=kubeconfig):
        if port is None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
        command = [sys.executable, "-m", "kubesaga", "operator", "--http-port", str(port)]
        environment = {"KUBECONFIG": str(config), "HOME": str(tmp_path), "PATH": ""}
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_asked_even_while_the_api_server_is_away(operator, number):
    process = operator()
    lines = iter(process.stderr.readline, "")
    assert any("Operator started" in line for line in lines)
    assert any("API server unavailable" in line for line in lines)
    process.send_signal(number)
    printed = process.communicate(timeout=10)[1]
    assert process.returncode == 0
    assert "Operator stopped" in printed
    assert "Traceback" not in printed


def test_a_port_that_is_taken_is_named(operator):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        process = operator(port)
        printed = process.communicate(timeout=10)[1]
    assert process.returncode == 1
    assert f"Operator cannot start error=port {port} for probes and metrics: Address already in use" in printed
    assert "Traceback" not in printed


def test_a_cluster_that_is_not_known_is_said(operator, tmp_path):
    process = operator(config=tmp_path / "absent")
    printed = process.communicate(timeout=10)[1]
    assert process.returncode == 1
    assert "Operator cannot start error=no service account, and no kubeconfig to use instead" in printed
    assert "Traceback" not in printed
