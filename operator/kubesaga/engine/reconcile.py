"""One pass over one Workflow: observation in, decision out.

    Workflow, Plan ──> facts ──> requests ──> failure ──> forward ──> rollback ──> outcome ──> effects ──> Decision
                       what      what people  the first   start       halt,        phase,      Jobs to
                       became of asked for    cause       steps       quiesce,     conditions  create, stop,
                       each Job                                       undo                     delete, read

Every pass looks at all of it anew and keeps nothing: what a pass decides follows from its arguments alone.
"""

from datetime import datetime, timedelta

from kubesaga.api.limits import FAILURE_BYTES_MAX
from kubesaga.api.names import Direction
from kubesaga.api.status import Failure, FailureReason, Phase, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import DeleteWorkflow
from kubesaga.engine.conditions import conditions, stalled
from kubesaga.engine.deadline import track_suspension
from kubesaga.engine.decision import Decision, Event, EventType, PhaseTransition, Write
from kubesaga.engine.deletion import observe_deletions
from kubesaga.engine.effects import effects
from kubesaga.engine.executor import StepExecutor
from kubesaga.engine.failure import latch_failure
from kubesaga.engine.forward import advance_steps
from kubesaga.engine.inconsistency import inconsistencies
from kubesaga.engine.observation import Observed
from kubesaga.engine.outcome import Outcome, outcome, progress
from kubesaga.engine.plan import PLAN_VERSION, Plan
from kubesaga.engine.quiescence import quiesce
from kubesaga.engine.request import answer_requests
from kubesaga.engine.resolver import DependencyResolver
from kubesaga.engine.rollback import halt, undo
from kubesaga.engine.spec_error import InvalidSpec
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import clip, counted


def reconcile(workflow: Workflow, plan: Plan | InvalidSpec, observed: Observed, now: datetime) -> Decision:
    """Decide what happens next. Pure: equal arguments give equal decisions.

    `plan` is what `WorkflowPlanner.plan` made of the Workflow's spec, or the InvalidSpec that it raised. `now` is
    timezone-aware. Never raises for anything that users or the cluster can cause.
    """
    status = workflow.status
    if workflow.deleting:
        return Decision(status, Write.NONE)  # What was started goes with the Workflow; nothing more is.
    if isinstance(plan, InvalidSpec):
        return _refuse(workflow, plan, now)
    if status.failure is not None and status.failure.reason is FailureReason.INVALID_SPEC:
        status = WorkflowStatus()  # The spec was mended: nothing had been started, so this is the beginning.
    if found := inconsistencies(plan, status):
        return _stall(workflow, "StateInconsistent", "; ".join(found), now, found)
    state = StateManager(plan, StepExecutor(workflow, plan), observed, status, now)
    if status.ended:
        return _ended(workflow, state)
    return _pass(workflow, state)


def _pass(workflow: Workflow, state: StateManager) -> Decision:
    """One pass over a Workflow that has not ended."""
    resolver = DependencyResolver()
    _begin(state)
    track_suspension(state)
    state.observe(workflow.uid, retrying=state.status.failure is None)
    observe_deletions(state)
    answer_requests(state, workflow.annotations)
    latch_failure(state)
    advance_steps(state, resolver)
    halt(state)
    quiescent = state.status.failure is not None and quiesce(state)
    undo(state, resolver)
    return _conclude(workflow, state, outcome(state, quiescent=quiescent))


def _begin(state: StateManager) -> None:
    """The first pass of a run."""
    if state.status.start_time is None:
        state.set(plan_version=PLAN_VERSION, start_time=state.second)
        state.tell(EventType.NORMAL, "Started", f"{counted(len(state.plan.steps), 'step')} planned")


