"""`kubesaga run`: Workflows on this machine, one after another."""

import asyncio
import logging
import signal
from pathlib import Path

from rich.console import Console

from kubesaga.api.status import WorkflowStatus
from kubesaga.cli.exit_code import ExitCode, exit_code
from kubesaga.cli.manifest import Manifest
from kubesaga.cli.progress import LiveProgress, PlainProgress, Progress, summary
from kubesaga.controller.cluster import Raw
from kubesaga.engine.plan import Plan
from kubesaga.engine.planner import WorkflowPlanner
from kubesaga.runner.local_run import LocalRun


def run_workflow(manifest: Manifest | None, name: str, state_dir: Path, console: Console) -> tuple[Raw, ExitCode]:
    """Run a manifest, or resume the run of that name. Raises RunRefused. Returns the Workflow and the exit code."""
    logging.getLogger("kubesaga").setLevel(logging.CRITICAL)  # The terminal shows what the log would say.
    return asyncio.run(_run(manifest, name, state_dir, console))


async def _run(manifest: Manifest | None, name: str, state_dir: Path, console: Console) -> tuple[Raw, ExitCode]:
    run = LocalRun(state_dir, name)
    try:
        run.open(manifest.raw if manifest else None)
        plan = manifest.plan if manifest else WorkflowPlanner().plan(run.workflow()["spec"])
        _on_signals(run, console)
        progress = _progress(console, name, plan)
        with progress:
            raw = await run.run(progress.decided, progress.said)
        if run.interrupted:
            console.print(f"interrupted; kubesaga run --resume {name} goes on", soft_wrap=True)
            return raw, ExitCode.INTERRUPTED
        status = WorkflowStatus.model_validate(raw["status"])
        console.print(summary(status), soft_wrap=True)
        return raw, ExitCode.INTERRUPTED if run.cancelled else exit_code(status.phase)
    finally:
        run.close()


def _on_signals(run: LocalRun, console: Console) -> None:
    """The first Ctrl-C cancels and undoes, the second stops at once."""

    def asked() -> None:
        if run.cancelled:
            run.interrupt()
        else:
            console.print("cancelling: running steps are stopped, what was done is undone (again: stop at once)")
            run.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked)


def _progress(console: Console, name: str, plan: Plan) -> Progress:
    return LiveProgress(console, name, plan) if console.is_terminal else PlainProgress(console)
