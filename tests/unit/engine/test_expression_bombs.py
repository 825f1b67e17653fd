"""Conditions come from users, and the interpreter waits for them: the worst that one may say stays cheap."""

from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest

from kubesaga.api.limits import WHEN_LENGTH_MAX, WHEN_VALUE_LENGTH_MAX
from kubesaga.engine.expression import ExpressionError, compile_condition, evaluate

SECONDS_MAX = 0.25
"""Milliseconds are expected; a slow and busy machine is allowed for. What must not be takes seconds."""

_LONG = {"params": {"a": "a" * WHEN_VALUE_LENGTH_MAX}, "steps": {}, "workflow": {}}


def filled(piece: str, joint: str, frame: str = "{}") -> str:
    """As many pieces as fit."""
    count = (WHEN_LENGTH_MAX - len(frame)) // len(piece + joint)
    return frame.format(joint.join([piece] * count))


BOMBS = {
    "a pattern that backtracks elsewhere": "params.a.matches('(a*)*(a*)*(a*)*(a*)*(a*)*(a*)*b$') == false",
    "four patterns": " || ".join(["params.a.matches('(a|a|a|a|a|a|a|a|a|a|a|a|a|a)*b')"] * 4),
    "texts that grow": "size(params.a + params.a + params.a + params.a + params.a) == 0",
    "many searches": filled("params.a.contains('b')", " || "),
    "many conversions": filled("bytes(params.a) == b''", " || "),
    "a long list": filled("params.a", ", ", "'b' in [{}]"),
    "many sizes": filled("size(params.a)>9", "&&"),
    "negations": filled("!", "", "{}true"),
    "alternatives": filled("params.a==''?true", ":", "{}:false"),
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_the_worst_that_is_allowed_is_cheap(source: str) -> None:
    assert _seconds(lambda: evaluate(compile_condition(source), _LONG)) < SECONDS_MAX


FORBIDDEN = {
    "nested loops": "[1].all(a, [1].all(b, [1].all(c, a == b)))",
    "a text that doubles": " + ".join(["params.a"] * 40) + " == ''",
    "a pattern that is large": "params.a.matches('((a{99}){99}){99}')",
    "deep lists": "[" * 900 + "]" * 900 + " == []",
}


@pytest.mark.parametrize("source", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_could_be_expensive_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        compile_condition(source)


def _seconds(work: Callable[[], object]) -> float:
    began = process_time()
    with suppress(ExpressionError):  # It is as good as an answer.
        work()
    return process_time() - began
