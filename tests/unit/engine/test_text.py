"""Texts keep their bounds."""

from hypothesis import given
from hypothesis import strategies as st

from kubesaga.engine.text import clip, listing


@given(st.text(), st.integers(3, 50))
def test_a_clipped_text_is_short_enough_and_begins_as_the_text_does(text: str, most: int) -> None:
    clipped = clip(text, most)
    assert len(clipped.encode()) <= most
    assert clipped == text or clipped.endswith("…")


def test_half_a_surrogate_does_not_break_a_message() -> None:
    assert clip("a\ud800", 10) == "a?"


def test_a_listing_names_the_first_and_counts_the_others() -> None:
    assert listing(["a", "b"]) == "a, b"
    assert listing(list("abcdefg")) == "a, b, c, d, e and 2 more"
