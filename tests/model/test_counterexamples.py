"""Counterexamples that were found once, kept as what they must lead to now."""

import pytest

from model.configuration import CHAIN2, TWO, Configuration, spec
from model.story import NoSuchMove, replay

A = "operator A"


def test_a_tombstone_that_nobody_tells_of_leads_on() -> None:
    """Its creation is the last that is heard of it: the pass after it has to be made without being told."""
    configuration = Configuration("a tombstone", spec(TWO, "ab"))
    moves = [
        (A, "passes", "writes"),
        (A, "create", "a-f1"),
        ("Job", "a-f1", "fails"),
        (A, "dies, and begins anew"),
        (A, "passes", "writes"),
        (A, "create the tombstone", "b-f1"),
    ]
    model, world, broken = replay(configuration, moves)
    assert (broken, model.idle(world)) == ("", False)
    model, world, broken = replay(configuration, [*moves, (A, "passes", "writes"), (A, "create", "a-u1")])
    assert broken == ""


def test_a_suspension_ends_in_the_pass_that_records_a_cause() -> None:
    configuration = Configuration("suspended", spec(CHAIN2, "a"), requests=(("suspend", "1"),))
    moves = [
        (A, "passes", "writes"),
        ("a person", "requests", "suspend", "1"),
        (A, "create", "a-f1"),
        ("Job", "a-f1", "fails"),
        (A, "dies, and begins anew"),
        (A, "passes", "writes"),
    ]
    model, world, broken = replay(configuration, moves)
    assert (broken, model.brain.status(model.stored[world[0]].status).suspended_time) == ("", None)


def test_a_move_that_is_not_possible_is_named() -> None:
    with pytest.raises(NoSuchMove, match="creates"):
        replay(Configuration("any", spec(TWO)), [(A, "creates", "a-f1")])
