"""`kubesaga get`: what a person is told of a Workflow, once and as it goes on."""

import json
import re

import pytest
from rich.console import Console
from ruamel.yaml import YAML

from fake_cluster import AWAY, CTRL_C, DELETED, EXPIRED, WATCH_ENDS, FakeCluster, ago, workflow
from kubesaga.cli.live_report import LiveReport
from kubesaga.cli.reading import Reading
from order_story import STEPS, OrderStory, blocked, rolled_back, shipping, succeeded


def rows(text: str) -> list[str]:
    """The lines without what depends on the moment, one space between words."""
    timeless = re.sub(r"(for|ended|created|running) +\d[0-9hms]*( ago)?", r"\1 ...", text)
    return [" ".join(line.split()) for line in timeless.splitlines()]


def test_a_workflow_that_goes_on_shows_what_runs_and_what_waits_for_what(saga):
    result = saga(FakeCluster(shipping().last), "get", "order")
    assert result.exit_code == 0
    assert rows(result.stdout) == [
        "order Running 3/5 steps for ...",
        "",
        "✔ check succeeded 3s",
        "✔ charge succeeded 3s",
        "✔ reserve succeeded (attempt 2) 3s",
        "● ship running ...",
        "· notify waits for ship",
    ]


def test_a_rollback_shows_its_cause_and_every_undo_below_its_step(saga):
    result = saga(FakeCluster(rolled_back().last), "get", "order")
    assert rows(result.stdout) == [
        "order RolledBack 3/5 steps, 2/2 undone took 24s, ended ...",
        "cause step ship failed: exit code 1: no luck",
        "message 2 steps undone",
        "",
        "✔ check succeeded 3s",
        "✔ charge succeeded 3s",
        "↩ undo undone 3s",
        "✔ reserve succeeded (attempt 2) 3s",
        "↩ undo undone 6s",
        "✖ ship failed 2s exit code 1: no luck",
        "· notify not started",
    ]


def test_a_blocked_rollback_says_what_leads_on(saga):
    shown = rows(saga(FakeCluster(blocked().last), "get", "order").stdout)
    assert shown[0] == "order RollbackBlocked (CompensationFailed) 3/5 steps, 1/2 undone for ..."
    asks = "kubesaga.dev/retry-compensation, skip-compensation or abandon leads on"
    assert shown[2] == f"message charge (its undo failed: exit code 1: no luck): {asks}"
    assert "↩ undo undo failed (attempt 2) 0s exit code 1: no luck" in [
        re.sub(r"\d+m?\d*s", "0s", row) for row in shown
    ]


def test_every_error_of_a_refused_spec_has_a_line(saga):
    wrong = OrderStory({"name": "A"}, {"name": "b", "dependsOn": ["c"], "container": {"image": "i"}})
    result = saga(FakeCluster(wrong.last), "get", "order")
    shown = rows(result.stdout)
    assert (result.exit_code, shown[0]) == (0, "order Failed (InvalidSpec) created ...")
    assert re.fullmatch(r"cause the spec has \d errors", shown[1])
    assert [row.split(":")[0] for row in shown[2:]] == [error.path for error in wrong.world.plan().errors]
    assert "Traceback" not in result.output


def test_a_workflow_that_nobody_has_seen_yet_says_so(saga):
    shown = rows(saga(FakeCluster(OrderStory().seen[0]), "get", "order").stdout)
    assert shown[0] == "order not seen by the operator yet created ..."
    assert shown[-1] == "· notify waits for ship"


def test_a_wrong_spec_that_nobody_has_seen_yet_is_told_at_once(saga):
    shown = rows(saga(FakeCluster(workflow(None, {"steps": []})), "get", "order").stdout)
    assert shown[:2] == ["order not seen by the operator yet created ...", "spec has 1 error"]
    assert shown[2].startswith("spec.steps: ")


def test_what_was_asked_and_answered_is_told(saga):
    story = shipping()
    answer = {
        "verb": "skip-compensation",
        "target": "ship",
        "token": "1",
        "accepted": False,
        "message": "is not blocked",
    }
    story.last["status"]["handledRequests"] = [{**answer, "time": ago(65)}]
    shown = rows(saga(FakeCluster(story.last), "get", "order").stdout)
    assert re.fullmatch(r"request skip-compensation ship refused \d+m\d\ds ago: is not blocked", shown[1])


