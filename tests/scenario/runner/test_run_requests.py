"""What a person asks of a run on this machine: the same verbs as in a cluster, when it is resumed."""

import pytest

from kubesaga_run import Ended, Runner, manifest, step

DONE = 'echo "$KUBESAGA_STEP" >> "$LEDGER"'
UNDONE = 'echo "undo-$KUBESAGA_STEP" >> "$LEDGER"'


def ask(runner: Runner, request: str, *arguments: str) -> Ended:
    return runner.run("--resume", "saga", "--request", request, "-o", "json", *arguments)


def test_what_has_succeeded_is_undone_on_request(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", DONE, undo=UNDONE), step("b", DONE, after=("a",), undo=UNDONE)))
    assert runner.run().code == 0
    ended = ask(runner, "rollback")
    assert (ended.code, ended.status["reason"]) == (3, "RolledBackOnRequest")
    assert runner.effects == ["a", "b", "undo-b", "undo-a"]


def test_what_was_rolled_back_begins_anew_on_request(tmp_path):
    mend = f'test -e "{tmp_path}/mended"'
    runner = Runner(tmp_path, manifest(step("a", DONE, undo=UNDONE), step("b", f"{mend}; {DONE}", after=("a",))))
    assert runner.run().code == 3
    (tmp_path / "mended").touch()
    ended = ask(runner, "retry")
    assert (ended.code, ended.status["epoch"]) == (0, 2)
    assert runner.effects == ["a", "undo-a", "a", "b"]


def test_a_blocked_undo_is_skipped_on_request_with_its_note(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", DONE, undo="exit 1"), step("b", "exit 1", after=("a",))))
    assert runner.run().code == 4
    ended = ask(runner, "skip-compensation=a", "--note", "refunded by hand")
    assert (ended.code, ended.status["reason"]) == (4, "ManuallyResolved")
    assert "refunded by hand" in ended.status["conditions"][0]["message"]
    assert "why:      ManuallyResolved: left: a (its undo was skipped: refunded by hand" in ended.err
    assert "no undo:  a" not in ended.err


def past_pivot(tmp_path) -> Runner:
    give = f'test -e "{tmp_path}/mended"; printf \'{{"id": "r-1"}}\' > $KUBESAGA_TERMINATION_LOG; {DONE}'
    told = step("c", 'echo "got-$ID" >> "$LEDGER"')
    told["container"]["env"] = [{"name": "ID", "value": "$(steps.b.outputs.id)"}]
    pivot = step("p", DONE, after=("a",), boundary="Pivot")
    failing = step("b", give, after=("p",), outputs=[{"name": "id"}])
    runner = Runner(tmp_path, manifest(step("a", DONE, undo=UNDONE), pivot, failing, told))
    waits = runner.run()
    assert waits.code == 4
    assert "failed:   b: " in waits.err
    assert "go on:    mend what stops it, then: kubesaga run --resume saga" in waits.err
    return runner


def test_what_failed_past_a_pivot_waits_and_goes_on_when_it_is_resumed(tmp_path):
    runner = past_pivot(tmp_path)
    assert runner.resume().code == 4
    (tmp_path / "mended").touch()
    assert runner.resume().code == 0
    assert runner.effects == ["a", "p", "b", "got-r-1"]


def test_or_it_is_skipped_with_the_outputs_that_a_person_says(tmp_path):
    runner = past_pivot(tmp_path)
    assert ask(runner, "skip-step=b", "--step-output", "id=r-17").code == 0
    assert runner.effects == ["a", "p", "got-r-17"]


def test_what_does_not_apply_is_refused_in_words(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", DONE)))
    runner.run()
    refused = ask(runner, "rollback")
    assert refused.code == 2
    assert "rollback refused: there is nothing to undo" in refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("saga.yaml", "--request", "rollback"), "--request goes with --resume"),
        (("--resume", "saga", "--note", "why"), "--note and --step-output go with --request"),
        (("--resume", "saga", "--request", "rolback"), 'did you mean "rollback"?'),
    ],
)
def test_a_request_that_is_none_is_refused_in_words(tmp_path, arguments, said):
    ended = Runner(tmp_path, manifest(step("a", DONE))).run(*arguments)
    assert (ended.code, said in ended.err) == (2, True)


def test_of_several_runs_one_has_to_be_named(tmp_path):
    runner = Runner(tmp_path, manifest(step("a", DONE), name="one"), manifest(step("a", DONE), name="two"))
    runner.run("saga.yaml")
    ended = runner.run("--resume", "--request", "rollback")
    assert (ended.code, "there are 2 runs; name one: one, two" in ended.err) == (2, True)
