"""The simulator: the engine in virtual time. What runs, what is undone, in which order, and how long it takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from kubesaga.api.names import Direction
from kubesaga.api.spec import Approval, Wait
from kubesaga.api.status import Phase, StepState, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import ConfirmJob
from kubesaga.engine.decision import StepTransition
from kubesaga.engine.plan import Plan
from kubesaga.engine.reconcile import reconcile
from kubesaga.engine.verb import Verb
from kubesaga.runner.simulated_jobs import Ending, Script, SimulatedJobs

BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Virtual time begins here; only differences are shown."""

_PASSES_AT_ONE_MOMENT_MAX: Final = 1_000


class SimulationStuck(RuntimeError):  # noqa: N818 - what it says
    """Nothing will ever happen again, and the Workflow has not ended: a defect of the engine or of the script."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a step, or an undo, was started first and ended last, in seconds of virtual time."""

    name: str
    state: StepState
    start_seconds: float
    end_seconds: float | None


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """One run in virtual time."""

    status: WorkflowStatus
    makespan_seconds: float
    steps: tuple[Span, ...]
    compensations: tuple[Span, ...]
    finally_steps: tuple[Span, ...] = ()

    @property
    def phase(self) -> Phase:
        """Where the run ended."""
        assert self.status.phase is not None  # noqa: S101 - every pass sets it
        return self.status.phase


@dataclass(slots=True)
class Simulator:
    """Runs one Workflow in virtual time until it has ended or waits for a person. Approvals are given at once."""

    plan: Plan
    workflow: Workflow
    jobs: SimulatedJobs
    rejected: str | None = None
    """The approval that is denied instead."""
    now: datetime = BEGINNING
    spans: dict[tuple[Direction, str], Span] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, script: Script, name: str = "", rejected: str | None = None) -> Self:
        """At the beginning of a run. It is alone, and waits for nobody's place."""
        workflow = _workflow(name)
        return cls(replace(plan, concurrency=None), workflow, SimulatedJobs(workflow.uid, script), rejected)

    def fork(self, script: Script, rejected: str | None = None) -> Self:
        """The same run, which from now on goes by another script."""
        return replace(self, jobs=self.jobs.fork(script), rejected=rejected, spans=dict(self.spans))

    def run(self) -> SimulatedRun:
        """Run to the end. Raises SimulationStuck where there is none."""
        while not self.advance():
            pass
        return self.result()

    def advance(self) -> bool:
        """Do all that happens at this moment, and go on to the next; True where the run is over instead."""
        wake = self._settle()
        phase = self.workflow.status.phase
        moments = [moment for moment in (self.jobs.next_end(), wake) if moment is not None]
        if phase is not None and (phase.terminal or not moments):
            return True
        if not moments:
            raise SimulationStuck(f"nothing happens any more in phase {phase}")
        self.now = max(self.now, min(moments))
        self.jobs.end(self.now)
        return False

    def begun(self) -> set[str]:
        """The steps and finally steps that were begun, or need no longer run."""
        return {step for direction, step in self.spans if direction is not Direction.COMPENSATION}

    def result(self) -> SimulatedRun:
        """What came of it so far."""

        def spans(direction: Direction) -> tuple[Span, ...]:
            return tuple(span for (which, _), span in self.spans.items() if which is direction)

        forward, undone, last = map(spans, (Direction.FORWARD, Direction.COMPENSATION, Direction.FINALLY))
        makespan = max((span.end_seconds or 0 for span in (*forward, *undone, *last)), default=0.0)
        return SimulatedRun(self.workflow.status, makespan, forward, undone, last)

    def _settle(self) -> datetime | None:
        """Pass until nothing follows at this moment. Returns when the engine wants to be asked again."""
        confirmed: frozenset[str] = frozenset()
        for _ in range(_PASSES_AT_ONE_MOMENT_MAX):
            decision = reconcile(self.workflow, self.plan, self.jobs.observed(confirmed), self.now)
            self.workflow = replace(self.workflow, status=decision.status)
            for transition in decision.transitions:
                if isinstance(transition, StepTransition):
                    self._record(transition)
            for action in decision.actions:
                self.jobs.apply(action, self.now)
            confirmed = frozenset(a.name for a in decision.actions if isinstance(a, ConfirmJob))
            if asks := self._asks(self.workflow.status):
                self._answer(asks)
            elif not decision.actions:
                return decision.wake_at
        raise SimulationStuck(f"passes without end at {self.now}")

    def _answer(self, step: str) -> None:
        """Give or deny an approval, as a person would."""
        verb = Verb.REJECT if step == self.rejected else Verb.APPROVE
        answered = len(self.workflow.status.handled_requests) + 1
        said = {**self.workflow.annotations, verb.annotation: f"{step}@{answered}"}
        self.workflow = replace(self.workflow, annotations=said)

    def _asks(self, status: WorkflowStatus) -> str | None:
        """An approval that waits, if there is one."""
        waiting = (record.name for record in status.steps if record.state is StepState.RUNNING)
        return next((name for name in waiting if isinstance(self.plan.by_name[name].work, Approval)), None)

    def _record(self, transition: StepTransition) -> None:
        key, seconds = (transition.direction, transition.step), (self.now - BEGINNING).total_seconds()
        begun = self.spans.get(key) or Span(transition.step, transition.after, seconds, None)
        ended = seconds if transition.after.terminal else None
        self.spans[key] = replace(begun, state=transition.after, end_seconds=ended)


