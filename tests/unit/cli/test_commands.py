"""The commands, as far as they run nothing."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from bad_manifests import BAD_MANIFESTS
from kubesaga.cli.main import main
from kubesaga_run import manifest, step

GRAPHS = Path(__file__).parents[4] / "shared/workflows"

DIAMOND = manifest(
    step("a", "true", undo="true"),
    step("b", "true", after=("a",), undo="true"),
    step("c", "true", after=("a",)),
    step("d", "true", after=("b", "c")),
    parameters=[{"name": "region", "value": "eu"}],
    name="diamond",
)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call kubesaga in an empty folder; `files` are written into it first, objects as JSON."""
    monkeypatch.chdir(tmp_path)

    def call(*args, stdin=None, **files):
        for name, content in files.items():
            path = tmp_path / name.replace("_", ".")
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content if isinstance(content, str) else json.dumps(content))
        return CliRunner().invoke(main, args, input=stdin, catch_exceptions=False)

    return call


def text(value) -> str:
    return json.dumps(value)


def test_plan_as_json_has_all_that_is_promised(call):
    result = call("plan", "w.yaml", "-o", "json", w_yaml=DIAMOND)
    plan = json.loads(result.stdout)
    assert result.exit_code == 0
    assert plan["steps"][3] == {
        "name": "d",
        "level": 2,
        "dependsOn": ["b", "c"],
        "compensates": False,
        "fallback": False,
        "work": "container",
    }
    assert plan["levels"] == [["a"], ["b", "c"], ["d"]]
    assert plan["criticalPath"] == ["a", "b", "d"]
    assert plan["rollbackOrder"] == [["b"], ["a"]]
    assert plan["warnings"] == []
    assert set(plan) == {
        "name",
        "steps",
        "levels",
        "criticalPath",
        "rollbackOrder",
        "finally",
        "warnings",
        "objectBytes",
    }


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ("text", ["diamond: 4 steps in 3 levels, 2 with an undo", "    2  b, c", "critical path   a -> b -> d"]),
        ("mermaid", ["flowchart LR", '  s0(["a"])', '  s3["d"]', "  s1 --> s3"]),
        ("dot", ["digraph workflow {", '  "a" [style="rounded"]', '  "b" -> "d"', "}"]),
    ],
)
def test_plan_for_people_and_for_drawing(call, output, lines):
    printed = call("plan", "w.yaml", "-o", output, w_yaml=DIAMOND).stdout
    assert [line for line in lines if line not in printed.splitlines()] == []


def test_several_plans_are_a_list(call):
    other = {**DIAMOND, "metadata": {"name": "other"}}
    plans = json.loads(call("plan", "-", "-o", "json", stdin=f"{text(DIAMOND)}\n---\n{text(other)}").stdout)
    assert [plan["criticalPath"] for plan in plans] == [["a", "b", "d"]] * 2


