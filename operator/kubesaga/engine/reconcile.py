"""One pass over one Workflow: observation in, decision out.

    Workflow, Plan ──> facts ──> requests ──> failure ──> forward ──> rollback ──> outcome ──> ending ──> effects ─┐
                       what      what people  the first   start       halt,        phase,      finally    Jobs to  │
                       became of asked for    cause       steps       quiesce,     conditions  steps      create,  ▼
                       each Job                                       undo                                stop  Decision

Every pass looks at all of it anew and keeps nothing: what a pass decides follows from its arguments alone.
"""

from datetime import datetime, timedelta

from kubesaga.api.limits import FAILURE_BYTES_MAX
from kubesaga.api.status import Failure, FailureReason, Phase, WorkflowStatus
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import DeleteWorkflow, ReadNamespace, SetFinalizers
from kubesaga.engine.answer import answer_requests
from kubesaga.engine.approval import close_waits, observe_waits, track_approval_wait
from kubesaga.engine.concurrency import claims, leaves, waits_for_place, withdrawal
from kubesaga.engine.conditions import conditions, stalled
from kubesaga.engine.decision import Decision, Event, EventType, PhaseTransition, Write
from kubesaga.engine.deletion import observe_deletions
from kubesaga.engine.effects import effects
from kubesaga.engine.ending import ending, run_finally
from kubesaga.engine.failure import latch_failure
from kubesaga.engine.finalizer import has_to_be_held, hold, is_held, release
from kubesaga.engine.forward import advance_steps
from kubesaga.engine.inconsistency import inconsistencies
from kubesaga.engine.observation import Observed
from kubesaga.engine.outcome import Outcome, outcome, progress
from kubesaga.engine.pivot import passed_pivots
from kubesaga.engine.place import take_place
from kubesaga.engine.plan import PLAN_VERSION, Plan
from kubesaga.engine.quiescence import quiesce
from kubesaga.engine.reason import Reason
from kubesaga.engine.request import refuse_requests
from kubesaga.engine.resolver import DependencyResolver
from kubesaga.engine.resubmission import observe_resubmission, resubmission
from kubesaga.engine.rollback import halt, undo
from kubesaga.engine.spec_error import InvalidSpec
from kubesaga.engine.state import StateManager
from kubesaga.engine.suspension import track_suspension
from kubesaga.engine.text import clip, counted, listing
from kubesaga.engine.workflow_output import workflow_outputs


def reconcile(workflow: Workflow, plan: Plan | InvalidSpec, observed: Observed, now: datetime) -> Decision:
    """Decide what happens next. Pure: equal arguments give equal decisions.

    `plan` is what `WorkflowPlanner.plan` made of the Workflow's spec, or the InvalidSpec that it raised. `now` is
    timezone-aware. Never raises for anything that users or the cluster can cause.
    """
    status = workflow.status
    if workflow.deleting and not is_held(workflow):
        return Decision(status, Write.NONE)  # What was started goes with the Workflow; nothing more is.
    if workflow.deleting and observed.namespace_terminating:
        return _let_go(workflow)
    if isinstance(plan, InvalidSpec):
        return _refuse(workflow, plan, observed, now)
    if status.failure is not None and status.failure.reason is FailureReason.INVALID_SPEC:
        # The spec was mended: nothing had been started, so this is the beginning.
        status = WorkflowStatus(handled_requests=status.handled_requests)
    if found := inconsistencies(plan, status):
        return _stall(workflow, "StateInconsistent", "; ".join(found), now, found)
    state = StateManager(workflow, plan, observed, status, now)
    if status.ended:
        return _ended(state)
    return _pass(state)


