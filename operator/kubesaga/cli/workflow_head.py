"""What there is to say of a Workflow of a cluster beside its steps: where it stands, since when, and why."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from kubesaga.api.status import HandledRequest
from kubesaga.cli.reading import Reading
from kubesaga.cli.terminal_text import duration, one_line
from kubesaga.engine.finalizer import is_held
from kubesaga.engine.spec_error import InvalidSpec
from kubesaga.engine.text import counted

_REQUESTS_MAX: Final = 3
"""Older answers explain nothing any more."""

_BETWEEN_ERRORS: Final = re.compile(r"(?:(?<=error)|(?<=errors)): (?=spec)|; (?=spec[.:\[])")
"""Where one error of a spec ends in the message that has them all."""

Fact = tuple[str, str]
"""A title and a text."""

NOT_SEEN: Final = "not seen by the operator yet"


def phase(reading: Reading) -> str:
    """The phase, with its reason where that says more."""
    status = reading.status
    if status.phase is None:
        return NOT_SEEN
    return f"{status.phase} ({status.reason})" if status.reason not in (None, status.phase) else str(status.phase)


def times(reading: Reading) -> str:
    """How long it takes or took, and how long ago that was."""
    status = reading.status
    if status.start_time is None:
        return f"created {_ago(reading.workflow.created)}"
    if status.completion_time is None:
        return f"for {_since(status.start_time)}"
    took = (status.completion_time - status.start_time).total_seconds()
    return f"took {duration(int(took))}, ended {_ago(status.completion_time)}"


def facts(reading: Reading) -> Iterator[Fact]:
    """The first cause, what the conditions say, and the last answers to requests."""
    cause = reading.status.failure.message if reading.status.failure else ""
    if cause:
        yield from _titled("cause", _BETWEEN_ERRORS.split(cause))
    elif isinstance(reading.plan, InvalidSpec):
        errors = reading.plan.errors
        yield from _titled("spec", [f"has {counted(len(errors), 'error')}", *map(str, errors)])
    yield from _said_by_conditions(reading, cause)
    for name, value in (reading.status.outputs or {}).items():
        yield "output", one_line(f"{name}: {value}")
    if reading.workflow.deleting:
        held = "it goes when what was done is undone"
        yield "deleting", held if is_held(reading.workflow) else "its Jobs and Pods go with it; nothing is undone"
    elif reading.seen and not reading.current:
        yield "changed", "the operator has not seen the last change of the spec yet"
    answered = sorted(reading.status.handled_requests, key=lambda request: request.time)
    for request in answered[-_REQUESTS_MAX:]:
        yield "request", _answer(request)


def _said_by_conditions(reading: Reading, cause: str) -> Iterator[Fact]:
    """What Succeeded says beside the cause, and Stalled where it says something else."""
    succeeded, stalled = reading.condition("Succeeded"), reading.condition("Stalled")
    message = succeeded.message if succeeded else ""
    more = message.replace(f"; {cause}", "").replace(f"{cause}; ", "") if cause else message
    if more and more != cause:
        yield "message", one_line(more)
    if stalled and stalled.message and stalled.message != message:
        yield "stalled", one_line(f"{stalled.reason}: {stalled.message}")


def _titled(title: str, lines: list[str]) -> Iterator[Fact]:
    for number, line in enumerate(lines):
        yield ("", f"  {one_line(line)}") if number else (title, one_line(line))


def _answer(request: HandledRequest) -> str:
    what = f"{request.verb} {request.target}" if request.target else request.verb
    return f"{what} {'accepted' if request.accepted else 'refused'} {_ago(request.time)}: {one_line(request.message)}"


def _since(moment: datetime) -> str:
    return duration(int(max(0.0, (datetime.now(UTC) - moment).total_seconds())))


def _ago(moment: datetime) -> str:
    return f"{_since(moment)} ago"
