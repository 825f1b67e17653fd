"""`kubesaga run`: Workflows on this machine, one after another."""

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO, cast

from rich.console import Console

from kubesaga.api.status import Phase
from kubesaga.cli.exit_code import ExitCode, exit_code
from kubesaga.cli.lasting_stream import LastingStream
from kubesaga.cli.live_tree import LiveTree
from kubesaga.cli.plain_progress import PlainProgress
from kubesaga.cli.run_view import RunView
from kubesaga.cli.step_table import can_draw
from kubesaga.controller.cluster import Raw
from kubesaga.controller.errors import ClusterError
from kubesaga.controller.logs import TextFormatter
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.engine.spec_error import InvalidSpec
from kubesaga.runner.local_run import LocalRequest, LocalRun, stalled_for
from kubesaga.runner.run_folder import RunRefused

_CANCELLING: Final = "Cancelling: what runs is stopped, what was done is undone. Again to stop at once."
_STOPPING: Final = "Stopping at once."
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

Outcome = tuple[Raw, ExitCode]


def begin(manifest: Mapping[str, Any], name: str, state_dir: Path, *, logs: bool) -> Outcome:
    """Run a manifest from its beginning. Raises RunRefused."""
    return asyncio.run(_run(manifest, name, state_dir, logs=logs))


def resume(name: str, state_dir: Path, *, logs: bool, asked: LocalRequest | None = None) -> Outcome:
    """Go on with the run of that name, with what is asked of it. Raises RunRefused."""
    return asyncio.run(_run(None, name, state_dir, logs=logs, asked=asked))


async def _run(
    manifest: Mapping[str, Any] | None, name: str, state_dir: Path, *, logs: bool, asked: LocalRequest | None = None
) -> Outcome:
    run = LocalRun(state_dir, name)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # From when the run is written down until it can be cancelled.
    try:
        if manifest is None:
            run.resume(asked)
        else:
            run.begin(manifest)
        with _logged(run.folder.log):
            return await _shown(run, asked, logs=logs)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        run.close()


async def _shown(run: LocalRun, asked: LocalRequest | None, *, logs: bool) -> Outcome:
    """Run, and show it."""
    try:
        plan = WorkflowPlanner().plan(run.workflow()["spec"], run.name)
    except InvalidSpec as invalid:  # Another version of kubesaga began it.
        raise RunRefused(f'the run of "{run.name}" cannot go on: {invalid}') from invalid
    view = RunView(run.name, plan, run.folder.resume_command)
    stream = cast("TextIO", LastingStream(sys.stderr))
    console = Console(file=stream, highlight=False)
    progress = LiveTree(view, console, logs=logs) if can_draw(console) else PlainProgress(view, stream, logs=logs)
    view.started(run.workflow())
    problem = None
    with progress, _signals(run, progress):
        try:
            await run.run(progress.decided, progress.said)
        except (ClusterError, OSError) as error:
            problem = f"cannot go on: {error}"
    problem = problem or stalled_for(run.workflow())
    if refusal := _refusal(run, asked):
        progress.note(refusal)
        return run.workflow(), ExitCode.REFUSED
    if run.interrupted or problem:
        progress.note(f"{problem or 'Interrupted: nothing more is undone'}. Go on with: {run.folder.resume_command}")
        return run.workflow(), ExitCode.INTERRUPTED
    progress.finish()
    if view.status.phase is not Phase.SUCCEEDED:
        progress.tell("logs", str(_shortest(run.folder.jobs)))
    return run.workflow(), exit_code(view.status.phase)


def _refusal(run: LocalRun, asked: LocalRequest | None) -> str | None:
    """What was asked and refused, in words."""
    handled = (run.workflow().get("status") or {}).get("handledRequests", ())
    answer = next((one for one in handled if one["token"] == run.token), None) if asked else None
    return f"{asked.verb} refused: {answer['message']}" if asked and answer and not answer["accepted"] else None


@contextmanager
def _signals(run: LocalRun, progress: LiveTree | PlainProgress) -> Iterator[None]:
    """The first Ctrl-C cancels and undoes, the second stops at once."""

    def asked() -> None:
        if run.cancelled:
            progress.note(_STOPPING)
            run.interrupt()
        else:
            progress.note(_CANCELLING)
            run.cancel()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, asked)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Let the controller's log go into a file: the terminal shows the same in a better way."""
    logger, handler = logging.getLogger("kubesaga"), logging.FileHandler(path, delay=True)
    handler.setFormatter(TextFormatter("%(asctime)s %(levelname)-7s %(message)s"))
    propagate, logger.propagate = logger.propagate, False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        handler.close()


def _shortest(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