def _pass(state: StateManager) -> Decision:
    """One pass over a Workflow that has not ended."""
    if has_to_be_held(state.workflow, state.plan):
        return Decision(state.workflow.status, Write.NONE, (hold(state.workflow),))
    resolver = DependencyResolver()
    take_place(state)
    _begin(state)
    halts = state.status.failure is not None or state.status.stop_time is not None
    state.observe(retrying=not halts)
    observe_deletions(state)
    answer_requests(state)
    if state.status.in_finally:
        return _conclude(state, run_finally(state))  # How the run ends is decided: nothing else has a say any more.
    track_suspension(state)
    if state.deleting and (passed := passed_pivots(state)):
        return _let_go(state.workflow, f"the pivot {listing(passed)} has succeeded, so nothing is undone")
    observe_waits(state)
    latch_failure(state)
    advance_steps(state)
    latch_failure(state)  # A condition that cannot be evaluated is a cause; under Continue, that nothing is left.
    track_suspension(state)  # A cause ends it, and nothing would call for the pass that says so.
    halt(state)
    close_waits(state)
    track_approval_wait(state)
    quiescent = state.status.failure is not None and not waits_for_place(state) and quiesce(state)
    undo(state, resolver)
    return _in_line(state, ending(state, outcome(state, quiescent=quiescent)))


def _in_line(state: StateManager, reached: Outcome) -> Decision:
    """Before anything is written of a run that needs a place, it is in line; of one that runs again, once it is."""
    if reached.phase is Phase.QUEUED and state.status.epoch == state.workflow.status.epoch:
        first = tuple(claims(state, reached.phase))
        if first:
            return Decision(state.workflow.status, Write.NONE, first)
    return _conclude(state, reached)


def _begin(state: StateManager) -> None:
    """The first pass of a run that may begin."""
    if state.status.start_time is None and not state.lacks_place:
        state.set(plan_version=PLAN_VERSION, start_time=state.second)
        state.tell(EventType.NORMAL, "Started", f"{counted(len(state.plan.steps), 'step')} planned")


def _conclude(state: StateManager, reached: Outcome) -> Decision:
    """Write down where the run stands."""
    before, generation = state.status, state.workflow.generation
    if reached.phase.terminal and before.start_time is None:
        state.set(plan_version=PLAN_VERSION, start_time=state.second)  # It ends before it began.
    stuck = any(one.reason == Reason.POD_TERMINATION for one in before.conditions)
    state.set(
        observed_generation=generation,
        phase=reached.phase,
        reason=reached.reason,
        conditions=conditions(before.conditions, reached, generation, state.second),
        completion_time=state.second if reached.phase.terminal else None,
        outputs=workflow_outputs(state) if reached.phase is Phase.SUCCEEDED else None,
        **progress(state),
    )
    changed = before.phase is not reached.phase
    if (before.phase, before.reason) != (reached.phase, reached.reason) and _is_told(reached):
        type_ = EventType.NORMAL if reached.phase in (Phase.SUCCEEDED, Phase.QUEUED) else EventType.WARNING
        state.tell(type_, reached.reason if reached.phase is Phase.SUSPENDED else reached.phase, reached.message)
    if reached.stuck and not stuck:
        state.tell(EventType.WARNING, Reason.POD_TERMINATION, reached.stuck)
    if reached.phase.terminal:
        state.wake(state.now)  # What follows the end, such as its time to live, begins with the next pass.
    phases = (PhaseTransition(before.phase, reached.phase),) if changed else ()
    return Decision(
        status=state.next_status(),
        write=state.write(),
        actions=(
            *effects(state),
            *claims(state, reached.phase),
            *((ReadNamespace(),) if _asks_namespace(state) else ()),
        ),
        events=tuple(state.events),
        transitions=(*state.transitions, *phases),
        wake_at=min(state.wakes, default=None),
        in_flight=state.all_in_flight,
    )


def _is_told(reached: Outcome) -> bool:
    """Whether people are told of a phase and reason: ends, and what waits for them or for others."""
    waits = reached.phase in (Phase.ROLLBACK_BLOCKED, Phase.QUEUED) or reached.reason == Reason.FORWARD_RECOVERY
    return reached.phase.terminal or waits


def _asks_namespace(state: StateManager) -> bool:
    """Whether it has to be known that undos can be created at all."""
    return state.deleting and state.observed.namespace_terminating is None


