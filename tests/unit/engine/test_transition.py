"""The transition table: what moves, and that nothing else does."""

from itertools import product

import pytest

from kubesaga.api.names import Direction
from kubesaga.api.status import Execution, StepState
from kubesaga.engine.transition import FOLLOWED, REQUESTED, TABLE, IllegalTransition, advance, allowed

MOVES = list(product(Direction, StepState, StepState))


@pytest.mark.parametrize(("direction", "before", "after"), MOVES)
def test_advance_does_what_the_table_has_and_refuses_the_rest(
    direction: Direction, before: StepState, after: StepState
) -> None:
    record = Execution(state=before)
    if allowed(direction, before, after):
        assert advance(direction, record, after, attempt=2) == Execution(state=after, attempt=2)
    else:
        with pytest.raises(IllegalTransition):
            advance(direction, record, after)


def test_terminal_states_are_left_on_request_or_for_the_undo_of_the_other_way() -> None:
    left = {(d, b, a) for d, b, a in MOVES if b.terminal and allowed(d, b, a)}
    followed = {(Direction.COMPENSATION, *move) for move in FOLLOWED}
    assert left == {(d, *move) for d in Direction for move in REQUESTED[d] if move[0].terminal} | followed


def test_every_state_but_the_terminal_ones_leads_on() -> None:
    assert {state for state, after in TABLE.items() if state and not after} == {s for s in StepState if s.terminal}
