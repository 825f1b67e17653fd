"""Text is read as kubectl reads it, and what is wrong has its line."""

import pytest

from kubesaga.cli.yaml_text import TextError, documents


def only(text):
    [document] = documents(text)
    assert [error.message for error in document.errors] == []
    return document.value


def errors(text):
    return [(error.line, error.path, error.message) for document in documents(text) for error in document.errors]


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("text", "text"),
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ('"yes"', "yes"),
        ("'on'", "on"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0", 0),
        ("-0", 0),
        ("0644", 0o644),
        ("0o644", 0o644),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("08", 8.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1:30", "1:30"),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("1.2.3", "1.2.3"),
        ("9223372036854775807", 2**63 - 1),
        ("|\n  a\n  b", "a\nb\n"),
    ],
)
def test_a_scalar_means_what_it_means_to_kubectl(plain, value):
    found = only(f"a: {plain}\n")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off", "y", "N"])
def test_a_word_that_yaml_versions_read_differently_has_to_be_quoted(word):
    [(line, path, message)] = errors(f"x: 1\na:\n  b: {word}\n")
    assert (line, path) == (3, "a.b")
    assert f"found {word}; kubectl reads it as " in message
    assert f'"{word}" with quotes' in message
    assert errors(f"{word}: 1\n")


@pytest.mark.parametrize(
    ("promise", "text", "line", "message"),
    [
        ("a key that is given twice", "a: 1\nb: 2\na: 3\n", 3, 'the key "a" is given twice; the first is in line 1'),
        ("a number as a key", "1: a\n", 1, "found the key 1; keys must be strings: quote it"),
        ("nothing as a key", "? \n: a\n", 1, "found the key ; keys must be strings: quote it"),
        ("a list as a key", "? [a]\n: b\n", 1, "found the key a list or mapping; keys must be strings: quote it"),
        ("a tag", "a: !secret x\n", 1, "found the tag !secret; Kubernetes knows no tags"),
        ("a Python object", "a: !!python/object:os.x\n", 1, "found the tag tag:yaml.org,2002:python/object:os.x"),
        ("binary", "a: !!binary aGk=\n", 1, "found the tag tag:yaml.org,2002:binary; Kubernetes knows no tags"),
        ("infinity", "a: .inf\n", 1, "found .inf; JSON has no such number"),
        ("a huge number", f"a: {'9' * 5000}\n", 1, "found a number that does not fit into 64 bits"),
        ("a large number", "a: 9223372036854775808\n", 1, "found a number that does not fit into 64 bits"),
        ("a scalar merged", "a: &x 1\nb:\n  <<: *x\n", 1, "<< merges mappings only"),
    ],
)
def test_what_is_refused_has_its_line(promise, text, line, message):
    [(found_line, _, found)] = errors(text)
    assert found.startswith(message)
    assert found_line == line


@pytest.mark.parametrize(
    ("promise", "text", "line", "message"),
    [
        ("a tab", "a:\n\tb: 1\n", 2, "there is a tab; YAML is indented with spaces"),
        ("an open bracket", "a: [1\n", 2, "while parsing a flow sequence"),
        ("a control character", "a: 1\nb: \x01\n", 2, "the character U+0001 is not allowed"),
        ("an unknown alias", "a: *x\n", 1, "found undefined alias 'x'"),
        ("deep nesting", "[" * 150 + "]" * 150, 1, "is nested more than 100 levels deep"),
        ("nesting beyond the parser", "[" * 50_000, None, "is nested more than 100 levels deep"),
        ("an alias of itself", "a: &x [*x]\n", 1, "is nested more than 100 levels deep"),
    ],
)
def test_what_cannot_be_read_is_said_in_plain_words(promise, text, line, message):
    with pytest.raises(TextError) as error:
        documents(text)
    assert message in error.value.message
    assert error.value.line == line


def test_an_alias_bomb_is_refused_before_it_bursts():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(TextError, match="stands for more than 1,000,000 values"):
        documents("\n".join(levels))


def test_aliases_and_merges_are_written_out():
    text = "base: &b {p: 1, q: 2}\nown:\n  <<: *b\n  q: 3\nall: [*b, *b]\n"
    assert only(text) == {"base": {"p": 1, "q": 2}, "own": {"p": 1, "q": 3}, "all": [{"p": 1, "q": 2}] * 2}


def test_json_is_read_with_tabs_and_surrogates_and_keeps_its_lines_where_it_can():
    assert only('{"a":\n\t["\\ud83d\\ude00", "yes", 1]}') == {"a": ["😀", "yes", 1]}
    [document] = documents('{"a": 1,\n "b": {"c": 2}}')
    assert document.line("b.c") == 2


def test_json_with_a_key_given_twice_is_refused():
    assert errors('{"a": 1, "a": 2}')[0][2] == 'the key "a" is given twice'


def test_the_line_of_what_is_missing_is_that_of_what_it_is_missing_in():
    [document] = documents("a: 1\nb:\n  c:\n  - d: 1\n")
    assert [document.line(path) for path in ("a", "b.c[0].d", "b.c[0].e.f", "b.c[7]", "z")] == [1, 4, 4, 3, 1]


def test_empty_documents_are_left_out():
    assert [document.value for document in documents("---\n---\na: 1\n---\n# nothing\n")] == [{"a": 1}]
