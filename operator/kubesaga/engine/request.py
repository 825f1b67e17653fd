"""Requests: what people ask of a Workflow, as annotations whose value is a token.

The value is `[TARGET@]N`, N an integer or an RFC 3339 time. A token is answered once: only one that is greater than
the last of its verb and target is new, so reverting a commit replays nothing. Every other value gets an answer, too:
that it is stale, or no token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kubesaga.api.limits import HANDLED_REQUESTS_MAX, MESSAGE_BYTES_MAX, NAME_LENGTH_MAX
from kubesaga.api.status import HandledRequest, WorkflowStatus
from kubesaga.engine.decision import Event, EventType
from kubesaga.engine.text import clip
from kubesaga.engine.verb import Verb

_TOKEN_LENGTH_MAX: Final = 128
_DIGITS_MAX: Final = 15  # Exact in a float, which times need.


@dataclass(frozen=True, slots=True)
class Request:
    """One request as its annotations state it. `number` is None where the value is no token."""

    verb: Verb
    token: str
    target: str | None
    number: float | None
    note: str = ""
    """What the person said of it."""
    outputs: str = ""
    """The outputs that the person gave, as JSON."""

    @classmethod
    def parse(cls, verb: Verb, value: str, note: str = "", outputs: str = "") -> "Request":
        """Read an annotation's value; anything at all may stand there."""
        target, separator, token = value.rpartition("@")
        number = _number(token)
        if number is None or (separator and not 0 < len(target) <= NAME_LENGTH_MAX):
            return cls(verb, value[:_TOKEN_LENGTH_MAX], None, None)
        return cls(verb, value[:_TOKEN_LENGTH_MAX], target if separator else None, number, note, outputs)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request."""

    accepted: bool
    message: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A status in which a request has its answer, and the Event that tells of it."""

    status: WorkflowStatus
    event: Event


def standing_requests(annotations: Mapping[str, str]) -> tuple[Request, ...]:
    """Every request that the annotations state, new or not, in the order in which they are answered."""
    return tuple(
        Request.parse(
            verb, annotations[verb.annotation], annotations.get(verb.note, ""), annotations.get(verb.outputs, "")
        )
        for verb in Verb
        if verb.annotation in annotations
    )


def is_answered(request: Request, status: WorkflowStatus) -> bool:
    """Whether this very value has its answer."""
    return any(one.verb == request.verb and one.token == request.token for one in status.handled_requests)


def idle_answer(request: Request, handled: Sequence[HandledRequest]) -> Answer | None:
    """The answer to a value that asks for nothing: it is no token, or none that is new after those `handled`."""
    if request.number is None:
        return Answer(False, f'"{request.token}" is no token: use an integer or an RFC 3339 time, such as 1')
    last = _last(request, handled)
    if last is not None and request.number <= last[0]:
        return Answer(False, f"{request.token} is not greater than {last[1]}, which was answered before")
    return None


def answered(
    status: WorkflowStatus, request: Request, answer: Answer, second: datetime, standing: Sequence[Request]
) -> Answered:
    """Record the answer; the requests that are `standing` in the annotations keep theirs."""
    message = clip(answer.message, MESSAGE_BYTES_MAX)
    handled = HandledRequest(
        verb=request.verb,
        target=request.target,
        token=request.token,
        accepted=answer.accepted,
        message=message,
        time=second,
    )
    kept = _capped([*_kept(request, answer, status.handled_requests), handled], standing)
    type_, reason = (EventType.NORMAL, "RequestAccepted") if answer.accepted else (EventType.WARNING, "RequestRefused")
    event = Event(type_, reason, f"{request.verb} {request.token}: {message}")
    return Answered(status.model_copy(update={"handled_requests": kept}), event)


def refuse_requests(
    status: WorkflowStatus, annotations: Mapping[str, str], why: str, second: datetime
) -> tuple[WorkflowStatus, tuple[Event, ...]]:
    """Refuse whatever is asked, where nothing can be done for the Workflow."""
    events: list[Event] = []
    standing = standing_requests(annotations)
    for request in standing:
        if not is_answered(request, status):
            answer = idle_answer(request, status.handled_requests) or Answer(False, why)
            refused = answered(status, request, answer, second, standing)
            status = refused.status
            events.append(refused.event)
    return status, tuple(events)


def _number(token: str) -> float | None:
    """The place of a token on the line of all tokens: times are later than all counters in use."""
    if token.isascii() and token.isdigit() and len(token) <= _DIGITS_MAX:
        return float(token)
    try:
        moment = datetime.fromisoformat(token)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None  # In UTC the edges of the calendar are out of range.


def _last(request: Request, handled: Sequence[HandledRequest]) -> tuple[float, str] | None:
    """The greatest token of that verb and target that was answered, as number and text."""
    parsed = (Request.parse(request.verb, one.token) for one in handled if one.verb == request.verb)
    tokens = [(one.number, one.token) for one in parsed if one.number is not None and one.target == request.target]
    return max(tokens, default=None)


def _kept(request: Request, answer: Answer, handled: Sequence[HandledRequest]) -> list[HandledRequest]:
    """The earlier answers that stay: of each verb and target the last accepted, refused and idle one, in that order.

    What was accepted takes the place of all before it, a refusal that of other refusals, an idle answer that of idle
    ones: it must never hide what counts for the next token.
    """
    idle = idle_answer(request, handled) is not None
    return [
        one
        for place, one in enumerate(handled)
        if (one.verb, one.target) != (request.verb, request.target)
        or (idle and not _was_idle(one, handled[:place]))
        or (not idle and not answer.accepted and one.accepted)
    ]


def _was_idle(one: HandledRequest, before: Sequence[HandledRequest]) -> bool:
    return idle_answer(Request.parse(Verb(one.verb), one.token), before) is not None


def _capped(handled: list[HandledRequest], standing: Sequence[Request]) -> tuple[HandledRequest, ...]:
    """No more than there is room for: the oldest with a target goes first, those of the whole Workflow stay.

    What stands in the annotations keeps its answer: without one it would be done again, though nobody asks.
    """
    stands = {(request.verb, request.token) for request in standing}
    while len(handled) > HANDLED_REQUESTS_MAX:
        handled.remove(min(handled, key=lambda one: (one.target is None, (one.verb, one.token) in stands)))
    return tuple(handled)