def test_what_stalls_and_what_is_not_seen_yet_is_told(saga):
    last = shipping().last
    stalled = {"type": "Stalled", "status": "True", "reason": "ReconcileFailed", "message": "KeyError: 'a'"}
    last["status"]["conditions"].append({**stalled, "lastTransitionTime": ago(3), "observedGeneration": 1})
    last["metadata"]["generation"] = 2
    shown = rows(saga(FakeCluster(last), "get", "order").stdout)
    assert "stalled ReconcileFailed: KeyError: 'a'" in shown
    assert "changed the operator has not seen the last change of the spec yet" in shown


def test_a_step_without_a_message_still_says_its_exit_code(saga):
    last = shipping().last
    last["status"]["steps"][-1] |= {"state": "Cancelled", "reason": "Stopped", "exitCode": 143}
    assert "■ ship cancelled" in (row := rows(saga(FakeCluster(last), "get", "order").stdout)[5])
    assert row.endswith("Stopped, exit code 143")


def test_a_step_that_waits_for_its_turn_says_for_what(saga):
    story = OrderStory(*STEPS, parallelism=1).succeeds("check")
    assert "· reserve waits: at most 1 at once" in rows(saga(FakeCluster(story.last), "get", "order").stdout)
    story = OrderStory(*STEPS, suspend=True)
    assert "· check waits: suspended" in rows(saga(FakeCluster(story.last), "get", "order").stdout)


def test_a_step_waits_for_none_that_a_person_has_skipped(saga):
    last = OrderStory(*STEPS, parallelism=1).succeeds("check").last
    last["status"]["steps"][-1] |= {"state": "Skipped"}
    assert "· ship waits for reserve" in rows(saga(FakeCluster(last), "get", "order").stdout)


def test_nothing_that_a_step_wrote_reaches_the_terminal_as_it_is(saga):
    last = shipping().last
    last["status"]["steps"][-1]["message"] = "a\x1b[2Jb\nc"
    assert "ab c" in saga(FakeCluster(last), "get", "order").stdout


def test_where_nobody_watches_nothing_is_cut_off(saga):
    last = shipping().last
    last["status"]["steps"][-1]["message"] = "x" * 250
    assert "x" * 250 in saga(FakeCluster(last), "get", "order").stdout


@pytest.mark.parametrize("read", [json.loads, YAML(typ="safe").load])
def test_the_object_is_printed_as_kubectl_prints_it(saga, read):
    last = shipping().last
    result = saga(FakeCluster(last), "get", "order", "-o", "json" if read is json.loads else "yaml")
    last["metadata"].pop("managedFields")
    assert read(result.stdout) == last


def test_the_namespace_is_that_of_the_context_unless_another_is_named(saga):
    for arguments, namespace in [((), "shop"), (("-n", "other"), "other")]:
        cluster = FakeCluster(shipping().last)
        saga(cluster, "get", "order", *arguments)
        assert cluster.namespace == namespace


