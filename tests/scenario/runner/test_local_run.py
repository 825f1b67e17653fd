"""What a run tells scripts and people, and what it tells steps."""

import json
import os
import re
import subprocess

import pytest

from kubesaga_run import KUBESAGA, Runner, manifest, step

DONE = 'echo "$KUBESAGA_STEP" >> "$LEDGER"'
UNDONE = 'echo "undo-$KUBESAGA_STEP" >> "$LEDGER"'


@pytest.mark.parametrize(
    ("promise", "steps", "code", "phase"),
    [
        ("every step succeeded", [step("a", DONE)], 0, "Succeeded"),
        ("a step failed, nothing to undo", [step("a", "exit 1")], 1, "Failed"),
        ("all is undone", [step("a", DONE, undo=UNDONE), step("b", "exit 1", after=("a",))], 3, "RolledBack"),
        ("an undo failed", [step("a", DONE, undo="exit 1"), step("b", "exit 1", after=("a",))], 4, "RollbackBlocked"),
    ],
)
def test_the_exit_code_tells_the_outcome(tmp_path, promise, steps, code, phase):
    ended = Runner(tmp_path, manifest(*steps)).run("saga.yaml", "-o", "json")
    assert (ended.code, ended.status["phase"]) == (code, phase)


def test_a_refused_manifest_is_2_and_nothing_runs(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", DONE, after=("nobody",)), step("b", DONE, timeoutSeconds="soon")))
    ended = runner.run("saga.yaml", "-o", "json")
    assert (ended.code, ended.out, runner.effects) == (2, "", [])
    assert "saga.yaml:1: spec.steps[0].dependsOn[0]" in ended.err
    assert "saga.yaml:1: spec.steps[1].timeoutSeconds" in ended.err
    assert "refused: 2 errors" in ended.err
    assert not (tmp_path / ".kubesaga").exists()


def test_standard_output_is_the_workflow_and_nothing_else(tmp_path):
    ended = Runner(tmp_path, manifest(step("a", "echo said; echo said >&2"))).run("saga.yaml", "-o", "json")
    workflow = json.loads(ended.out)
    assert (workflow["kind"], workflow["metadata"]["name"]) == ("Workflow", "saga")
    assert "a | said" in ended.err


def test_without_an_output_format_standard_output_is_empty(tmp_path):
    assert Runner(tmp_path, manifest(step("a", DONE))).run().out == ""


def test_several_workflows_are_printed_as_a_list_until_one_fails(tmp_path):
    each = [manifest(step("a", script), name=name) for name, script in (("x", DONE), ("y", "exit 1"), ("z", DONE))]
    ended = Runner(tmp_path, *each).run("saga.yaml", "-o", "json")
    printed = json.loads(ended.out)
    assert (ended.code, printed["kind"]) == (1, "List")
    assert [one["status"]["phase"] for one in printed["items"]] == ["Succeeded", "Failed"]
    assert "1 more Workflow not run" in ended.err


def test_what_is_no_terminal_gets_no_escape_codes(tmp_path):
    coloured = "printf '\\033[31mred\\033[0m \\007\\033]0;title\\007 text\\n'"
    script = f"{coloured}; {coloured} > $KUBESAGA_TERMINATION_LOG; exit 1"
    ended = Runner(tmp_path, manifest(step("a", script))).run("saga.yaml", "-o", "yaml")
    assert "a | red  text" in ended.err
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", ended.err + ended.out)


def test_a_name_of_its_own_lets_one_manifest_run_twice(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", 'echo "$KUBESAGA_WORKFLOW" >> "$LEDGER"')))
    assert [runner.run("saga.yaml", "--name", name).code for name in ("x", "y.z")] == [0, 0]
    assert runner.effects == ["x", "y.z"]


def test_a_retried_step_is_told_its_attempt_and_keeps_its_key(tmp_path):
    script = 'echo "$KUBESAGA_ATTEMPT:$KUBESAGA_IDEMPOTENCY_KEY" >> "$LEDGER"; test "$KUBESAGA_ATTEMPT" = 2'
    runner = Runner(tmp_path, manifest(step("a", script, retry={"limit": 1, "backoffSeconds": 1})))
    assert runner.run().code == 0
    first, second = (effect.split(":") for effect in runner.effects)
    assert ([first[0], second[0]], first[1]) == (["1", "2"], second[1])


def test_a_command_that_is_not_there_fails_with_its_name(tmp_path):
    missing = {"name": "a", "container": {"image": "x", "command": ["no-such-tool"]}}
    ended = Runner(tmp_path, manifest(missing)).run("saga.yaml", "-o", "json")
    assert (ended.code, ended.status["steps"][0]["exitCode"]) == (1, 127)
    assert "no-such-tool: there is no such command on this machine" in ended.status["failure"]["message"]


VALUES = [
    "$(KUBESAGA_STEP)",
    "$$",
    "$$(KUBESAGA_STEP)",
    "$(params.other)",
    "$(attempt)",
    "two\nlines\n",
    "\"quoted\" and 'quoted'",
    '"; touch /tmp/kubesaga-was-here #',
    "`id` $(id) ${HOME} $HOME",
    "\\n \\$ \\\\",
    " leading and trailing ",
    "ünï😀",
    "",
]


def test_values_reach_env_and_args_to_the_byte(tmp_path):
    """What a parameter says is data: no kubelet, no shell and no kubesaga reads it again."""
    script = 'printf "%s\\0" "$V" "$@" >> "$LEDGER"'
    names = [f"p{index}" for index in range(len(VALUES))]
    steps = []
    for name in names:
        made = step(f"show-{name}", script)
        made["container"]["args"] += ["sh", f"$(params.{name})", f"<$(params.{name})>"]
        made["container"]["env"] = [{"name": "V", "value": f"$(params.{name})"}]
        steps.append(made)
    parameters = [{"name": name, "value": "default"} for name in (*names, "other")]
    runner = Runner(tmp_path, manifest(*steps, parameters=parameters, parallelism=1))
    given = [part for name, value in zip(names, VALUES, strict=True) for part in ("-p", f"{name}={value}")]
    assert runner.run("saga.yaml", *given).code == 0
    seen = runner.ledger.read_bytes().decode().split("\0")[:-1]
    assert seen == [text for value in VALUES for text in (value, value, f"<{value}>")]


def test_outputs_reach_env_to_the_byte(tmp_path):
    value = "$(KUBESAGA_STEP) $$ \n \"'"
    give = step("a", 'printf "%s" "$OUT" > $KUBESAGA_TERMINATION_LOG', outputs=[{"name": "k"}])
    give["container"]["env"] = [{"name": "OUT", "value": json.dumps({"k": value}).replace("$", "$$")}]
    take = step("b", 'printf "%s" "$V" >> "$LEDGER"')
    take["container"]["env"] = [{"name": "V", "value": "$(steps.a.outputs.k)"}]
    runner = Runner(tmp_path, manifest(give, take))
    assert runner.run().code == 0
    assert runner.ledger.read_text() == value


UNDONE_SAGA = (
    step("a", DONE, undo=UNDONE),
    step("b", DONE, after=("a",), undo=UNDONE),
    step("c", "exit 1", after=("b",)),
)


@pytest.mark.parametrize("screen", ["/dev/full", "closed"])
def test_a_run_goes_on_where_nobody_can_be_told_of_it(tmp_path, screen):
    runner = Runner(tmp_path, manifest(*UNDONE_SAGA))
    redirection = "2>/dev/full" if screen == "/dev/full" else "2>&1 >/dev/null | head -c 1"
    script = f'{{ "$@"; echo $? > code; }} {redirection}'
    env = {**os.environ, "LEDGER": str(runner.ledger)}
    subprocess.run(["/bin/sh", "-c", script, "sh", *KUBESAGA, "run", "saga.yaml"], cwd=tmp_path, env=env, timeout=60)
    assert (tmp_path / "code").read_text() == "3\n"
    assert runner.effects == ["a", "b", "undo-b", "undo-a"]


def test_a_result_that_cannot_be_printed_does_not_change_the_exit_code(tmp_path):
    runner = Runner(tmp_path, manifest(*UNDONE_SAGA))
    script = '"$@" > /dev/full'
    command = ["/bin/sh", "-c", script, "sh", *KUBESAGA, "run", "saga.yaml", "-o", "json"]
    env = {**os.environ, "LEDGER": str(runner.ledger)}
    ended = subprocess.run(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ended.returncode == 3
    assert ended.stderr.endswith("standard output: No space left on device\n")


def test_a_screen_without_unicode_is_told_all_the_same(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", "printf 'caf\\303\\251\\n'")))
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [*KUBESAGA, "run", "saga.yaml", "-o", "json"]
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60, check=True)
    assert b"a | caf\\xe9" in ended.stderr
    assert json.loads(ended.stdout)["status"]["phase"] == "Succeeded"
    assert runner.effects == []


def test_the_order_of_undos_is_told_after_the_run_too(tmp_path):
    runner = Runner(tmp_path, manifest(*UNDONE_SAGA))
    assert "undone:   b, a (in this order)" in runner.run().err
    assert "undone:   b, a (in this order)" in runner.run("--resume", "saga").err


def test_a_step_that_removes_the_folder_of_its_job_has_failed(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", 'rm -r "${KUBESAGA_TERMINATION_LOG%/*}"')))
    ended = runner.run("saga.yaml", "-o", "json")
    assert (ended.code, ended.status["phase"]) == (1, "Failed")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("instead", ["true", "mkfifo $F", "mkdir $F", "ln -s nowhere $F"])
def test_a_step_that_took_its_termination_log_away_has_given_no_outputs(tmp_path, instead):
    script = f"F=$KUBESAGA_TERMINATION_LOG; rm $F; {instead}"
    runner = Runner(tmp_path, manifest(step("a", script, outputs=[{"name": "k"}])))
    ended = runner.run("saga.yaml", "-o", "json")
    assert (ended.code, ended.status["steps"][0]["reason"]) == (1, "OutputsMissing")
