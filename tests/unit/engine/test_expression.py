"""Conditions: what they may say, what they ask for, and how they are refused."""

import pytest

from kubesaga.engine.expression import _ENVIRONMENT, Condition, ExpressionError, compile_condition, evaluate
from kubesaga.engine.expression_tree import Kind, read_tree, walk

VALUES = {
    "params": {"region": "eu", "size": "12"},
    "steps": {
        "check": {"outcome": "Succeeded", "outputs": {"id": "x-1"}},
        "my-step": {"outcome": "Failed", "outputs": {}},
    },
    "workflow": {"name": "order", "namespace": "default", "uid": "1"},
}

HOLDS = {
    "a parameter is compared": ("params.region == 'eu'", True),
    "an index is a name as well": ("params['region'] in ['us', 'asia']", False),
    "a name with a dash is an index": ("steps['my-step'].outcome == 'Failed'", True),
    "an output is a string": ("steps.check.outputs.id.startsWith('x-')", True),
    "an output may be asked for first": ("has(steps.check.outputs.no) && steps.check.outputs.no == ''", False),
    "a number is made of a string": ("int(params.size) > 9", True),
    "the Workflow has a name": ("workflow.name == 'order'", True),
    "a pattern is matched": ("params.region.matches('^(eu|us)$')", True),
    "a pattern may be the argument of a function": ("matches(params.region, 'x')", False),
    "strings are joined": ("params.region + '-1' == 'eu-1'", True),
    "a map is written": ("{'eu': true}[params.region]", True),
    "a fraction is written": ("1.5 < 2.0 || b'a' == b'b'", True),
    "one of two is chosen": ("params.region == 'us' ? false : true", True),
    "nothing is asked for": ("true", True),
}


@pytest.mark.parametrize(("source", "holds"), HOLDS.values(), ids=HOLDS)
def test_a_condition_is_true_or_false(source: str, holds: bool) -> None:
    assert evaluate(compile_condition(source), VALUES) is holds


REFUSED = {
    "a number": ("1", "must give true or false, and gives int"),
    "a string": ("params.region", "must give true or false, and gives string"),
    "anything": ("steps.a.outcome", "must give true or false, and gives dyn"),
    "a parameter that is compared with a number": (
        "params.x == 1",
        "line 1, column 10: found no matching overload for '_==_' applied to '(string, int)'",
    ),
    "an unknown name": ("nobody == 'a'", "line 1, column 1: undeclared reference to 'nobody' (in container '')"),
    "a name with a dash": (
        "steps.my-step.outcome == 'x'",
        "line 1, column 14: undeclared reference to 'step.outcome' (in container '')",
    ),
    "all parameters": (
        "params == {}",
        "line 1, column 1: must be params.NAME, steps.NAME.outcome, steps.NAME.outputs.KEY or workflow.NAME",
    ),
    "a step without what of it": (
        "true &&\n has(steps.a)",
        "line 2, column 5: must be params.NAME, steps.NAME.outcome, steps.NAME.outputs.KEY or workflow.NAME; "
        "a name with a dash is written ['NAME']",
    ),
    "a name with a point": (
        "params['a.b'] == ''",
        "line 1, column 7: must be params.NAME, steps.NAME.outcome, steps.NAME.outputs.KEY or workflow.NAME",
    ),
    "a name that is a value": (
        "params[params.x] == ''",
        "line 1, column 1: must be params.NAME, steps.NAME.outcome, steps.NAME.outputs.KEY or workflow.NAME",
    ),
    "a loop": (
        "[1, 2].all(x, x > 0)",
        "line 1, column 11: all, exists, exists_one, filter and map are not supported",
    ),
    "a pattern that is a value": (
        "params.x.matches(params.y)",
        "line 1, column 17: matches takes a literal pattern of at most 64 characters, without {}",
    ),
    "a pattern that repeats by number": (
        "params.x.matches('a{2}')",
        "line 1, column 17: matches takes a literal pattern of at most 64 characters, without {}",
    ),
    "a long pattern": (
        f"params.x.matches('{'a' * 65}')",
        "line 1, column 17: matches takes a literal pattern of at most 64 characters, without {}",
    ),
    "many additions": (
        f"{' + '.join(['params.x'] * 6)} == ''",
        "line 1, column 10: at most 4 additions and calls of matches are allowed",
    ),
    "deep brackets": ("(" * 300 + "true" + ")" * 300, "is nested too deeply"),
    "half a letter": ("'\ud800' == ''", "must be valid Unicode"),
    "a long text": ("true" + " " * 2_048, "must have at most 2,048 characters"),
}


@pytest.mark.parametrize(("source", "why"), REFUSED.values(), ids=REFUSED)
def test_a_condition_is_refused(source: str, why: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_condition(source)
    assert str(caught.value) == why


def test_a_syntax_error_tells_its_place() -> None:
    with pytest.raises(ExpressionError, match=r"^line 2, column 6: Syntax error: mismatched input '<EOF>'"):
        compile_condition("true\n && (")


NO_ANSWER = {
    "a division by zero": ("1 / 0 == int(params.size)", "divide by zero"),
    "a string that is no number": ("int(params.region) > 1", "cannot convert string to int"),
    "an output that is not there": ("steps.check.outputs.no == ''", 'Key not found in map : "no"'),
}


@pytest.mark.parametrize(("source", "why"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_an_evaluation_without_an_answer_is_an_error_and_not_true(source: str, why: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(compile_condition(source), VALUES)
    assert str(caught.value) == why


def test_a_value_that_is_no_text_is_an_error() -> None:
    with pytest.raises(ExpressionError):
        evaluate(compile_condition("params.odd == ''"), {"params": {"odd": "\ud800"}, "steps": {}, "workflow": {}})


ASKS = {
    "nothing": ("true", ()),
    "each once": ("params.a == 'x' || params['a'] == 'y'", ("params.a",)),
    "an output inside of has": ("has(steps.s.outputs.k)", ("steps.s.outputs.k",)),
    "in lists, maps and calls": (
        "[params.a, {'k': workflow.uid}.k][0].size() > 0 && steps['s-1'].outcome != ''",
        ("params.a", "workflow.uid", "steps.s-1.outcome"),
    ),
    "from the root": (".params.a == 'x'", ("params.a",)),
}


@pytest.mark.parametrize(("source", "references"), ASKS.values(), ids=ASKS)
def test_a_condition_names_what_it_asks_for(source: str, references: tuple[str, ...]) -> None:
    assert compile_condition(source).references == references


def test_a_long_condition_is_not_kept() -> None:
    short, long = "true", "true || " * 40 + "true"
    assert compile_condition(short) is compile_condition(short)
    assert compile_condition(long) is not compile_condition(long)
    assert compile_condition(long) == compile_condition(long)


def test_the_tree_has_every_kind_of_expression() -> None:
    source = "[1, 2].exists(x, x == {'k': 1.5 > 1.0 ? 1 : 2}.k) && params.a == 'x'"
    kinds = {node.kind for node in walk(read_tree(_ENVIRONMENT.compile(source).serialize()))}
    assert kinds == set(Kind)


def test_conditions_are_compared_by_what_they_say() -> None:
    assert compile_condition("params.a == 'x'") != compile_condition("params.a == 'y'")
    assert Condition("true", (), object()) == compile_condition("true")
