"""Substitution: what is a reference, and that values arrive as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesaga.api.container import Container
from kubesaga.engine.substitution import Reference, container_references, parse, references, resolve

PARSED = [
    ("nothing", "", ()),
    ("plain text", "a b", ()),
    ("a reference alone", "$(params.x)", ("params.x",)),
    ("two references in a row", "$(attempt)$(item)", ("attempt", "item")),
    ("references within text", "a $(steps.a.outputs.k)-$(workflow.name) b", ("steps.a.outputs.k", "workflow.name")),
    ("an escaped reference is none", "$$(params.x)", ()),
    ("an escaped dollar and a reference", "$$$(params.x)", ("params.x",)),
    ("a prefix alone is not ours", "$(params)", ()),
    ("words that begin like ours are not ours", "$(items) $(attempts) $(parameter.x) $(attempt.x)", ()),
    ("a command of a shell is not ours", "$(date) $(cat params.x)", ()),
    ("one without end is none", "$(params.x", ()),
    ("one inside of another", "$(date $(params.x))", ("params.x",)),
    ("whatever stands behind a prefix is ours", "$(params.a b$(c)", ("params.a b$(c",)),
    ("one over several lines", "$(failure.\n)", ("failure.\n",)),
    ("one in a long text", "x" * 2000 + "$(attempt)", ("attempt",)),
]


@pytest.mark.parametrize(("sentence", "text", "found"), PARSED, ids=[case[0] for case in PARSED])
def test_finds(sentence: str, text: str, found: tuple[str, ...]) -> None:
    assert references(text) == found
    parts = [f"$({part})" if index % 2 else part for index, part in enumerate(parse(text))]
    assert "".join(parts) == text


def test_thousands_of_openings_without_end_cost_no_more_than_their_length() -> None:
    assert references("$(params." * 30_000) == ()


def test_names_the_field_of_every_reference_in_a_container() -> None:
    container = Container.model_validate(
        {
            "image": "app:$(params.tag)",
            "command": ["run", "$(attempt)"],
            "args": ["$(params.a)$(params.b)", "$(date $(params.c))"],
            "env": [
                {"name": "A"},
                {"name": "B", "value": "$$(x) $(steps.s.outputs.k)"},
                {"name": "C", "value": "$(D)"},
            ],
            "workingDir": "$(params.no)",
        }
    )
    assert container_references(container) == (
        Reference("params.tag", "image"),
        Reference("attempt", "command[1]"),
        Reference("params.a", "args[0]"),
        Reference("params.b", "args[0]"),
        Reference("params.c", "args[1]", nested=True),
        Reference("steps.s.outputs.k", "env[1].value"),
    )
    assert container_references(Container()) == ()


def test_knows_the_output_that_a_reference_names() -> None:
    assert Reference("steps.a.outputs.k", "").output == ("a", "k")
    assert Reference("params.x", "").output is None
    assert Reference("steps.a.outputs", "").output is None


def test_an_unknown_reference_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        resolve("$(params.x)", {}, escape=True)


def test_text_without_references_is_returned_as_it_is() -> None:
    assert resolve("a $ b", {}, escape=True) == "a $ b"


def test_in_an_image_a_value_is_inserted_as_it_is() -> None:
    assert resolve("app:$(params.x)", {"params.x": "a$b"}, escape=False) == "app:a$b"


def kubelet(text: str, environment: dict[str, str]) -> str:
    """What the kubelet makes of a text: a transcript of k8s.io/kubernetes/third_party/forked/golang/expansion."""
    result, cursor, checkpoint = "", 0, 0
    while cursor < len(text):
        if text[cursor] == "$" and cursor + 1 < len(text):
            result += text[checkpoint:cursor]
            read, is_variable, advance = try_read_variable_name(text[cursor + 1 :])
            result += environment.get(read, f"$({read})") if is_variable else read
            cursor += advance
            checkpoint = cursor + 1
        cursor += 1
    return result + text[checkpoint:]


def try_read_variable_name(text: str) -> tuple[str, bool, int]:
    if text[0] == "$":
        return "$", False, 1
    if text[0] == "(":
        end = text.find(")", 1)
        return (text[1:end], True, end + 1) if end > 0 else ("$(", False, 1)
    return "$" + text[0], False, 1


KUBELET = [
    ("$(A)", "a"),
    ("$(B)", "$(B)"),
    ("$$(A)", "$(A)"),
    ("$$$(A)", "$a"),
    ("$(A", "$(A"),
    ("$A$", "$A$"),
    ("x$(A)$$", "xa$"),
    ("$(B $(A))", "$(B $(A))"),
]


@pytest.mark.parametrize(("text", "expanded"), KUBELET)
def test_the_model_of_the_kubelet_expands(text: str, expanded: str) -> None:
    assert kubelet(text, {"A": "a"}) == expanded


AWKWARD = st.lists(st.sampled_from(["$", "$$", "(", ")", "$(A)", "$(params.y)", "a", "\n", "'", '"', "é"])).map("".join)
LITERALS = st.lists(st.sampled_from(["a", " ", "$$", "$(A)", "$(date)", "$$(", "(", ")", "\n", "é"])).map("".join)


@given(st.lists(st.tuples(LITERALS, AWKWARD | st.text(max_size=20))), LITERALS)
def test_values_come_out_of_the_kubelet_as_they_went_in(pairs: list[tuple[str, str]], last: str) -> None:
    text = "".join(f"{literal}$(params.p{index})" for index, (literal, _) in enumerate(pairs)) + last
    context = {f"params.p{index}": value for index, (_, value) in enumerate(pairs)}
    environment = {"A": "expanded", "params.y": "never"}
    expected = "".join(kubelet(literal, environment) + value for literal, value in pairs) + kubelet(last, environment)
    assert kubelet(resolve(text, context, escape=True), environment) == expected


def test_inside_of_a_foreign_reference_a_value_would_not_come_out() -> None:
    text = "$(date $(params.x))"
    assert kubelet(resolve(text, {"params.x": "$"}, escape=True), {}) == "$(date $$)"
