"""Texts keep their bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesaga.engine.text import clip, counted, listing


@given(st.text(), st.integers(3, 50))
def test_a_clipped_text_is_short_enough_and_begins_as_the_text_does(text: str, most: int) -> None:
    clipped = clip(text, most)
    assert len(clipped.encode()) <= most
    assert len(clipped) == len(text) or clipped.endswith("…")


@pytest.mark.parametrize("control", ["\n", "\x1b", "\x08", "\x9b"])
def test_a_message_is_one_line_that_moves_no_cursor(control: str) -> None:
    assert clip(f"a{control}b", 10) == "a b"


def test_one_is_no_plural() -> None:
    assert (counted(1, "step"), counted(2, "step")) == ("1 step", "2 steps")


def test_half_a_surrogate_does_not_break_a_message() -> None:
    assert clip("a\ud800", 10) == "a?"


def test_a_listing_names_the_first_and_counts_the_others() -> None:
    assert listing(["a", "b"]) == "a, b"
    assert listing(list("abcdefg")) == "a, b, c, d, e and 2 more"