def _ended(state: StateManager) -> Decision:
    """A Workflow that has ended: new requests are answered, its finalizer is released, its time to live is kept."""
    workflow = state.workflow
    answer_requests(state)
    observe_resubmission(state)
    if state.status.epoch > workflow.status.epoch:
        return _pass(state)  # A request has opened the next epoch.
    if state.status.observed_generation != workflow.generation:
        seen = tuple(c.model_copy(update={"observed_generation": workflow.generation}) for c in state.status.conditions)
        state.set(observed_generation=workflow.generation, conditions=seen)
    at_rest = state.write() is Write.NONE
    return Decision(
        status=state.next_status(),
        write=state.write(),
        actions=(*resubmission(state), *leaves(state), *(_farewell(state) if at_rest else ())),
        events=tuple(state.events),
        wake_at=min(state.wakes, default=None if at_rest else state.now),
    )


def _farewell(state: StateManager) -> tuple[SetFinalizers | DeleteWorkflow, ...]:
    """What is done once of a Workflow that has ended and is written down so."""
    workflow = state.workflow
    if is_held(workflow):
        return (release(workflow),)
    ttl, ended = state.plan.ttl_seconds_after_finished, state.status.completion_time
    if ttl is None or ended is None or not state.has_come(ended + timedelta(seconds=ttl)):
        return ()
    return (DeleteWorkflow(workflow.uid, workflow.resource_version),)


def _let_go(workflow: Workflow, why: str = "") -> Decision:
    """Release a Workflow that is deleted and of which nothing can be undone."""
    left = [r.name for r in workflow.status.steps if r.ever_attempted and not (r.compensation and r.compensation.done)]
    reason = why or f"namespace {workflow.namespace} is being deleted, so nothing more can be undone"
    message = f"Workflow {workflow.name} is let go: {reason}; left: {listing(left) or 'nothing'}"
    event = Event(EventType.WARNING, "Released", message, about_namespace=not why)
    return Decision(workflow.status, Write.NONE, (release(workflow),), (event,))


def _refuse(workflow: Workflow, invalid: InvalidSpec, observed: Observed, now: datetime) -> Decision:
    """A spec with errors starts nothing. One that began under other rules is left as it is, for a person to look at."""
    message = _sentence(invalid)
    if workflow.status.start_time is not None:
        return _stall(workflow, FailureReason.INVALID_SPEC, message, now, tuple(map(str, invalid.errors)))
    second = now.replace(microsecond=0)
    why = "the spec has errors, and nothing was started"
    status, answers = refuse_requests(workflow.status, workflow.annotations, why, second)
    if status.observed_generation == workflow.generation:
        farewell = (release(workflow),) if is_held(workflow) and not answers else ()
        actions = (*withdrawal(workflow, observed), *farewell)
        return Decision(status, Write.NOW if answers else Write.NONE, actions, answers)
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
    return Decision(
        refused, Write.NOW, events=(event, *answers), transitions=(PhaseTransition(status.phase, Phase.FAILED),)
    )


def _stall(workflow: Workflow, reason: str, message: str, now: datetime, found: tuple[str, ...]) -> Decision:
    """Say that this Workflow cannot go on, and touch nothing else of it."""
    second = now.replace(microsecond=0)
    status, answers = refuse_requests(workflow.status, workflow.annotations, f"it cannot go on: {message}", second)
    next_ = status.model_copy(
        update={"conditions": stalled(status.conditions, reason, message, workflow.generation, second)}
    )
    if next_ == workflow.status:
        return Decision(next_, Write.NONE, inconsistencies=found)
    news = () if next_.conditions == workflow.status.conditions else (Event(EventType.WARNING, reason, message),)
    return Decision(next_, Write.NOW, events=(*news, *answers), inconsistencies=found)


def _sentence(invalid: InvalidSpec) -> str:
    """As many of the errors as fit, and how many there are."""
    count = len(invalid.errors)
    head = "the spec has an error" if count == 1 else f"the spec has {count} errors"
    return clip(f"{head}: {'; '.join(map(str, invalid.errors))}", FAILURE_BYTES_MAX)