@pytest.mark.parametrize("bad", BAD_MANIFESTS, ids=lambda bad: bad.sentence)
def test_plan_refuses_with_every_error(call, bad):
    result = call("plan", "w.yaml", w_yaml=bad.manifest)
    assert (result.exit_code, result.stdout) == (2, "")
    for path, *_ in bad.found:
        assert path.split("[")[0] in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("promise", "content", "said"),
    [
        ("nothing at all", "", "w.yaml: there is no Workflow"),
        ("only a ConfigMap", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}", "w.yaml: there is no Workflow"),
        ("plain text", "hello\n", 'w.yaml:1: document: found "hello"; must be an object'),
        ("a wrong version", "apiVersion: kubesaga.dev/v1\nkind: Workflow\n", "w.yaml:1: apiVersion: found"),
        ("Argo's kind", "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n", 'must be "kubesaga.dev/v1alpha1"'),
        ("a wrong kind", "apiVersion: kubesaga.dev/v1alpha1\nkind: workflow\n", "w.yaml:2: kind: found"),
        (
            "no name",
            "apiVersion: kubesaga.dev/v1alpha1\nkind: Workflow\nmetadata: {}\n",
            "w.yaml:3: metadata.name: missing",
        ),
        (
            "a bad name",
            "kind: Workflow\nmetadata: {name: A_b}\n",
            'w.yaml:2: metadata.name: found "A_b"; must be a DNS',
        ),
        ("a bad namespace", "kind: Workflow\nmetadata: {name: a, namespace: a.b}\n", "metadata.namespace: found"),
        (
            "a number in annotations",
            "kind: Workflow\nmetadata:\n  annotations:\n    a: 1\n",
            "w.yaml:4: metadata.annotations.a",
        ),
        (
            "a misspelt field",
            "kind: Workflow\nspecs: {}\n",
            'w.yaml:2: specs: is no field of a Workflow; did you mean "spec"?',
        ),
        ("no spec", "kind: Workflow\n", "w.yaml:1: spec: missing; must be an object"),
        ("bad UTF-8", b"a: b\nc: \xff\n", "w.yaml:2: the byte 0xff is not UTF-8"),
        ("a tab", "kind: Workflow\nspec:\n\tsteps: []\n", "w.yaml:3: there is a tab"),
        ("a huge file", b"#" * 9_000_000, "w.yaml: is larger than 8,388,608 bytes"),
        ("an escape sequence", 'kind: "\\e[31mred"\n', "w.yaml:1: kind: found"),
    ],
)
def test_input_is_refused_in_plain_words(call, promise, content, said):
    result = call("plan", "w.yaml", w_yaml=content)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "\x1b" not in result.stderr


def test_errors_of_all_documents_and_files_come_at_once(call, tmp_path):
    result = call("plan", ".", a_yaml="kind: Workflow\n---\nkind: Workflow\nspec: 1\n", b_json="{", c_txt="{")
    assert result.exit_code == 2
    assert "a.yaml:1: spec: missing" in result.stderr
    assert "a.yaml:4: spec: found 1" in result.stderr
    assert "b.json:1: " in result.stderr
    assert "c.txt" not in result.stderr


def test_a_file_that_is_not_there(call):
    result = call("plan", "no-such.yaml")
    assert (result.exit_code, "no-such.yaml: No such file or directory" in result.stderr) == (2, True)


def test_other_kinds_are_left_out_with_a_note(call):
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    result = call("plan", "-", stdin=f"{text(config)}\n---\n{text(DIAMOND)}")
    assert result.exit_code == 0
    assert 'standard input:1: ConfigMap "c" is left out' in result.stderr


def test_the_items_of_a_list_are_read(call):
    result = call("plan", "-", "-o", "json", stdin=text({"apiVersion": "v1", "kind": "List", "items": [DIAMOND]}))
    assert json.loads(result.stdout)["criticalPath"] == ["a", "b", "d"]


def test_two_workflows_of_one_name_are_refused(call):
    result = call("plan", "-", stdin=f"{text(DIAMOND)}\n---\n{text(DIAMOND)}")
    assert (result.exit_code, 'found "diamond"; standard input has it already' in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("regoin=us", '--param: found "regoin", which is no parameter; did you mean "region"?'),
        ("region", '"region" is not NAME=VALUE'),
        ("=us", '"" is not NAME=VALUE'),
    ],
)
def test_an_unknown_parameter_is_refused(call, given, said):
    result = call("plan", "w.yaml", "-p", given, w_yaml=DIAMOND)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_simulate_as_json_has_all_that_is_promised(call):
    result = call("simulate", "w.yaml", "--fail", "d", "-o", "json", w_yaml=DIAMOND)
    run = json.loads(result.stdout)
    assert (result.exit_code, run["phase"], run["makespanSeconds"]) == (3, "RolledBack", 5.0)
    assert run["steps"][0] == {"name": "a", "state": "Succeeded", "startSeconds": 0.0, "endSeconds": 1.0}
    assert [undo["name"] for undo in run["compensations"]] == ["b", "a"]
    assert set(run) == {"phase", "makespanSeconds", "steps", "compensations", "finally"}


