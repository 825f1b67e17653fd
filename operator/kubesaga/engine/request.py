"""Requests: what people ask of a running Workflow, as annotations whose value is a token.

The value is `[TARGET@]N`, N an integer or an RFC 3339 time. A token is answered once: only one that is greater than
the last of its verb and target is new, so reverting a commit replays nothing. Every new token gets an answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from kubesaga.api.limits import HANDLED_REQUESTS_MAX, MESSAGE_BYTES_MAX, NAME_LENGTH_MAX
from kubesaga.api.status import HandledRequest, Phase, StepState, WorkflowStatus
from kubesaga.api.workflow import GROUP
from kubesaga.engine.decision import EventType
from kubesaga.engine.reopening import reopen
from kubesaga.engine.rollback import abandon, request_rollback, retry_compensations, skip_compensation
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import clip, listing

_TOKEN_LENGTH_MAX: Final = 128
_DIGITS_MAX: Final = 15  # Exact in a float, which times need.


class Verb(StrEnum):
    """What may be asked, in the order in which requests of one pass are answered."""

    ROLLBACK = "rollback"
    CANCEL = "cancel"
    ABANDON = "abandon"
    SKIP_COMPENSATION = "skip-compensation"
    RETRY_COMPENSATION = "retry-compensation"
    RETRY = "retry"

    @property
    def annotation(self) -> str:
        """The key of the annotation."""
        return f"{GROUP}/{self.value}"

    @property
    def note(self) -> str:
        """The key of the annotation in which a person says why."""
        return f"{GROUP}/{self.value}-note"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as its annotation states it. `number` is None where the value is no token."""

    verb: Verb
    token: str
    target: str | None
    number: float | None
    note: str = ""
    """What the person said of it."""

    @classmethod
    def parse(cls, verb: Verb, value: str, note: str = "") -> "Request":
        """Read an annotation's value; anything at all may stand there."""
        target, separator, token = value.rpartition("@")
        number = _number(token)
        if number is None or (separator and not 0 < len(target) <= NAME_LENGTH_MAX):
            return cls(verb, value[:_TOKEN_LENGTH_MAX], None, None)
        return cls(verb, value[:_TOKEN_LENGTH_MAX], target if separator else None, number, note)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request."""

    accepted: bool
    message: str


def answer_requests(state: StateManager, annotations: Mapping[str, str]) -> None:
    """Answer every request that is new, and record the answer."""
    for verb in Verb:
        value = annotations.get(verb.annotation)
        if value is None:
            continue
        request = Request.parse(verb, value, annotations.get(verb.note, ""))
        if _is_new(request, state.status):
            _record(state, request, _answer(state, request))


def _number(token: str) -> float | None:
    """The place of a token on the line of all tokens: times are later than all counters in use."""
    if token.isascii() and token.isdigit() and len(token) <= _DIGITS_MAX:
        return float(token)
    try:
        moment = datetime.fromisoformat(token)
    except ValueError:
        return None
    return moment.astimezone(UTC).timestamp() if moment.tzinfo else None


def _is_new(request: Request, status: WorkflowStatus) -> bool:
    """Whether the token is greater than the last one of its verb and target."""
    for handled in status.handled_requests:
        if handled.verb != request.verb:
            continue
        before = Request.parse(request.verb, handled.token)
        if request.number is None and handled.token == request.token:
            return False
        if request.number is not None and before.number is not None and before.target == request.target:
            return request.number > before.number
    return True


def _answer(state: StateManager, request: Request) -> Answer:
    if request.number is None:
        return Answer(False, f'"{request.token}" is no token: use an integer or an RFC 3339 time, such as 1')
    if state.status.ended and request.verb not in (Verb.ROLLBACK, Verb.RETRY):
        return Answer(False, f"the Workflow has ended: {state.status.phase}")
    return _ANSWERS[request.verb](state, request)


def _rollback(state: StateManager, request: Request) -> Answer:
    """Undo what was done: also after the end, where something is left that can be undone."""
    status = state.status
    if request.target is not None:
        return Answer(False, "rollback takes no target: it undoes what the whole Workflow has done")
    if status.rollback is not None:
        return Answer(False, f"there was a rollback already: the Workflow is {status.phase}")
    if not request_rollback(state):
        return Answer(False, "there is nothing to undo")
    return Answer(True, "no step starts any more; running Jobs are stopped and what was done is undone")


def _cancel(state: StateManager, request: Request) -> Answer:
    """Stop what runs and undo what was done."""
    status = state.status
    if request.target is not None:
        return Answer(False, "cancel takes no target: it cancels the whole Workflow")
    if all(name in state.steps and state.steps[name].state is StepState.SUCCEEDED for name in state.plan.by_name):
        return Answer(False, "every step has succeeded")
    if status.cancel_time is not None:
        return Answer(False, "the Workflow is being cancelled already")
    if status.rollback is not None and status.rollback.quiesced_time is not None:
        return Answer(False, "the Workflow is being rolled back already, and a rollback is never cancelled")
    state.set(cancel_time=state.second)
    return Answer(True, "no step starts any more; running Jobs are stopped and what was done is undone")


def _retry_compensation(state: StateManager, request: Request) -> Answer:
    """Give undos that used up their retries new ones."""
    if request.target is not None and request.target not in state.plan.by_name:
        return Answer(False, f'there is no step "{request.target}"')
    retried = retry_compensations(state, request.target)
    if not retried:
        return Answer(
            False, "no undo is blocked" if request.target is None else f"the undo of {request.target} is not blocked"
        )
    return Answer(True, f"the undo begins anew: {listing(retried)}")


def _skip_compensation(state: StateManager, request: Request) -> Answer:
    """Take an undo that used up its retries for done or not needed."""
    if request.target is None:
        return Answer(False, "skip-compensation needs a target: STEP@N")
    if request.target not in state.plan.by_name:
        return Answer(False, f'there is no step "{request.target}"')
    if not skip_compensation(state, request.target, request.note):
        return Answer(False, f"the undo of {request.target} is not blocked")
    return Answer(True, f"the undo of {request.target} is taken for done{_said(request)}")


def _abandon(state: StateManager, request: Request) -> Answer:
    """Leave what cannot be undone."""
    if request.target is not None:
        return Answer(False, "abandon takes no target: it gives up the whole rollback; see skip-compensation")
    if state.status.phase is not Phase.ROLLBACK_BLOCKED:
        return Answer(False, "the rollback is not blocked")
    abandon(state)
    return Answer(True, f"no further undo begins; what is not undone is left{_said(request)}")


def _retry(state: StateManager, request: Request) -> Answer:
    """Go on where a run stopped that has ended without success."""
    if request.target is not None:
        return Answer(False, "retry takes no target: every step that did not succeed runs again")
    phase, cause = state.status.phase, state.status.failure
    again = reopen(state)
    if again is None:
        return Answer(False, f"only a Workflow that has Failed or was Cancelled can be retried; it is {phase}")
    what = f"{listing(again)} again, after {cause.message}" if cause and again else "it goes on where it stopped"
    return Answer(True, f"epoch {state.status.epoch}: {what}")


def _said(request: Request) -> str:
    return f": {request.note}" if request.note else ""


_ANSWERS: Final[Mapping[Verb, Callable[[StateManager, Request], Answer]]] = {
    Verb.ROLLBACK: _rollback,
    Verb.CANCEL: _cancel,
    Verb.ABANDON: _abandon,
    Verb.SKIP_COMPENSATION: _skip_compensation,
    Verb.RETRY_COMPENSATION: _retry_compensation,
    Verb.RETRY: _retry,
}


def _record(state: StateManager, request: Request, answer: Answer) -> None:
    """Keep the last answer of each verb and target, and tell people."""
    message = clip(answer.message, MESSAGE_BYTES_MAX)
    handled = HandledRequest(
        verb=request.verb,
        target=request.target,
        token=request.token,
        accepted=answer.accepted,
        message=message,
        time=state.second,
    )
    malformed = request.number is None
    kept = tuple(
        other
        for other in state.status.handled_requests
        if (other.verb, other.target, Request.parse(request.verb, other.token).number is None)
        != (request.verb, request.target, malformed)
    )
    state.set(handled_requests=(*kept, handled)[-HANDLED_REQUESTS_MAX:])
    if answer.accepted:
        state.tell(EventType.NORMAL, "RequestAccepted", f"{request.verb} {request.token}: {message}")
    else:
        state.tell(EventType.WARNING, "RequestRefused", f"{request.verb} {request.token}: {message}")
