"""`kubesaga logs`: what a step's container of one attempt has written."""

import sys
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import BinaryIO

from kubesaga.api.names import CONTAINER_NAME, Direction, job_name
from kubesaga.api.status import Execution, StepReason, StepStatus
from kubesaga.cli.cluster_call import Problem, in_cluster
from kubesaga.cli.exit_code import ExitCode
from kubesaga.cli.reading import Reading
from kubesaga.cli.terminal_text import one_line, visible
from kubesaga.controller.cluster import Raw
from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.engine.observation import PodObservation
from kubesaga.engine.plan import PlannedStep
from kubesaga.engine.spec_error import InvalidSpec
from kubesaga.engine.suggestion import Suggestions


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose log: of which step, in which direction, of which attempt (None: the latest)."""

    step: str
    direction: Direction
    attempt: int | None

    @property
    def what(self) -> str:
        """The step or its undo, as people call it."""
        kinds = {Direction.COMPENSATION: "the undo of", Direction.FINALLY: "the finally step"}
        return f"{kinds.get(self.direction, 'step')} {self.step}"


def print_log(
    name: str,
    step: str,
    *,
    compensation: bool,
    attempt: int | None,
    follow: bool,
    namespace: str | None,
    context: str | None,
) -> ExitCode:
    """Print the log, with `follow` until the container ends. Returns the exit code."""
    asked = Wanted(step, Direction.COMPENSATION if compensation else Direction.FORWARD, attempt)

    async def work(client: ClusterClient, where: str) -> ExitCode:
        reading = Reading.of(await client.read_workflow(where, name))
        wanted = _directed(reading, asked)
        execution = found(reading, wanted)
        pod = await _pod(client, reading, wanted, execution)
        async with aclosing(client.pod_log(where, pod, CONTAINER_NAME, follow=follow)) as chunks:
            shown = Shown(sys.stdout.buffer, plain=not sys.stdout.isatty())
            async for chunk in chunks:
                shown.write(chunk)
            shown.finish()
        return ExitCode.SUCCEEDED

    return in_cluster(work, namespace=namespace, context=context)


def found(reading: Reading, wanted: Wanted) -> Execution:
    """The record of what is wanted. Raises Problem where there can be no log, and says why."""
    execution = _record(reading, wanted)
    if execution is None:
        begun = reading.view is not None and wanted.step in reading.view.records()
        waits = reading.view.waits_for(wanted.step) if reading.view and not begun else ""
        because = f": it {waits}" if waits.startswith("waits for") else ""
        raise Problem(f"{wanted.what} has not started{because}")
    last = execution.attempt
    if wanted.attempt is not None and wanted.attempt > last:
        there = f"there are attempts 1 to {last}" if last > 1 else "there is attempt 1"
        raise Problem(f"{wanted.what} has no attempt {wanted.attempt}: {there}")
    return execution


def _directed(reading: Reading, wanted: Wanted) -> Wanted:
    """What is wanted, where its step is a finally step: no step has the name of one."""
    if isinstance(reading.plan, InvalidSpec) or wanted.step not in reading.plan.finally_steps:
        return wanted
    if wanted.direction is Direction.COMPENSATION:
        raise Problem(f"the finally step {wanted.step} has no undo")
    return replace(wanted, direction=Direction.FINALLY)


def _record(reading: Reading, wanted: Wanted) -> Execution | None:
    if wanted.direction is Direction.FINALLY:
        return reading.view.finally_records().get(wanted.step) if reading.view else None
    planned = _planned(reading, wanted.step)
    record = reading.view.records().get(wanted.step) if reading.view else None
    return record if wanted.direction is Direction.FORWARD else _undo(planned, record)


def _planned(reading: Reading, step: str) -> PlannedStep:
    if isinstance(reading.plan, InvalidSpec):
        name = reading.workflow.name
        raise Problem(f"the spec has errors, so no step has a log: kubesaga get {name} shows them")
    if step not in reading.plan.by_name:
        known = Suggestions().did_you_mean(step, (*reading.plan.order, *reading.plan.finally_steps))
        raise Problem(f'there is no step "{one_line(step)}"; {known}')
    return reading.plan.by_name[step]


def _undo(planned: PlannedStep, record: StepStatus | None) -> Execution | None:
    if not planned.undoable:
        raise Problem(f"step {planned.name} has no undo")
    if planned.compensation is not None and planned.compensation.deletes_job:
        raise Problem(f"the undo of {planned.name} deletes its Job: it runs nothing, and has no log")
    return record.compensation if record else None


async def _pod(client: ClusterClient, reading: Reading, wanted: Wanted, execution: Execution) -> str:
    """The name of the attempt's Pod, the latest one. Raises Problem where it has none, or its container waits."""
    workflow, attempt = reading.workflow, wanted.attempt or execution.attempt
    job = job_name(workflow.uid, wanted.step, wanted.direction, attempt, execution.epoch)
    pods = await client.pods_of_job(workflow.namespace, job)
    if not pods:
        raise Problem(_without_pod(wanted, execution, attempt))
    raw = max(pods, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
    if not _begun(raw):
        waiting = one_line(PodObservation.parse(raw).waiting) or "its container is being prepared"
        raise Problem(f"the Pod {raw['metadata']['name']} of {wanted.what} still waits: {waiting}")
    name: str = raw["metadata"]["name"]
    return name


def _begun(pod: Raw) -> bool:
    """Whether the step's container runs, or has run, or never will."""
    states = [one.get("state") or {} for one in (pod.get("status") or {}).get("containerStatuses") or ()]
    return PodObservation.parse(pod).ended or any("running" in one or "terminated" in one for one in states)


def _without_pod(wanted: Wanted, execution: Execution, attempt: int) -> str:
    """Why an attempt that was decided has no Pod, and what is known of it."""
    which = f"attempt {attempt} of {wanted.what}"
    if attempt < execution.attempt:
        return f"the Pod of {which} is gone"
    said = one_line(execution.message or execution.reason or "")
    if execution.state.in_flight:
        return f"{which} has no Pod yet{f': {said}' if said else ''}"
    never = execution.reason in (StepReason.NOT_STARTED, StepReason.CREATE_REJECTED, StepReason.NAME_CONFLICT)
    if never:
        return f"{which} never began: {said}"
    return f"the Pod of {which} is gone{f'; its last message: {said}' if said else ''}"


class Shown:
    """A log on standard output: into a file or a pipe as it was written, on a terminal made harmless."""

    def __init__(self, stream: BinaryIO, *, plain: bool) -> None:
        self._stream = stream
        self._plain = plain
        self._rest = b""

    def write(self, chunk: bytes) -> None:
        """Show what came; on a terminal as far as lines are complete."""
        if not self._plain:
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            chunk = b"".join(_harmless(line) + b"\n" for line in lines)
        self._stream.write(chunk)
        self._stream.flush()

    def finish(self) -> None:
        """Show what is left: a last line that has no end."""
        if self._rest:
            self._stream.write(_harmless(self._rest) + b"\n")
            self._stream.flush()


def _harmless(line: bytes) -> bytes:
    return visible(line.decode(errors="replace")).encode(errors="replace")