def test_simulate_every_failure_names_each(call):
    result = call("simulate", "w.yaml", "--every-failure", "-o", "json", w_yaml=DIAMOND)
    runs = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [(run["failed"], len(run["compensations"])) for run in runs] == [("a", 1), ("b", 2), ("c", 2), ("d", 2)]


def test_simulate_every_failure_of_a_real_graph_tells_what_is_undone_and_in_which_order(call):
    if not GRAPHS.exists():
        pytest.skip(f"the real graphs are not here: {GRAPHS} is absent")
    tasks = json.loads((GRAPHS / "mag-dirt02-001.json").read_text())["tasks"]
    steps = [step(task["name"], "true", after=tuple(task["depends_on"]), undo="true") for task in tasks]
    runs = json.loads(
        call("simulate", "w.yaml", "--every-failure", "-o", "json", w_yaml=manifest(*steps, name="mag")).stdout
    )
    assert {run["failed"] for run in runs} == {task["name"] for task in tasks}
    before = {task["name"]: task["depends_on"] for task in tasks}
    for run in runs:
        undone = {undo["name"]: undo for undo in run["compensations"]}
        assert undone.keys() == {one["name"] for one in run["steps"]}, "whatever was attempted, the failed one too"
        assert all(undone[d]["startSeconds"] >= undone[name]["endSeconds"] for name in undone for d in before[name])


def test_simulate_takes_durations(call):
    result = call(
        "simulate", "w.yaml", "--durations", "d.json", "-o", "json", w_yaml=DIAMOND, d_json={"a": 10, "c": 0.5}
    )
    assert json.loads(result.stdout)["makespanSeconds"] == 12.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "is no object of seconds by step name"),
        ("{", "is no JSON"),
        ('{"aa": 1}', 'there is no step "aa"'),
        ('{"a": "1"}', "a: is no number of seconds"),
        ('{"a": -1}', "a: is no number of seconds"),
        ('{"a": true}', "a: is no number of seconds"),
        ('{"a": 1e999}', "a: is no number of seconds"),
        ('{"a": NaN}', "a: is no number of seconds"),
        (b"\xff", "is no JSON"),
    ],
)
def test_simulate_refuses_other_durations(call, content, said):
    result = call("simulate", "w.yaml", "--durations", "d.json", w_yaml=DIAMOND, d_json=content)
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (2, True)


def test_simulate_refuses_an_unknown_step(call):
    result = call("simulate", "w.yaml", "--fail", "bb", w_yaml=DIAMOND)
    assert (result.exit_code, 'there is no step "bb"' in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("run",), "name a FILE to run, or --resume"),
        (("run", "--resume"), "--resume: there is no earlier run"),
        (("run", "--resume", "x"), 'there is no run of "x" in .kubesaga'),
        (("run", "w.yaml", "--resume", "x"), "--resume NAME goes without FILE"),
        (("run", "--resume", "x", "-p", "a=b"), "--param and --name go with a new run"),
        (("run", "w.yaml", "--name", "A"), '"A" is no DNS subdomain'),
        (("rnu", "w.yaml"), 'Did you mean "run"?'),
        (("run", "w.yaml", "--reusme"), "--resume"),
        (("simulate", "w.yaml", "--fail", "a", "--every-failure"), "exclude each other"),
    ],
)
def test_what_was_meant_is_suggested(call, args, said):
    result = call(*args, w_yaml=DIAMOND)
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (2, True)


CHOOSES = {
    **DIAMOND,
    "spec": {
        "steps": [
            {"name": "a", "optional": True, "container": {"image": "i", "command": ["false"]}},
            {"name": "b", "when": "steps.a.outcome == 'Succeeded'", "container": {"image": "i", "command": ["true"]}},
            {
                "name": "c",
                "dependsOn": ["a"],
                "triggerRule": "AnyFailed",
                "container": {"image": "i", "command": ["true"]},
            },
        ]
    },
}