def _conclude(workflow: Workflow, state: StateManager, reached: Outcome) -> Decision:
    """Write down where the run stands."""
    before = state.status
    state.set(
        observed_generation=workflow.generation,
        phase=reached.phase,
        reason=reached.reason,
        conditions=conditions(before.conditions, reached, workflow.generation, state.second),
        completion_time=state.second if reached.phase.terminal else None,
        **progress(state),
    )
    changed = before.phase is not reached.phase
    if changed and (reached.phase.terminal or reached.phase is Phase.ROLLBACK_BLOCKED):
        type_ = EventType.NORMAL if reached.phase is Phase.SUCCEEDED else EventType.WARNING
        state.tell(type_, reached.phase, reached.message)
    phases = (PhaseTransition(before.phase, reached.phase),) if changed else ()
    return Decision(
        status=state.next_status(),
        write=state.write(),
        actions=effects(state),
        events=tuple(state.events),
        transitions=(*state.transitions, *phases),
        wake_at=min(state.wakes, default=None),
        in_flight=sum(state.in_flight(direction) for direction in Direction),
    )


def _ended(workflow: Workflow, state: StateManager) -> Decision:
    """A Workflow that has ended: new requests are answered, and its time to live is kept."""
    answer_requests(state, workflow.annotations)
    if state.status.epoch > workflow.status.epoch:
        return _pass(workflow, state)  # A request has opened the next epoch.
    if state.status.observed_generation != workflow.generation:
        seen = tuple(c.model_copy(update={"observed_generation": workflow.generation}) for c in state.status.conditions)
        state.set(observed_generation=workflow.generation, conditions=seen)
    ttl, ended = state.plan.ttl_seconds_after_finished, state.status.completion_time
    actions: tuple[DeleteWorkflow, ...] = ()
    if ttl is not None and ended is not None:
        if state.now < ended + timedelta(seconds=ttl):
            state.wake(ended + timedelta(seconds=ttl))
        elif state.write() is Write.NONE:
            actions = (DeleteWorkflow(workflow.uid, workflow.resource_version),)
    return Decision(
        status=state.next_status(),
        write=state.write(),
        actions=actions,
        events=tuple(state.events),
        wake_at=min(state.wakes, default=None),
    )


def _refuse(workflow: Workflow, invalid: InvalidSpec, now: datetime) -> Decision:
    """A spec with errors starts nothing. One that began under other rules is left as it is, for a person to look at."""
    status = workflow.status
    message = _sentence(invalid)
    if status.start_time is not None:
        return _stall(workflow, FailureReason.INVALID_SPEC, message, now, tuple(map(str, invalid.errors)))
    if status.observed_generation == workflow.generation:
        return Decision(status, Write.NONE)
    second = now.replace(microsecond=0)
    reached = Outcome(Phase.FAILED, FailureReason.INVALID_SPEC, message)
    refused = WorkflowStatus(
        observed_generation=workflow.generation,
        phase=reached.phase,
        reason=reached.reason,
        completion_time=second,
        failure=Failure(reason=FailureReason.INVALID_SPEC, message=message, time=second),
        conditions=conditions(status.conditions, reached, workflow.generation, second),
        handled_requests=status.handled_requests,
    )
    event = Event(EventType.WARNING, FailureReason.INVALID_SPEC, message)
    return Decision(refused, Write.NOW, events=(event,), transitions=(PhaseTransition(status.phase, Phase.FAILED),))


def _stall(workflow: Workflow, reason: str, message: str, now: datetime, found: tuple[str, ...]) -> Decision:
    """Say that this Workflow cannot go on, and touch nothing else of it."""
    second, status = now.replace(microsecond=0), workflow.status
    next_ = status.model_copy(
        update={"conditions": stalled(status.conditions, reason, message, workflow.generation, second)}
    )
    if next_ == status:
        return Decision(status, Write.NONE, inconsistencies=found)
    event = Event(EventType.WARNING, reason, message)
    return Decision(next_, Write.NOW, events=(event,), inconsistencies=found)


def _sentence(invalid: InvalidSpec) -> str:
    """As many of the errors as fit, and how many there are."""
    count = len(invalid.errors)
    head = "the spec has an error" if count == 1 else f"the spec has {count} errors"
    return clip(f"{head}: {'; '.join(map(str, invalid.errors))}", FAILURE_BYTES_MAX)
