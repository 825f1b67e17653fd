"""What a person may have meant by a name that is unknown."""

import pytest

from kubesaga.engine.suggestion import Suggestions

SHOWN = ", ".join(f"s{i}" for i in range(20))
CASES: list[tuple[str, str, list[str], str]] = [
    ("one letter is missing", "reserv", ["check", "reserve"], 'did you mean "reserve"?'),
    ("the case is another", "DEPENDSON", ["name", "dependsOn"], 'did you mean "dependsOn"?'),
    ("half of it is there", "timeout", ["name", "timeoutSeconds"], 'did you mean "timeoutSeconds"?'),
    ("nothing is close", "zzz", ["name", "image"], "there are name, image"),
    ("nothing is close, and there is one", "zzz", ["name"], 'there is only "name"'),
    ("there is nothing", "zzz", [], "there is none"),
    ("what there is cannot be shown", "a", ["a\x00", "a" * 300], "there is none"),
    ("the word is longer than any name", "a" * 300, ["aaa"], 'there is only "aaa"'),
    ("there are many", "zzz", [f"s{i}" for i in range(22)], f"there are {SHOWN} and 2 more"),
]


@pytest.mark.parametrize(("sentence", "word", "known", "expected"), CASES, ids=[case[0] for case in CASES])
def test_suggests_when(sentence: str, word: str, known: list[str], expected: str) -> None:
    assert Suggestions().did_you_mean(word, known) == expected


def test_compares_no_more_than_can_be_done_at_once() -> None:
    suggestions, known = Suggestions(), [f"step-{i}" for i in range(9_000)]
    answers = [suggestions.did_you_mean(f"stp-{i}", known).split(" ")[0] for i in range(3)]
    assert answers == ["did", "did", "there"]
