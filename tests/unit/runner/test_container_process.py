"""A container becomes a command line, or the reason why it cannot."""

import os
import subprocess
from pathlib import Path

import pytest

from kubesaga.runner.container_process import ContainerProcess, StartError

LOG = Path("/state/termination-log")
FIELDS = {"metadata.name": "pod-1", "metadata.namespace": "default", "metadata.uid": "u"}


def process(**container):
    return ContainerProcess.of(container, FIELDS, LOG)


def printed_env(**container) -> bytes:
    made = process(command=["env", "-0"], **container)
    wrapped = ["/bin/sh", "-c", '(exec "$@")', "x", *made.command]
    return subprocess.run(wrapped, env=dict(made.env), capture_output=True, check=True).stdout


def test_args_follow_the_command_and_both_are_expanded():
    env = [{"name": "A", "value": "a"}]
    assert process(command=["/bin/echo", "$(A)"], args=["$$(A)", "$(B)"], env=env).command == (
        "/bin/echo",
        "a",
        "$(A)",
        "$(B)",
    )


def test_the_environment_of_this_shell_is_below_that_of_the_container(monkeypatch):
    monkeypatch.setenv("LEDGER", "mine")
    monkeypatch.setenv("REGION", "mine")
    env = process(command=["true"], env=[{"name": "REGION", "value": "eu"}]).env
    assert (env["LEDGER"], env["REGION"]) == ("mine", "eu")


def test_the_termination_log_is_a_real_file_also_where_it_is_referred_to():
    env = [
        {"name": "KUBESAGA_TERMINATION_LOG", "value": "/dev/termination-log"},
        {"name": "OUT", "value": "$(KUBESAGA_TERMINATION_LOG)"},
    ]
    found = process(command=["true"], env=env).env
    assert (found["KUBESAGA_TERMINATION_LOG"], found["OUT"]) == (str(LOG), str(LOG))


@pytest.mark.parametrize("name", ["a.b", "a-b", "1", "IFS", "PWD", "OLDPWD", "PS1", "_", "OPTIND", "SHLVL", "-u", "ä"])
@pytest.mark.parametrize("value", ["", "x y", "\n", "'\"$`\\"])
def test_a_shell_on_the_way_drops_or_changes_no_variable(name, value):
    entries = printed_env(env=[{"name": name, "value": value}]).decode().split("\0")
    assert f"{name}={value}" in entries


@pytest.mark.parametrize(
    ("promise", "container", "message", "code"),
    [
        ("an unknown command", {"command": ["no-such"]}, "no-such: there is no such command on this machine", 127),
        ("an unknown file", {"command": ["/no/such"]}, "/no/such: there is no such file on this machine", 127),
        ("a file that is no program", {"command": ["/etc/passwd"]}, "/etc/passwd: is not executable", 126),
        ("a folder", {"command": ["/etc"]}, "/etc: is not executable", 126),
        ("an unknown folder", {"command": ["true"], "workingDir": "/no/such"}, "workingDir /no/such: there is no", 128),
        ("no command", {"args": ["x"]}, "the container has no command, and there is no image here", 128),
        ("envFrom", {"command": ["true"], "envFrom": [{}]}, "envFrom needs a cluster", 128),
        ("volumes", {"command": ["true"], "volumeMounts": [{}]}, "volumeMounts needs a cluster", 128),
        (
            "a Secret",
            {"command": ["true"], "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
            "env P comes from secretKeyRef s, key k, which only a cluster has",
            128,
        ),
    ],
)
def test_what_cannot_be_run_here_is_refused_with_its_reason(promise, container, message, code):
    with pytest.raises(StartError, match=message) as refused:
        process(**container)
    assert refused.value.exit_code == code


def test_a_relative_command_is_looked_for_in_the_working_folder(tmp_path):
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert process(command=["./run.sh"], workingDir=str(tmp_path)).command == ("./run.sh",)


def test_a_command_is_looked_for_in_the_path_of_the_container(tmp_path):
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    env = [{"name": "PATH", "value": f"{tmp_path}:{os.environ['PATH']}"}]
    assert process(command=["tool"], env=env).command == ("tool",)
