"""Conditions: CEL expressions that say whether a step runs. The one module that knows the CEL library.

An expression comes from a user, and holds the interpreter while it is evaluated, so it can neither loop nor grow: its
length is bounded, it has no comprehensions, and few calls whose cost is that of its values. The library itself bounds
how deep it nests. What is left costs no more than a few milliseconds and megabytes (`tests/unit/engine/
test_expression_bombs.py`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel

from kubesaga.api.limits import WHEN_COSTLY_CALLS_MAX, WHEN_LENGTH_MAX, WHEN_PATTERN_LENGTH_MAX
from kubesaga.engine.expression_tree import Kind, Node, read_tree, walk

_ROOTS: Final = ("params", "steps", "workflow")
_COSTLY: Final = ("_+_", "matches")
_CACHED_LENGTH_MAX: Final = 256
"""Longer ones are compiled anew; 4,096 of this length hold about 30 MB."""

_ERROR: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_STRINGS: Final = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
_ENVIRONMENT: Final = cel.NewEnv(
    variables={"params": _STRINGS, "workflow": _STRINGS, "steps": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)}
)


class ExpressionError(Exception):
    """An expression that cannot be compiled or evaluated; its text says why, with line and column where known."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled expression that gives true or false."""

    source: str
    references: tuple[str, ...]
    """What it asks for, in the form of references: `params.x`, `steps.s.outcome`."""
    program: Any = field(compare=False, repr=False)


def compile_condition(source: str) -> Condition:
    """Parse and check an expression. Raises ExpressionError."""
    if len(source) > WHEN_LENGTH_MAX:
        raise ExpressionError(f"must have at most {WHEN_LENGTH_MAX:,} characters")
    return _cached(source) if len(source) <= _CACHED_LENGTH_MAX else _compile(source)


def evaluate(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether the condition holds. `values`: params, steps and workflow. Raises ExpressionError."""
    try:
        value = condition.program.eval(data=values).value()
    except RuntimeError as error:
        raise ExpressionError(_first_line(error)) from None
    # The library returns errors as values, which are true.
    if not isinstance(value, bool):
        raise ExpressionError(_first_line(value))
    return value


def _compile(source: str) -> Condition:
    try:
        program = _ENVIRONMENT.compile(source)
    except TypeError:  # The library takes no string that is no Unicode.
        raise ExpressionError("must be valid Unicode") from None
    except RuntimeError as error:
        raise ExpressionError(_sentence(str(error))) from None
    if program.return_type() != cel.Type.BOOL:
        raise ExpressionError(f"must give true or false, and gives {program.return_type().name().lower()}")
    tree = read_tree(program.serialize())
    _check(source, tree)
    return Condition(source, tuple(dict.fromkeys(_references(source, tree))), program)


_cached = lru_cache(maxsize=4_096)(_compile)


def _check(source: str, tree: Node) -> None:
    """Bound what it can cost."""
    costly = 0
    for node in walk(tree):
        if node.kind is Kind.COMPREHENSION:
            raise ExpressionError(f"{_place(source, node)}: all, exists, exists_one, filter and map are not supported")
        if node.kind is Kind.CALL and node.text == "matches" and not _is_short(node.parts[-1]):
            most = WHEN_PATTERN_LENGTH_MAX
            raise ExpressionError(
                f"{_place(source, node)}: matches takes a literal pattern of at most {most} characters, without {{}}"
            )
        costly += node.kind is Kind.CALL and node.text in _COSTLY
        if costly > WHEN_COSTLY_CALLS_MAX:
            most = WHEN_COSTLY_CALLS_MAX
            raise ExpressionError(f"{_place(source, node)}: at most {most} additions and calls of matches are allowed")


def _is_short(pattern: Node) -> bool:
    """Whether a regular expression is written out, and so short that a long value costs little (measured)."""
    text = pattern.text or ""
    return pattern.kind is Kind.CONSTANT and len(text) <= WHEN_PATTERN_LENGTH_MAX and "{" not in text


def _references(source: str, node: Node) -> Iterator[str]:
    """Every use of a variable, each as a reference."""
    chain = _chain(node)
    if chain is not None and chain[0] in _ROOTS:
        if not _is_reference(chain):
            forms = "params.NAME, steps.NAME.outcome, steps.NAME.outputs.KEY or workflow.NAME"
            hint = "; a name with a dash is written ['NAME']" if chain[0] == "steps" else ""
            raise ExpressionError(f"{_place(source, node)}: must be {forms}{hint}")
        yield ".".join(chain)
        return
    for part in node.parts:
        yield from _references(source, part)


def _is_reference(chain: tuple[str, ...]) -> bool:
    match chain:
        case ("params" | "workflow", _) | ("steps", _, "outcome") | ("steps", _, "outputs", _):
            return not any("." in name for name in chain)
        case _:
            return False


def _chain(node: Node) -> tuple[str, ...] | None:
    """The names of a.b['c'].d; None for anything else."""
    if node.kind is Kind.IDENTIFIER:
        return ((node.text or "").removeprefix("."),)
    name: str | None = None
    if node.kind is Kind.SELECT:
        name = node.text
    elif node.kind is Kind.CALL and node.text == "_[_]":
        name = node.parts[1].text if node.parts[1].kind is Kind.CONSTANT else None
    before = _chain(node.parts[0]) if name is not None else None
    return (*before, name) if before is not None and name is not None else None


def _place(source: str, node: Node) -> str:
    before = source[: node.place]
    return f"line {before.count(chr(10)) + 1}, column {node.place - before.rfind(chr(10))}"


def _sentence(message: str) -> str:
    """The first error of the library in one line."""
    found = _ERROR.search(message)
    if found is not None:
        return f"line {found[1]}, column {found[2]}: {found[3]}"
    return "is nested too deeply" if "recursion" in message else _first_line(message)


def _first_line(message: object) -> str:
    """Without the name of a status code before it."""
    return re.sub(r"^[A-Z_]+: ", "", str(message).partition("\n")[0])
