"""A runner that is killed loses nothing: no finished step runs again, and no running one twice."""

import signal
import time

import pytest

from gate import Gate
from kubesaga_run import Runner, manifest, step

DONE = 'echo "$KUBESAGA_STEP" >> "$LEDGER"'
UNDONE = 'echo "undo-$KUBESAGA_STEP" >> "$LEDGER"'


def test_a_step_that_survived_its_runner_is_waited_for(tmp_path):
    gate = Gate(tmp_path / "gate")
    steps = (step("a", DONE), step("b", f"{DONE}; cat {gate}", after=("a",)), step("c", DONE, after=("b",)))
    runner = Runner(tmp_path, manifest(*steps))
    first = runner.start()
    wait_for(runner, "b")
    first.kill()
    second = runner.start("--resume", "saga", "-o", "json")
    gate.open()
    ended = second.wait()
    assert (ended.code, ended.status["phase"]) == (0, "Succeeded")
    assert runner.effects == ["a", "b", "c"]


def test_a_step_that_ended_while_no_runner_was_there_keeps_its_end(tmp_path):
    gate, written = Gate(tmp_path / "gate"), Gate(tmp_path / "written")
    give = f'{DONE}; cat {gate} > /dev/null; printf \'{{"k": "v"}}\' > $KUBESAGA_TERMINATION_LOG; echo > {written}'
    giver = step("a", give, outputs=[{"name": "k"}])
    taker = step("b", 'echo "got-$K" >> "$LEDGER"')
    taker["container"]["env"] = [{"name": "K", "value": "$(steps.a.outputs.k)"}]
    runner = Runner(tmp_path, manifest(giver, taker))
    first = runner.start()
    wait_for(runner, "a")
    first.kill()
    gate.open()
    written.path.read_text()  # The step has come to its end.
    assert runner.resume().code == 0
    assert runner.effects == ["a", "got-v"]


def test_a_rollback_goes_on_where_it_stood(tmp_path):
    gate = Gate(tmp_path / "gate")
    steps = (
        step("a", DONE, undo=UNDONE),
        step("b", DONE, after=("a",), undo=f"{UNDONE}; cat {gate}"),
        step("c", "exit 1", after=("b",)),
    )
    runner = Runner(tmp_path, manifest(*steps))
    first = runner.start()
    wait_for(runner, "undo-b")
    first.kill()
    second = runner.start("--resume", "saga", "-o", "json")
    gate.open()
    ended = second.wait()
    assert (ended.code, ended.status["phase"]) == (3, "RolledBack")
    assert runner.effects == ["a", "b", "undo-b", "undo-a"]


@pytest.mark.parametrize(("writes", "after"), [(6, True), (6, False)], ids=["after its 6th", "before its 6th"])
def test_however_often_it_is_killed_every_effect_is_there_once(tmp_path, writes, after):
    """Each runner is killed at one of its first writes, until there is one that has so few left to make."""
    names = ("a", "b", "c")
    steps = [step(name, DONE, after=names[:i][-1:], undo=UNDONE) for i, name in enumerate(names)]
    runner = Runner(tmp_path, manifest(*steps, step("d", "exit 1", after=("c",))))
    ended = runner.start(kill_at=(writes, after)).wait()
    for runners in range(2, 60):  # noqa: B007
        if ended.code != -signal.SIGKILL:
            break
        args = ("--resume", "saga") if "had not begun" not in ended.err else ("saga.yaml",)
        ended = runner.start(*args, kill_at=(writes, after)).wait()
        if "had not begun" in ended.err:
            ended = runner.start(kill_at=(writes, after)).wait()
    assert ended.code == 3, ended.err
    assert runners > 5
    assert runner.effects == ["a", "b", "c", "undo-c", "undo-b", "undo-a"]


def test_two_runners_never_share_a_run(tmp_path):
    gate = Gate(tmp_path / "gate")
    runner = Runner(tmp_path, manifest(step("a", f"{DONE}; cat {gate}")))
    first = runner.start()
    wait_for(runner, "a")
    for arguments in (("saga.yaml",), ("--resume", "saga")):
        second = runner.run(*arguments)
        assert second.code == 2
        assert f'"saga" is being run right now, by process {first.process.pid}' in second.err
    gate.open()
    assert first.wait().code == 0


