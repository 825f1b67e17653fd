"""Answers: what each verb does where it applies, and why not where it does not."""

from collections.abc import Callable, Mapping
from typing import Final

from kubesaga.api.status import Phase
from kubesaga.engine.approval import answer_approval
from kubesaga.engine.assumption import assume_stopped
from kubesaga.engine.pivot import deciding_pivots, passed_pivots
from kubesaga.engine.recovery import NotNow, go_forward, retry_step, skip_step, waits_for_person
from kubesaga.engine.reopening import may_reopen, reopen
from kubesaga.engine.request import Answer, Request, answered, idle_answer, is_answered, standing_requests
from kubesaga.engine.resubmission import resubmit
from kubesaga.engine.rollback import abandon, request_rollback, retry_compensations, skip_compensation
from kubesaga.engine.state import StateManager
from kubesaga.engine.suspension import is_suspended, resume, suspend
from kubesaga.engine.text import listing
from kubesaga.engine.verb import Scope, Verb

_UNDOES: Final = "no step starts any more; running Jobs are stopped and what was done is undone"

_OF_FINALLY: Final = frozenset({Verb.TERMINATE, Verb.ASSUME_STOPPED, Verb.RETRY_STEP})
"""What may be asked of finally steps while they run."""


def answer_requests(state: StateManager) -> None:
    """Answer every request that has no answer yet, and record the answer."""
    standing = standing_requests(state.workflow.annotations)
    for request in standing:
        if not is_answered(request, state.status):
            answer = idle_answer(request, state.status.handled_requests) or _answer(state, request)
            outcome = answered(state.status, request, answer, state.second, standing)
            state.set(handled_requests=outcome.status.handled_requests)
            state.events.append(outcome.event)


def _answer(state: StateManager, request: Request) -> Answer:
    """Do what is asked, or say why not."""
    try:
        _check(state, request)
        return Answer(True, _DEEDS[request.verb](state, request))
    except NotNow as refusal:
        return Answer(False, str(refusal))


def _check(state: StateManager, request: Request) -> None:
    """What holds for every verb. Raises NotNow."""
    verb, target = request.verb, request.target
    if verb.scope is Scope.WORKFLOW and target is not None:
        raise NotNow(f"{verb} takes no target: it is asked of the whole Workflow")
    if verb.scope is Scope.STEP and target is None:
        raise NotNow(f"{verb} needs a target: STEP@N")
    if target in state.plan.finally_steps and verb not in _OF_FINALLY:
        raise NotNow(f"{target} is a finally step, and such a step is never skipped or undone")
    if target is not None and target not in {*state.plan.by_name, *state.plan.finally_steps}:
        raise NotNow(f'there is no step "{target}"')
    if state.status.ended and not verb.after_the_end:
        raise NotNow(f"the Workflow has ended: {state.status.phase}")
    if state.status.terminate_time is not None and not state.status.ended and verb is not Verb.ASSUME_STOPPED:
        raise NotNow("the Workflow is being terminated already")
    ends, of_finally = state.status.finally_, target in state.plan.finally_steps
    asked = verb in _OF_FINALLY and (of_finally or verb is not Verb.RETRY_STEP)
    if ends is not None and not state.status.ended and not asked:
        raise NotNow(f"the finally steps run, and go on: the Workflow ends as {ends.phase} after them")
    if state.deleting and verb.after_the_end:
        raise NotNow("the Workflow is being deleted")


def _terminate(state: StateManager, request: Request) -> str:  # noqa: ARG001
    """End everything at once."""
    if state.status.in_finally:
        state.set(terminate_time=state.second)
        return "the finally steps are stopped; what came of the steps stays as it is"
    if state.all_done and state.status.rollback is None:
        raise NotNow(
            "every step has succeeded; the finally steps begin, and can be ended then"
            if state.plan.finally_steps
            else "every step has succeeded"
        )
    state.set(terminate_time=state.second)
    abandon(state)
    return "what runs is stopped and nothing more is undone: the state may be inconsistent"


def _rollback(state: StateManager, request: Request) -> str:  # noqa: ARG001
    """Undo what was done: also after the end, where something is left that can be undone."""
    status = state.status
    if status.rollback is not None:
        raise NotNow(f"there was a rollback already: the Workflow is {status.phase}")
    _not_past_pivot(state)
    if running := deciding_pivots(state):
        raise NotNow(f"the pivot {listing(running)} runs, and decides whether anything is undone: cancel stops it")
    if not request_rollback(state):
        raise NotNow("there is nothing to undo")
    return _UNDOES


def _cancel(state: StateManager, request: Request) -> str:  # noqa: ARG001
    """Stop what runs and undo what was done."""
    status = state.status
    if state.all_done:
        raise NotNow("every step has succeeded")
    if status.cancel_time is not None:
        raise NotNow("the Workflow is being cancelled already")
    if status.rollback is not None and status.rollback.quiesced_time is not None:
        raise NotNow("the Workflow is being rolled back already, and a rollback is never cancelled")
    _not_past_pivot(state)
    state.set(cancel_time=state.second)
    if running := deciding_pivots(state):
        return f"running Jobs are stopped; what was done is undone, unless the pivot {listing(running)} still succeeds"
    return _UNDOES


def _stop(state: StateManager, request: Request) -> str:  # noqa: ARG001
    """Start nothing more."""
    status = state.status
    if status.rollback is not None:
        raise NotNow("a rollback is never stopped: suspend holds it up, terminate gives it up")
    if status.stop_time is not None or (status.failure is not None and not waits_for_person(state)):
        raise NotNow("the Workflow is ending already")
    if state.all_done:
        raise NotNow("every step has succeeded")
    state.set(stop_time=state.second)
    return "no step starts any more; running Jobs run to their end, and nothing is undone"


