"""Operators as processes that are killed, or stopped, by themselves at one of their own writes to the API server.

They are forked from one process that has everything imported: a fresh interpreter would need a second each time. Every
write is counted and recorded in a file, with what came of it. Events are no writes here: they are best effort.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from kubernetes.aio.config import kube_config

from kubesaga.controller import cluster_client
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.entrypoint import main
from kubesaga.controller.settings import Settings

WRITES = (
    "patch_status",
    "create_job",
    "patch_job",
    "delete_job",
    "patch_workflow",
    "create_workflow",
    "delete_workflow",
    "create_lease",
    "patch_lease",
    "delete_lease",
)
"""Every call by which the operator changes something, Events aside."""

HASTY_SECONDS = 0.7
"""How long a hasty operator waits for an answer."""

_END_SECONDS = 30
_PROCESSES = threading.Lock()
"""Two threads that look after processes at once would take their exit codes from each other."""


class Write(NamedTuple):
    """One write of an operator."""

    call: str
    outcome: str
    """The name of the error that it raised, or `done`."""


@dataclass(frozen=True)
class Moment:
    """A write at which the operator gets a signal."""

    number: int
    """Counted from 1."""
    when: str
    """before or after"""
    number_of: str = ""
    """Only the writes by this call are counted; all of them where it is empty."""
    signal: str = "SIGKILL"

    def __str__(self) -> str:
        return f"{self.when} {self.number_of or 'write'} {self.number}"


class Operator:
    """A running operator."""

    def __init__(self, process: BaseProcess, folder: Path) -> None:
        self._process = process
        self._folder = folder

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text()

    @property
    def writes(self) -> list[Write]:
        """The writes that have been answered."""
        path = self._folder / "writes"
        return [Write(*line.split()) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it has not, as where it is stopped."""
        with _PROCESSES:
            return self._process.exitcode

    @property
    def stopped(self) -> bool:
        """Whether it is stopped by a signal."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def wait_until_stopped(self, seconds_max: float = 60) -> None:
        """Wait until it has stopped itself."""
        end = time.monotonic() + seconds_max
        while not self.stopped:
            assert time.monotonic() < end, f"it was not stopped in {seconds_max} s: {self.log[-2000:]}"
            time.sleep(0.02)

    def wake(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> int:
        """Kill it, if it still runs; how it ended."""
        return self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask it to end; how it ended, 0 if as it should."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self.exit_code is None:
            self._signal(number)
        end = time.monotonic() + _END_SECONDS
        while (code := self.exit_code) is None:
            assert time.monotonic() < end, f"it did not end in {_END_SECONDS} s: {self.log[-2000:]}"
            time.sleep(0.02)
        return code

    def _signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


class Replaced:
    """An operator that is replaced once by a new one, when it is gone, as a Deployment does.

    `when`: whether the time for it has come.
    """

    def __init__(
        self,
        operators: "Operators",
        namespace: str,
        kubeconfig: Path,
        moment: Moment,
        when: Callable[[], bool] = lambda: True,
    ) -> None:
        self._when = when
        self._start = lambda: operators.start(namespace, kubeconfig)
        self._first = operators.start(namespace, kubeconfig, moment)
        self._second: Operator | None = None

    @property
    def was_killed(self) -> bool:
        """Whether the first one was killed, as it was meant to be."""
        return self._first.exit_code == -signal.SIGKILL

    def look(self) -> None:
        """Replace it, if it is gone."""
        if self._second is None and self._first.exit_code is not None and self._when():
            self._second = self._start()

    def terminate(self) -> int:
        """Ask the one that runs to end; how it ended."""
        return (self._second or self._first).terminate()


class Operators:
    """Starts operators; those still running at the end are killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        _begin_forkserver()
        self._started: list[Operator] = []

    def start(
        self, namespace: str, kubeconfig: Path, moment: Moment | None = None, *, port: int = 0, hasty: bool = False
    ) -> Operator:
        """Start one that watches a namespace, and gets its signal at that moment."""
        folder = Path(tempfile.mkdtemp(prefix=f"{namespace}-", dir=self._folder))
        arguments = (namespace, str(kubeconfig), str(folder), moment, port, hasty)
        process = self._context.Process(target=_run, args=arguments, daemon=True)
        with _PROCESSES:
            process.start()
        self._started.append(Operator(process, folder))
        return self._started[-1]

    def kill_all(self) -> None:
        """End what still runs."""
        for operator in self._started:
            operator.kill()


def _begin_forkserver() -> None:
    """It finds modules as this process does."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _run(namespace: str, kubeconfig: str, folder: str, moment: Moment | None, port: int, hasty: bool) -> None:
    """What the process does."""
    log = os.open(f"{folder}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["KUBECONFIG"] = kube_config.KUBE_CONFIG_DEFAULT_LOCATION = kubeconfig  # The latter was read on import.
    if hasty:
        cluster_client.TIMEOUT_SECONDS = HASTY_SECONDS  # type: ignore[misc]
    _Counter(Path(folder, "writes"), moment).count()
    sys.exit(main(Settings((namespace,), http_port=port)))


class _Counter:
    """Counts the writes, and sends the signal."""

    def __init__(self, file: Path, moment: Moment | None) -> None:
        self._file = file
        self._moment = moment
        self._counted = 0

    def count(self) -> None:
        """From now on."""
        for name in WRITES:
            setattr(ClusterClient, name, self._counting(name, getattr(ClusterClient, name)))

    def _counting(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapped(*arguments: Any) -> Any:
            mine = self._is_the_moment(name)
            if mine is not None and mine.when == "before":
                os.kill(os.getpid(), signal.Signals[mine.signal])
            outcome = "done"
            try:
                return await call(*arguments)
            except Exception as error:
                outcome = type(error).__name__
                raise
            finally:
                with self._file.open("a") as file:
                    file.write(f"{name} {outcome}\n")
                if mine is not None and mine.when == "after":
                    os.kill(os.getpid(), signal.Signals[mine.signal])

        return wrapped

    def _is_the_moment(self, name: str) -> Moment | None:
        if self._moment is None or self._moment.number_of not in ("", name):
            return None
        self._counted += 1
        return self._moment if self._counted == self._moment.number else None
