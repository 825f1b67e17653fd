"""`kubesaga run` as a process of its own: what a person at a terminal does, and what an angry one does."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KUBESAGA = (sys.executable, "-m", "kubesaga")
WAIT_SECONDS = 30

MORTAL = """
import os, signal, sys
from itertools import count
from kubesaga.cli.main import main
from kubesaga.runner.journal import Journal

write, numbers, (last, after) = Journal.write, count(1), map(int, sys.argv[1:3])

def mortal_write(self, key, raw):
    number = next(numbers)
    if number == last and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, key, raw)
    if number == last:
        os.kill(os.getpid(), signal.SIGKILL)

Journal.write = mortal_write
main(sys.argv[3:])
"""

Step = dict[str, Any]


def step(name: str, script: str, *, after: tuple[str, ...] = (), undo: str | None = None, **fields: Any) -> Step:
    """A step that runs a script of a POSIX shell, as does its undo."""
    made: Step = {"name": name, "container": shell(script), **fields}
    if after:
        made["dependsOn"] = list(after)
    if undo is not None:
        made["compensate"] = {"container": shell(undo), "retry": {"limit": 0}}
    return made


def shell(script: str) -> dict[str, Any]:
    return {"image": "none", "command": ["/bin/sh", "-ec"], "args": [script]}


def manifest(*steps: Step, name: str = "saga", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kubesaga.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"steps": list(steps), **spec},
    }


class Runner:
    """A folder with a manifest, in which `kubesaga run` is started, killed and started again."""

    def __init__(self, folder: Path, *manifests: dict[str, Any]) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.ledger.touch()
        text = "\n---\n".join(json.dumps(one) for one in manifests)
        (folder / "saga.yaml").write_text(text)

    def start(self, *args: str, kill_at: tuple[int, bool] | None = None) -> "Running":
        """Start `kubesaga run`; without arguments with the manifest.

        `kill_at`: let it kill itself at that write of its state, after it (True) or before.
        """
        command = KUBESAGA if kill_at is None else (sys.executable, "-c", MORTAL, str(kill_at[0]), str(int(kill_at[1])))
        return Running(self.folder, [*command, "run", *(args or ("saga.yaml",))])

    def run(self, *args: str) -> "Ended":
        return self.start(*args).wait()

    def resume(self) -> "Ended":
        return self.run("--resume", "saga", "-o", "json")

    @property
    def effects(self) -> list[str]:
        """What the steps did, in order."""
        return self.ledger.read_text().split()


class Ended:
    """What a run came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def status(self) -> dict[str, Any]:
        """The status of the Workflow, from `-o json`."""
        status: dict[str, Any] = json.loads(self.out)["status"]
        return status


class Running:
    """A run in progress, in a session of its own."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self._err, self._out = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115 - `wait` closes them
        env = {**os.environ, "LEDGER": str(folder / "ledger"), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err
        )

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def told(self, text: str) -> bool:
        """Whether it has said so to the person in front of it."""
        return text.encode() in os.pread(self._err.fileno(), 1_000_000, 0)

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    def wait(self) -> Ended:
        code = self.process.wait(WAIT_SECONDS)
        texts = []
        for file in (self._out, self._err):
            file.seek(0)
            texts.append(file.read())
            file.close()
        return Ended(code, *texts)
