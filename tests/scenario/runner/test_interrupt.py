"""Ctrl-C once undoes; twice stops at once and loses nothing."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import time

import pytest

from gate import Gate
from kubesaga_run import KUBESAGA, Runner, manifest, step

DONE = 'echo "$KUBESAGA_STEP" >> "$LEDGER"'
UNDONE = 'echo "undo-$KUBESAGA_STEP" >> "$LEDGER"'


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "gate")


def stuck(gate: Gate, farewell: str = "exit 9") -> str:
    """A script that waits at the gate, and then for a signal."""
    return f"trap '{farewell}' TERM; {DONE}; cat {gate}; cat {gate} & wait $!"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_one_stops_what_runs_and_undoes_what_was_done(tmp_path, gate, number):
    steps = (
        step("a", DONE, undo=UNDONE),
        step("b", stuck(gate), after=("a",), undo=UNDONE),
        step("c", DONE, after=("b",)),
    )
    runner = Runner(tmp_path, manifest(*steps))
    running = runner.start("saga.yaml", "-o", "json")
    gate.open()
    running.process.send_signal(number)
    ended = running.wait()
    assert (ended.code, ended.status["phase"], ended.status["failure"]["reason"]) == (3, "RolledBack", "Cancelled")
    assert runner.effects == ["a", "b", "undo-b", "undo-a"]
    assert "Cancelling" in ended.err


def test_where_there_is_nothing_to_undo_it_ends_cancelled(tmp_path, gate):
    runner = Runner(tmp_path, manifest(step("a", stuck(gate))))
    running = runner.start("saga.yaml", "-o", "json")
    gate.open()
    running.interrupt()
    ended = running.wait()
    assert (ended.code, ended.status["phase"]) == (1, "Cancelled")


def test_the_second_one_stops_at_once_and_resume_undoes(tmp_path, gate):
    farewell = Gate(tmp_path / "farewell")
    steps = (step("a", DONE, undo=UNDONE), step("b", stuck(gate, f"cat {farewell}"), after=("a",), undo=UNDONE))
    runner = Runner(tmp_path, manifest(*steps))
    running = runner.start()
    gate.open()
    running.interrupt()
    while not farewell.awaited:
        time.sleep(0.01)
    running.interrupt()
    ended = running.wait()
    assert ended.code == 130
    assert "kubesaga run --resume saga" in ended.err
    assert not farewell.awaited  # The process is gone.
    resumed = runner.resume()
    assert (resumed.code, resumed.status["phase"]) == (3, "RolledBack"), resumed.err
    assert runner.effects == ["a", "b", "undo-b", "undo-a"]


def test_an_undo_that_was_stopped_at_once_begins_anew_and_has_not_used_up_an_attempt(tmp_path, gate):
    undo = f"[ -e undoing ] || {{ touch undoing; cat {gate}; cat {gate}; }}; {UNDONE}"
    runner = Runner(tmp_path, manifest(step("a", DONE, undo=undo), step("b", "exit 1", after=("a",))))
    running = runner.start()
    gate.open()
    running.interrupt()
    while not running.told("Cancelling"):
        time.sleep(0.01)
    running.interrupt()
    assert running.wait().code == 130
    resumed = runner.resume()
    assert (resumed.code, resumed.status["phase"]) == (3, "RolledBack")
    assert resumed.status["steps"][0]["compensation"].get("attempt", 1) == 1
    assert runner.effects == ["a", "undo-a"]


def test_ctrl_c_before_there_is_anything_to_stop_ends_without_a_word(tmp_path):
    fifo = tmp_path / "manifest"
    os.mkfifo(fifo)
    with (
        subprocess.Popen([*KUBESAGA, "run", str(fifo)], cwd=tmp_path, stderr=subprocess.PIPE) as process,
        fifo.open("w"),  # It has opened the other end.
    ):
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == b""
        assert process.returncode == -signal.SIGINT


def test_ctrl_c_at_a_terminal_reaches_the_runner_and_no_step(tmp_path, gate):
    """Steps are in sessions of their own: the terminal's signal must not end them behind the runner's back."""
    steps = (step("a", DONE, undo=UNDONE), step("b", stuck(gate), after=("a",), undo=UNDONE))
    runner = Runner(tmp_path, manifest(*steps))
    leader, terminal = pty.openpty()
    env = {**os.environ, "LEDGER": str(runner.ledger), "TERM": "xterm"}
    process = subprocess.Popen(
        [*KUBESAGA, "run", "saga.yaml"],
        cwd=tmp_path,
        env=env,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    gate.open()
    os.write(leader, b"\x03")
    shown = b""
    while True:
        try:
            read = os.read(leader, 65_536)
        except OSError:  # The other end is closed.
            break
        if not read:
            break
        shown += read
    os.close(leader)
    assert process.wait(20) == 3
    assert runner.effects == ["a", "b", "undo-b", "undo-a"]
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "saga  RolledBack" in text
    assert "✔ a" in text