def _abandon(state: StateManager, request: Request) -> str:
    """Leave what cannot be undone."""
    if state.status.phase is not Phase.ROLLBACK_BLOCKED:
        raise NotNow("the rollback is not blocked")
    abandon(state)
    return f"no further undo begins; what is not undone is left{_said(request)}"


def _skip_compensation(state: StateManager, request: Request) -> str:
    """Take an undo that used up its retries for done or not needed."""
    if not skip_compensation(state, _step(request), request.note):
        raise NotNow(f"the undo of {request.target} is not blocked")
    return f"the undo of {request.target} is taken for done{_said(request)}"


def _retry_compensation(state: StateManager, request: Request) -> str:
    """Give undos that used up their retries new ones."""
    retried = retry_compensations(state, request.target)
    if not retried:
        raise NotNow(f"the undo of {request.target} is not blocked" if request.target else "no undo is blocked")
    return f"the undo begins anew: {listing(retried)}"


def _assume_stopped(state: StateManager, request: Request) -> str:
    """Take Pods for ended that nobody can ask."""
    pods = assume_stopped(state, _step(request))
    if not pods:
        raise NotNow(f"step {request.target} has no Pod that has not ended")
    return f"taken for ended: {listing(pods)}{_said(request)}"


def _suspend(state: StateManager, request: Request) -> str:  # noqa: ARG001
    """Hold up what goes on."""
    if waits_for_person(state):
        raise NotNow("it waits for a person already: retry-step, skip-step, resume or stop")
    ending = state.status.failure is not None or state.status.stop_time is not None
    if state.status.rollback is None and ending:
        raise NotNow("the Workflow is ending, and starts nothing that could be held up")
    if (state.status.rollback is None and is_suspended(state)) or not suspend(state):
        raise NotNow("it is suspended already")
    what = "step" if state.status.rollback is None else "further undo"
    return f"no {what} starts until resume is requested; what runs goes on"


def _resume(state: StateManager, request: Request) -> str:  # noqa: ARG001
    """Go on after a suspension, or past a pivot."""
    if waits_for_person(state):
        resume(state)
        again = go_forward(state)
        return f"it goes forward: {listing(again)} again" if again else "it goes forward"
    if resume(state):
        declared = state.plan.suspend and state.status.rollback is None
        return "it stays suspended, by spec.suspend: set that to false" if declared else "it goes on"
    if state.plan.suspend and state.status.rollback is None:
        raise NotNow("it is suspended by spec.suspend: set that to false")
    raise NotNow("it is not suspended")


def _approve(state: StateManager, request: Request) -> str:
    """Give what a step waits for."""
    return answer_approval(state, request, approved=True)


def _reject(state: StateManager, request: Request) -> str:
    """Deny what a step waits for: it has failed for good."""
    return answer_approval(state, request, approved=False)


def _skip_step(state: StateManager, request: Request) -> str:
    """Take a step for done."""
    again = skip_step(state, _step(request), request.note, request.outputs)
    others = f", and {listing(again)} again" if again else ""
    return f"step {request.target} is taken for done{others}{_said(request)}"


def _retry_step(state: StateManager, request: Request) -> str:
    """Let a step try again."""
    retry_step(state, _step(request))
    return f"step {request.target} tries again"


def _retry(state: StateManager, request: Request) -> str:  # noqa: ARG001
    """Go on where a run stopped that has ended without success."""
    status = state.status
    if not status.ended or not may_reopen(state):
        raise NotNow(
            f"only what has Failed, was Cancelled, or was rolled back whole or to a savepoint: it is {status.phase}"
        )
    cause, again = status.failure, reopen(state)
    what = f"{listing(again)} again, after {cause.message}" if cause and again else "it goes on where it stopped"
    return f"epoch {state.status.epoch}: {what}"


def _resubmit(state: StateManager, request: Request) -> str:
    """Make a new Workflow of the same spec."""
    if not state.status.ended:
        raise NotNow(f"only a Workflow that has ended is made anew: it is {state.status.phase}")
    return f"Workflow {resubmit(state, request.token)} is made of it"


def _not_past_pivot(state: StateManager) -> None:
    if passed := passed_pivots(state):
        raise NotNow(
            f"the pivot {listing(passed)} has succeeded: nothing is undone any more; stop or terminate ends it"
        )


def _step(request: Request) -> str:
    assert request.target is not None  # noqa: S101 - checked for every verb of a step
    return request.target


def _said(request: Request) -> str:
    return f": {request.note}" if request.note else ""


_DEEDS: Final[Mapping[Verb, Callable[[StateManager, Request], str]]] = {
    Verb.TERMINATE: _terminate,
    Verb.ROLLBACK: _rollback,
    Verb.CANCEL: _cancel,
    Verb.STOP: _stop,
    Verb.ABANDON: _abandon,
    Verb.SKIP_COMPENSATION: _skip_compensation,
    Verb.RETRY_COMPENSATION: _retry_compensation,
    Verb.ASSUME_STOPPED: _assume_stopped,
    Verb.SUSPEND: _suspend,
    Verb.RESUME: _resume,
    Verb.APPROVE: _approve,
    Verb.REJECT: _reject,
    Verb.SKIP_STEP: _skip_step,
    Verb.RETRY_STEP: _retry_step,
    Verb.RETRY: _retry,
    Verb.RESUBMIT: _resubmit,
}
