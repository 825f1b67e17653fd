"""The bounded part of the exploration, and what is explored at all. `python -m model` explores everything."""

import pytest

from kubesaga.engine.verb import Verb
from model.configuration import DIAMOND, Configuration, configurations, graphs, quick, undoings
from model.explorer import Explorer
from model.model import Model
from model.story import story


@pytest.mark.parametrize("configuration", quick(), ids=lambda one: one.name)
def test_every_promise_holds_in_every_world_that_can_be_reached(configuration: Configuration) -> None:
    found = Explorer(Model(configuration)).explore()
    assert found.violation is None, story(configuration, found.violation)
    assert found.states > 5
    assert found.ends, "no run of it ends"


def test_there_is_one_graph_of_each_shape() -> None:
    assert [len(graphs(count)) for count in (1, 2, 3)] == [1, 2, 6]


def test_undos_that_a_symmetry_turns_into_each_other_are_explored_once() -> None:
    assert len(list(undoings((3, ())))) == 4, "none, one, two or three of three equal steps"
    assert len(list(undoings(DIAMOND))) == 12, "of the two in the middle only how many"


def test_every_verb_is_asked_for_somewhere() -> None:
    asked = {verb for one in configurations() for verb, _ in one.requests}
    assert asked == {verb.value for verb in Verb}
