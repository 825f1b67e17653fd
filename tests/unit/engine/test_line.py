"""The line of a concurrency key: who holds a place, and what changes that."""

from random import Random

import pytest

from kubesaga.api.limits import LINE_BYTES_MAX
from kubesaga.engine.line import Line, Place


def line(*places: str) -> Line:
    """A line of `NAME/LIMIT`."""
    return Line(tuple(place(*one.split("/")) for one in places))


def place(name: str, limit: str = "1", epoch: int = 1) -> Place:
    return Place(name, f"uid-{name}", epoch, int(limit))


def holders(of: Line) -> str:
    return " ".join(one.name for one in of.holders())


HOLDERS = {
    "nobody is in line": ((), ""),
    "the first holds a place": (("a/1", "b/1"), "a"),
    "as many as the limit allows": (("a/2", "b/2", "c/2"), "a b"),
    "a smaller limit waits until so few are before it": (("a/2", "b/2", "c/1"), "a b"),
    "who comes after a smaller limit waits behind it": (("a/3", "b/1", "c/3"), "a"),
    "a smaller limit at the head keeps all others out": (("a/1", "b/3", "c/3"), "a"),
    "a smaller limit among the holders bounds those after it": (("a/3", "b/2", "c/3"), "a b"),
}


@pytest.mark.parametrize("sentence", HOLDERS)
def test_the_first_hold_a_place(sentence: str) -> None:
    places, expected = HOLDERS[sentence]
    assert holders(line(*places)) == expected


@pytest.mark.parametrize("seed", range(50))
def test_whoever_holds_a_place_keeps_it_and_never_runs_beside_more_than_allowed(seed: int) -> None:
    """Whatever others do: join, leave, or come anew; and in the end everybody had their turn."""
    chance, now, before, served = Random(seed), Line(), set(), set()
    for number in range(60):
        if now.places and chance.random() < 0.5:
            now = now.without({chance.choice([one.uid for one in now.holders()])})
        else:
            now = now.join(place(f"w{number}", str(chance.randint(1, 4))))
        running = list(now.holders())
        assert before & {one.uid for one in now.places} <= {one.uid for one in running}
        assert all(len(running) <= one.limit for one in running)
        assert bool(running) == bool(now.places)
        before = {one.uid for one in running}
        served |= before
    while now.places:
        served |= {one.uid for one in now.holders()}
        now = now.without({next(now.holders()).uid})
    assert len(served) >= 20


def test_who_is_in_line_stays_where_they_are() -> None:
    now = line("a/1", "b/1")
    assert now.join(place("b")) is now
    assert now.join(place("a"), first=True) is now


def test_whose_place_was_taken_away_goes_to_the_head() -> None:
    assert line("b/1").join(place("a"), first=True) == line("a/1", "b/1")


def test_who_runs_again_before_they_have_left_keeps_the_place() -> None:
    again = line("a/1", "b/1").join(place("a", epoch=2))
    assert [(one.name, one.epoch) for one in again.places] == [("a", 2), ("b", 1)]
    assert again.leave("uid-a", 1) == again
    assert again.leave("uid-a", 2) == line("b/1")


FREE = {
    "an empty line": ((), "1", True),
    "a place that is left": (("a/2",), "2", True),
    "a full one": (("a/1",), "1", False),
    "a place that a smaller limit leaves empty": (("a/1",), "5", False),
    "a place in front of which somebody waits": (("a/2", "b/1"), "2", False),
}


@pytest.mark.parametrize("sentence", FREE)
def test_a_free_place_is_one_that_is_held_at_once(sentence: str) -> None:
    places, limit, free = FREE[sentence]
    assert (line(*places).join_if_free(place("z", limit)) != line(*places)) is free


def test_a_line_is_read_as_it_was_written_but_for_what_somebody_else_wrote() -> None:
    written = line("a/1", "b/20")
    assert str(written) == "a uid-a 1 1\nb uid-b 1 20"
    assert Line.parse(str(written)) == written
    assert Line.parse("a uid-a 1 1\nanything\nx uid-x one 1\ny uid-y 1 0\n\nb uid-b 1 20\n") == written


def test_a_line_that_is_full_takes_nobody_in_but_whose_place_was_taken_away() -> None:
    full = Line(tuple(place("n" * 240 + str(number)) for number in range(500)))
    assert len(str(full)) > LINE_BYTES_MAX
    assert full.is_full
    assert full.join(place("z")) is full
    assert full.join(place("z"), first=True).standing[("uid-z", 1)]
    assert len(str(full.without([one.uid for one in full.places[:200]]).join(place("z")))) < LINE_BYTES_MAX
