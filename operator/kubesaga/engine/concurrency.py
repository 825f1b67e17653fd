"""Concurrency: how many Workflows run at once under one key. A place is claimed before anything starts.

    claim ──> in line ──> holds a place ──> recorded (status.placeTime) ──> runs ──> ended and settled ──> leaves
              Queued

A place that was recorded is kept to the end, whatever becomes of the line. A run that begins anew, in the next epoch,
stands in line anew; only the first one may be forbidden, since a person asks for those after it.
"""

from collections.abc import Iterator

from kubesaga.api.status import Phase
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import Action, ClaimPlace, ReleasePlace
from kubesaga.engine.effects import confirmations
from kubesaga.engine.observation import Observed
from kubesaga.engine.place import forbids, has_room, is_in_line, most_sentence, own_place
from kubesaga.engine.quiescence import unsettled_steps, unsettled_undos
from kubesaga.engine.rollback import is_over, undo_set
from kubesaga.engine.state import StateManager
from kubesaga.engine.suspension import is_suspended


def waits_for_place(state: StateManager) -> bool:
    """Whether all that keeps the run from going on is that it has no place."""
    status = state.status
    if not state.lacks_place or status.terminate_time is not None:
        return False
    if status.failure is not None:
        return status.rollback is not None and bool(undo_set(state)) and not is_over(state)
    if state.all_done:
        return bool(state.plan.finally_steps)
    return status.stop_time is None and not is_suspended(state)


def place_sentence(state: StateManager) -> str:
    """What the run waits for. It tells no number in line: that would be written each time that somebody leaves."""
    asked, failure = state.plan.concurrency, state.status.failure
    said = f"waits for its turn: {most_sentence(asked)}" if asked is not None else ""
    return f"{said}; {failure.message}" if failure is not None else said


def claims(state: StateManager, phase: Phase) -> Iterator[Action]:
    """Stand in line. A run whose place is recorded, and that somebody took out of the line, goes to its head."""
    asked = state.plan.concurrency
    if asked is None or phase.terminal or is_in_line(state):
        return
    place = own_place(state, asked)
    if not state.lacks_place:
        yield ClaimPlace(asked.key, place, first=True)
    elif phase is Phase.QUEUED and has_room(state, place):
        yield ClaimPlace(asked.key, place, only_if_free=forbids(state))


def leaves(state: StateManager) -> Iterator[Action]:
    """Leave the line, once the run has ended and nothing of it is left running."""
    for release in withdrawal(state.workflow, state.observed):
        if not (*unsettled_steps(state), *unsettled_undos(state)):
            yield release
        yield from confirmations(state)


def withdrawal(workflow: Workflow, observed: Observed) -> Iterator[Action]:
    """Leave the line, of which nothing is known to run."""
    seen, epoch = observed.place, workflow.status.epoch
    if seen is not None and any(one <= epoch for one in seen.line.epochs(workflow.uid)):
        yield ReleasePlace(seen.key, epoch)