def test_plan_tells_what_decides_whether_steps_run(call):
    lines = call("plan", "w.yaml", w_yaml=CHOOSES).stdout.splitlines()
    place = lines.index("conditions      when these run, and which of them may fail")
    assert lines[place + 1 : place + 4] == [
        "       a: optional",
        "       b: when steps.a.outcome == 'Succeeded'",
        "       c: AnyFailed",
    ]


def test_run_tells_what_was_skipped_and_what_was_tolerated(call):
    result = call("run", "w.yaml", w_yaml=CHOOSES)
    assert result.exit_code == 0
    assert "Skipped    b: ConditionFalse" in result.stderr.splitlines()
    assert "PartiallySucceeded: 1 step succeeded; 1 skipped" in result.stderr


PAYS = {
    **DIAMOND,
    "spec": {
        "steps": [
            {
                "name": "pay",
                "container": {"image": "i", "command": ["false"]},
                "compensate": {"container": {"image": "i", "command": ["true"]}},
                "fallback": {
                    "container": {"image": "i", "command": ["true"]},
                    "compensate": {"container": {"image": "i", "command": ["true"]}},
                },
            },
            {"name": "ship", "dependsOn": ["pay"], "container": {"image": "i", "command": ["false"]}},
        ]
    },
}


def test_plan_names_the_steps_with_a_fallback(call):
    lines = call("plan", "w.yaml", w_yaml=PAYS).stdout.splitlines()
    assert lines[
        lines.index("fallbacks       these are done in another way when their own is used up") + 1
    ].split() == ["pay"]


def test_simulate_lets_a_step_fail_in_its_own_way_or_in_both(call):
    result = call("simulate", "w.yaml", "--every-failure", "-o", "json", w_yaml=PAYS)
    assert [(run["failed"], run["phase"]) for run in json.loads(result.stdout)] == [
        ("pay", "Succeeded"),
        ("pay/fallback", "RolledBack"),
        ("ship", "RolledBack"),
    ]
    assert call("simulate", "w.yaml", "--fail", "pay/fallback", w_yaml=PAYS).exit_code == 3
    for fail, said in (("ship/fallback", 'step "ship" has no fallback'), ("pay/other", "there is no step")):
        result = call("simulate", "w.yaml", "--fail", fail, w_yaml=PAYS)
        assert (result.exit_code, said in result.stderr) == (2, True)


def test_run_tells_which_way_a_step_goes_and_undoes_both(call):
    result = call("run", "w.yaml", w_yaml=PAYS)
    assert result.exit_code == 3
    told = [line.split(" after ")[0] for line in result.stderr.splitlines()]
    assert [line for line in told if "pay" in line and line.startswith("Starting")] == [
        "Starting   pay",
        "Starting   pay (fallback, attempt 2)",
        "Starting   undo of pay (fallback)",
        "Starting   undo of pay (attempt 2)",
    ]
    assert "  undone:   pay" in told


def test_a_suspended_workflow_is_not_run_for_ever(call):
    result = call("run", "w.yaml", w_yaml={**DIAMOND, "spec": {**DIAMOND["spec"], "suspend": True}})
    assert (result.exit_code, "spec.suspend: found true; nothing would ever start" in result.stderr) == (2, True)


def test_crd_prints_the_definition(call):
    assert YAML(typ="safe").load(call("crd").stdout)["metadata"]["name"] == "workflows.kubesaga.dev"


def test_the_version_is_said_both_ways(call):
    assert call("version").stdout == call("--version").stdout
    assert call("version").stdout.startswith("kubesaga ")


@pytest.mark.parametrize(
    "command", ["plan", "run", "simulate", "get", "logs", "wait", "operator", "crd", "schema", "version"]
)
def test_every_command_has_help(call, command):
    assert len(call(command, "--help").stdout.splitlines()) > 3


def test_help_and_plan_load_no_framework():
    """They have to be there at once."""
    script = "import sys, kubesaga.cli.main, kubesaga.cli.plan_command, kubesaga.cli.read;"
    script += "print([name for name in ('kopf', 'kubernetes', 'aiohttp', 'asyncio', 'rich') if name in sys.modules])"
    begun = time.monotonic()
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert time.monotonic() - begun < 5