def test_a_new_run_does_not_forget_an_unfinished_one(tmp_path):
    gate = Gate(tmp_path / "gate")
    runner = Runner(tmp_path, manifest(step("a", f"{DONE}; cat {gate}")))
    first = runner.start()
    wait_for(runner, "a")
    first.kill()
    refused = runner.run()
    assert refused.code == 2
    assert "kubesaga run --resume saga" in refused.err
    assert f"rm -r {tmp_path}/.kubesaga/saga" in refused.err
    gate.open()
    assert runner.resume().code == 0


def test_a_run_that_ended_is_begun_anew(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", DONE)))
    assert [runner.run().code, runner.run().code] == [0, 0]
    assert runner.effects == ["a", "a"]


def test_to_resume_what_has_ended_shows_how_it_ended(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", "exit 1")))
    runner.run()
    assert (runner.resume().code, runner.resume().status["phase"]) == (1, "Failed")


def test_without_a_name_the_unfinished_run_is_resumed(tmp_path):
    gate = Gate(tmp_path / "gate")
    runner = Runner(tmp_path, manifest(step("a", f"{DONE}; cat {gate}")))
    first = runner.start()
    wait_for(runner, "a")
    first.kill()
    second = runner.start("--resume")
    gate.open()
    assert second.wait().code == 0
    refused = runner.run("--resume")
    assert (refused.code, "no run is unfinished; those that ended: saga (Succeeded)" in refused.err) == (2, True)


def test_a_blocked_rollback_is_tried_again_when_it_is_resumed(tmp_path):
    undo = f'{UNDONE}; test -e "{tmp_path}/mended"'
    runner = Runner(tmp_path, manifest(step("a", DONE, undo=undo), step("b", "exit 1", after=("a",))))
    blocked = runner.run("saga.yaml", "-o", "json")
    assert (blocked.code, blocked.status["phase"]) == (4, "RollbackBlocked")
    assert "the undo of a failed" in blocked.err
    assert "kubesaga run --resume saga" in blocked.err
    assert runner.resume().code == 4
    (tmp_path / "mended").touch()
    ended = runner.resume()
    assert (ended.code, ended.status["phase"]) == (3, "RolledBack")
    assert runner.effects == ["a", "undo-a", "undo-a", "undo-a"]


def wait_for(runner: Runner, effect: str) -> None:
    """Wait until a step has written its effect down."""
    deadline = time.monotonic() + 20
    while effect not in runner.effects:
        assert time.monotonic() < deadline, f"{effect} did not happen"
        time.sleep(0.01)


def test_what_to_type_to_go_on_names_the_folder_of_the_state(tmp_path):
    gate = Gate(tmp_path / "gate")
    runner = Runner(tmp_path, manifest(step("a", f"{DONE}; cat {gate}")))
    first = runner.start("saga.yaml", "--state-dir", "else where")
    wait_for(runner, "a")
    first.kill()
    refused = runner.run("saga.yaml", "--state-dir", "else where")
    assert "kubesaga run --resume saga --state-dir 'else where'\n" in refused.err
    gate.open()
    assert runner.run("--resume", "saga", "--state-dir", "else where").code == 0


@pytest.mark.parametrize("command", [("saga.yaml",), ("--resume", "saga")])
def test_a_run_whose_state_is_gone_is_neither_begun_anew_nor_gone_on_with(tmp_path, command):
    runner = Runner(tmp_path, manifest(step("a", DONE)))
    runner.run()
    for path in (tmp_path / ".kubesaga/saga").glob("state.db*"):
        path.write_bytes(b"")
    refused = runner.run(*command)
    assert refused.code == 2
    assert "state" in refused.err
    assert runner.effects == ["a"]


def test_a_run_that_cannot_be_read_is_named_when_one_is_looked_for(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", DONE)))
    runner.run()
    for path in (tmp_path / ".kubesaga/saga").glob("state.db*"):
        path.write_bytes(b"no database at all" * 100)
    refused = runner.run("--resume")
    assert refused.code == 2
    assert "state cannot be read" in refused.err


def test_the_name_of_a_run_is_no_path(tmp_path):
    refused = Runner(tmp_path).run("--resume", "../saga")
    assert (refused.code, refused.err) == (
        2,
        '--resume: found "../saga"; must be the name of a run\nrefused: 1 error\n',
    )