def test_a_workflow_that_is_not_there_is_one_line(saga):
    result = saga(FakeCluster(shipping().last), "get", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == 'kubesaga: workflows.kubesaga.dev "nobody" not found\n'


def test_a_status_of_another_version_is_one_line(saga):
    last = shipping().last
    last["status"]["phase"] = "Meditating"
    result = saga(FakeCluster(last), "get", "order")
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.match("kubesaga: this version of kubesaga cannot read order: status.phase: .*\n$", result.stderr)
    assert saga(FakeCluster(last), "get", "order", "-o", "json").exit_code == 0


def test_watching_tells_each_change_once_and_ends_with_the_workflow(saga):
    result = saga(FakeCluster(*rolled_back().seen), "get", "order", "--watch")
    assert (result.exit_code, result.stderr) == (0, "")
    told = rows(result.stdout)
    assert told == [
        "order: not seen by the operator yet",
        "order: Running",
        "Running check",
        "Succeeded check after 3s",
        "Running charge",
        "Running reserve",
        "Succeeded charge after 3s",
        "Retrying reserve: exit code 1: no luck",
        "Running reserve (attempt 2)",
        "Succeeded reserve (attempt 2) after 3s",
        "Running ship",
        "Failed ship after 2s: exit code 1: no luck",
        "order: RollingBack: step ship failed: exit code 1: no luck",
        "Running undo of charge",
        "Running undo of reserve",
        "Succeeded undo of charge after 3s",
        "Succeeded undo of reserve after 6s",
        "order: RolledBack: 3/5 steps, 2/2 undone, took 24s, ended ...",
        "cause: step ship failed: exit code 1: no luck",
        "message: 2 steps undone",
    ]


def test_watching_what_goes_on_says_first_how_it_stands(saga):
    seen = succeeded().seen
    told = rows(saga(FakeCluster(*seen[5:]), "get", "order", "--watch").stdout)
    assert told[0] == "order: Running"
    assert told[1].startswith("Succeeded check")


def test_what_a_running_step_waits_for_is_a_change_too(saga):
    story = shipping()
    waiting = json.loads(json.dumps(story.last))
    waiting["status"]["steps"][-1]["message"] = "ImagePullBackOff: no such image"
    waiting["metadata"]["resourceVersion"] = "70"
    told = rows(saga(FakeCluster(story.last, waiting, *succeeded().seen[-1:]), "get", "order", "-w").stdout)
    assert "Running ship: ImagePullBackOff: no such image" in told


@pytest.mark.parametrize("interruption", [WATCH_ENDS, EXPIRED, AWAY])
def test_a_watch_that_ends_is_taken_up_again(saga, interruption):
    seen = succeeded().seen
    result = saga(FakeCluster(*seen[:4], interruption, *seen[4:]), "get", "order", "-w")
    assert (result.exit_code, result.stderr) == (0, "")
    assert rows(result.stdout)[-2] == "order: Succeeded: 5/5 steps, took 22s, ended ..."


def test_an_api_server_that_stays_away_is_told_after_some_patience(saga):
    result = saga(FakeCluster(shipping().last, AWAY, AWAY, AWAY, AWAY), "get", "order", "-w")
    assert result.exit_code == 1
    assert result.stderr == "kubesaga: cannot reach the API server: connection refused\n"


def test_a_deleted_workflow_is_told(saga):
    result = saga(FakeCluster(shipping().last, DELETED), "get", "order", "-w")
    assert (result.exit_code, result.stderr) == (1, "kubesaga: workflow.kubesaga.dev/order was deleted\n")


def test_another_workflow_of_the_same_name_is_not_taken_for_it(saga):
    class Replaced(FakeCluster):
        async def read_workflow(self, namespace, name):
            found = await super().read_workflow(namespace, name)
            return found if self.reads == 1 else {**found, "metadata": {**found["metadata"], "uid": "another"}}

    result = saga(Replaced(shipping().last, WATCH_ENDS), "get", "order", "-w")
    assert (result.exit_code, result.stderr) == (1, "kubesaga: workflow.kubesaga.dev/order was deleted\n")


def test_ctrl_c_stops_watching_and_says_nothing(saga):
    result = saga(FakeCluster(shipping().last, CTRL_C), "get", "order", "-w")
    assert (result.exit_code, result.stderr) == (130, "")


def test_a_watched_object_is_printed_at_each_change(saga):
    seen = succeeded().seen
    result = saga(FakeCluster(*seen[-3:]), "get", "order", "-w", "-o", "yaml")
    assert [one["metadata"]["resourceVersion"] for one in YAML(typ="safe").load_all(result.stdout)] == [
        one["metadata"]["resourceVersion"] for one in seen[-3:]
    ]


def test_a_live_picture_fits_the_screen_and_the_last_one_has_all(capsys):
    story = rolled_back()
    console = Console(force_terminal=True, width=60, height=8, color_system=None, _environ={"TERM": "xterm"})
    reading = Reading.of(story.last)
    with console.capture() as captured, LiveReport(reading, console) as live:
        live.show(reading)
    picture, _, rest = captured.get().partition("\r")
    assert len(picture.splitlines()) < 8
    assert "more steps" in picture
    assert "ship" in picture
    last = re.sub(r"\x1b\[[0-9?]*[a-zA-Z]", "", rest).splitlines()
    assert [name for name in ("check", "charge", "notify") if not any(name in line for line in last)] == []


def test_a_deleted_workflow_that_is_undone_first_says_so(saga):
    seen = shipping().last
    seen["metadata"] |= {"deletionTimestamp": ago(3), "finalizers": ["kubesaga.dev/rollback-unfinished"]}
    assert "it goes when what was done is undone" in saga(FakeCluster(seen), "get", "order").stdout
    seen["metadata"]["finalizers"] = []
    assert "its Jobs and Pods go with it; nothing is undone" in saga(FakeCluster(seen), "get", "order").stdout


def test_what_is_said_without_a_cause_is_said_as_it_is(saga):
    seen = shipping().last
    seen["status"]["conditions"][0]["message"] = "stopped on request; waits for Pod p"
    assert "stopped on request; waits for Pod p" in saga(FakeCluster(seen), "get", "order").stdout