def _workflow(name: str) -> Workflow:
    return Workflow(
        namespace="default",
        name=name,
        uid="00000000-0000-0000-0000-000000000000",
        generation=1,
        resource_version="1",
        created=BEGINNING,
        deleting=False,
        finalizers=(),
        annotations={},
        spec={},
        status=WorkflowStatus(),
    )


def scripted(plan: Plan, durations: Mapping[str, float], failed: str | None = None) -> Script:
    """Every attempt takes the step's duration (1 s by default) and gives the outputs it declares; `failed` fails.

    With a fallback, STEP fails in its own way only, and STEP/fallback in both.
    """
    step_failed, _, both = (failed or "").partition("/")
    failing = {Direction.FORWARD, Direction.FINALLY, *((Direction.FALLBACK,) if both else ())}

    def ending(step: str, direction: Direction, attempt: int) -> Ending:
        seconds = durations.get(step, 1.0)
        if direction in failing and step == step_failed:
            return Ending(seconds, exit_code=1)
        if direction is Direction.FINALLY:
            return Ending(seconds)
        outputs = {output.name: f"simulated-{attempt}" for output in plan.by_name[step].outputs}
        return Ending(seconds, termination_message=json.dumps(outputs))

    return ending


def ways_to_fail(plan: Plan) -> tuple[str, ...]:
    """What `simulate` may let fail: steps, those with a fallback in both ways too, and finally steps."""
    ways: list[str] = []
    for name in plan.order:
        step = plan.by_name[name]
        if not isinstance(step.work, Wait):
            ways += [name, f"{name}/fallback"] if step.fallback is not None else [name]
    return (*ways, *plan.finally_steps)


def simulate(plan: Plan, durations: Mapping[str, float], failed: str | None = None, name: str = "") -> SimulatedRun:
    """Run the plan in virtual time; `failed` fails in every attempt, or is rejected: see `scripted`."""
    return Simulator.of(plan, scripted(plan, durations, failed), name, failed).run()


def as_json(run: SimulatedRun) -> dict[str, Any]:
    """The run as `kubesaga simulate -o json` prints it."""

    def span(one: Span) -> dict[str, Any]:
        return {"name": one.name, "state": one.state, "startSeconds": one.start_seconds, "endSeconds": one.end_seconds}

    return {
        "phase": run.phase,
        "makespanSeconds": run.makespan_seconds,
        "steps": [span(one) for one in run.steps],
        "compensations": [span(one) for one in run.compensations],
        "finally": [span(one) for one in run.finally_steps],
    }
