"""A process is started once, its end is known to whoever asks, and nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gate import Gate
from kubesaga.runner.child import Child

ENV = {"PATH": os.environ["PATH"]}
STARTED_BY_ANOTHER = """
import os, sys
from pathlib import Path
from kubesaga.runner.child import Child
child = Child(Path(sys.argv[1]))
child.prepare()
child.start(sys.argv[2:], {"PATH": os.environ["PATH"]}, None)
"""


@pytest.fixture
def child(tmp_path):
    child = Child(tmp_path / "child")
    child.prepare()
    yield child
    child.signal(signal.SIGKILL)


@pytest.fixture
def gate(tmp_path) -> Gate:
    return Gate(tmp_path / "gate")


def shell(child: Child, script: str) -> None:
    child.start(["/bin/sh", "-c", script], ENV, None)


@pytest.mark.parametrize("code", [0, 1, 42, 255])
async def test_its_exit_code_is_known(child, code):
    shell(child, f"exit {code}")
    assert await child.wait() == code
    assert child.exit_code() == code


async def test_both_outputs_go_to_its_log(child):
    shell(child, "echo out; echo err >&2")
    await child.wait()
    assert child.log.read_text() == "out\nerr\n"


async def test_it_reads_nothing_from_the_terminal(child):
    child.start(["cat"], ENV, None)
    assert await child.wait() == 0


async def test_it_gets_its_arguments_to_the_byte(child):
    words = ["a b", "", "'", '"', "\n", "$HOME", "`id`", "*", "\\", "é\u2028😀", "-n", "; rm -rf /"]
    child.start(["printf", "%s\\0", *words], ENV, None)
    await child.wait()
    assert child.log.read_bytes().decode().split("\0")[:-1] == words


async def test_it_has_begun_from_its_start_on(child, gate):
    assert not child.begun()
    shell(child, f"cat {gate}")
    assert child.begun()
    await gate.opened()
    await child.wait()
    assert child.begun()


async def test_sigterm_ends_it(child, gate):
    shell(child, f"cat {gate} > /dev/null; exec cat {gate}")
    await gate.opened()
    child.stop()
    assert await child.wait() == 128 + signal.SIGTERM


async def test_it_may_end_in_its_own_way_on_sigterm(child, gate):
    shell(child, f"trap 'echo bye; exit 3' TERM; cat {gate} > /dev/null; cat {gate} & wait $!")
    await gate.opened()
    child.stop()
    assert await child.wait() == 3
    assert "bye" in child.log.read_text()


async def test_after_sigkill_nobody_knows_its_exit_code(child, gate):
    shell(child, f"cat {gate} > /dev/null; exec cat {gate}")
    await gate.opened()
    child.signal(signal.SIGKILL)
    assert await child.wait() is None


async def test_what_it_left_running_ends_with_it(child, gate, tmp_path):
    """As all of a container does."""
    shell(child, f"(exec cat {gate}) & exit 0")
    assert await child.wait() == 0
    assert not gate.awaited


async def test_where_the_wrapper_alone_is_killed_the_command_is_killed_too(child, gate):
    shell(child, f"cat {gate} > /dev/null; exec cat {gate}")
    await gate.opened()
    os.kill(int((child.folder / "pid").read_text()), signal.SIGKILL)
    assert await child.wait() is None
    assert not gate.awaited


async def test_whoever_comes_later_waits_for_its_end(tmp_path, gate):
    folder = tmp_path / "orphan"
    command = ["/bin/sh", "-c", f"cat {gate}; exit 7"]
    await asyncio.to_thread(subprocess.check_call, [sys.executable, "-c", STARTED_BY_ANOTHER, folder, *command])
    child = Child(folder)
    assert child.begun()
    waiting = asyncio.create_task(child.wait())
    await gate.opened()
    assert await waiting == 7


async def test_a_signal_after_its_end_reaches_nobody(child):
    shell(child, "exit 0")
    await child.wait()
    child.signal(signal.SIGKILL)
    assert child.exit_code() == 0


async def test_it_works_in_the_folder_that_it_is_given(child, tmp_path):
    child.start(["pwd"], ENV, str(tmp_path))
    await child.wait()
    assert child.log.read_text().strip() == str(tmp_path.resolve())


async def test_a_folder_named_relative_to_here_is_the_same_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    child = Child(Path("here"))
    child.prepare()
    child.start(["true"], ENV, "/")
    assert await child.wait() == 0


async def test_half_an_exit_code_is_none(child):
    (child.folder / "exit-code").write_text("1")
    assert child.exit_code() is None
