"""What the line of its concurrency key gives to a run: a place, or under `policy: Forbid` the cause to fail."""

from kubesaga.api.spec import ConcurrencyPolicy
from kubesaga.api.status import Failure, FailureReason
from kubesaga.engine.line import Line, Place
from kubesaga.engine.plan import PlannedConcurrency
from kubesaga.engine.state import StateManager
from kubesaga.engine.text import counted, listing


def take_place(state: StateManager) -> None:
    """Record the place that the line gives. What is timed begins with it: nobody answers for the wait before."""
    if not state.lacks_place or not line_of(state).standing.get((state.workflow.uid, state.status.epoch)):
        return
    suspended = state.second if state.status.suspended_time is not None else None
    begun = state.second if state.status.start_time is not None else None
    state.set(place_time=state.second, start_time=begun, suspended_time=suspended, suspended_seconds=0)


def forbidden(state: StateManager) -> Failure | None:
    """The cause of a run that may not wait: as many others run as may, as read live for this pass.

    One that has ended already, and is about to leave, is waited for.
    """
    asked, seen = state.plan.concurrency, state.observed.place
    if asked is None or seen is None or not seen.read or not state.lacks_place:
        return None
    if not forbids(state) or is_in_line(state):
        return None
    running = seen.line.without(seen.ended)
    if running.join_if_free(own_place(state, asked)) != running:
        return None
    names = listing([one.name for one in running.holders()], most=3)
    message = f"{most_sentence(asked)}, and its policy is Forbid: {names} ran"
    return Failure(reason=FailureReason.CONCURRENCY_FORBIDDEN, message=message, time=state.second)


def forbids(state: StateManager) -> bool:
    """Whether the run may not wait. What a person asks of one that has ended always may."""
    asked = state.plan.concurrency
    return asked is not None and asked.policy is ConcurrencyPolicy.FORBID and state.status.epoch == 1


def has_room(state: StateManager, place: Place) -> bool:
    """Whether it is worth while to ask for a place: until the line changes the answer would be the same.

    A live read may be older than the last change of the line, which wakes nobody a second time.
    """
    line, seen = line_of(state), state.observed.place
    if seen is not None and seen.read and forbids(state):
        return line.join_if_free(place) != line
    return not line.is_full


def is_in_line(state: StateManager) -> bool:
    """Whether this run, in this epoch, stands in line."""
    return (state.workflow.uid, state.status.epoch) in line_of(state).standing


def line_of(state: StateManager) -> Line:
    """The line as far as it is known."""
    return state.observed.place.line if state.observed.place is not None else Line()


def own_place(state: StateManager, asked: PlannedConcurrency) -> Place:
    """The place that this run asks for."""
    return Place(state.workflow.name, state.workflow.uid, state.status.epoch, asked.limit)


def most_sentence(asked: PlannedConcurrency) -> str:
    """The bound in words."""
    return f"at most {counted(asked.limit, 'Workflow')} at once under the concurrency key {asked.key}"
