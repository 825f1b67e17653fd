"""What the edges between steps must keep: unique names, known dependencies, no cycle."""

from collections.abc import Iterator, Sequence
from typing import Final

from kubesaga.engine.container_rules import duplicates
from kubesaga.engine.draft import StepDraft
from kubesaga.engine.graph import Graph, cycles
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import printable, shorten
from kubesaga.engine.suggestion import Suggestions

_CYCLE_LENGTH_MAX: Final = 20
"""Steps of one cycle that a message shows; a longer cycle is a mistake of a program, not of a person."""


def edge_errors(
    drafts: Sequence[StepDraft], graph: Graph, order: Sequence[str], suggestions: Suggestions
) -> Iterator[SpecError]:
    """Errors of the names of steps and of what depends on what."""
    yield from _name_errors(drafts)
    for draft in drafts:
        yield from _dependency_errors(draft, graph, suggestions)
    if len(order) < len(graph):
        yield from _cycle_errors(drafts, graph, order)


def _name_errors(drafts: Sequence[StepDraft]) -> Iterator[SpecError]:
    first: dict[str, str] = {}
    for draft in drafts:
        name = draft.step.name
        if name is not None and first.setdefault(name, draft.path) != draft.path:
            yield SpecError(f"{draft.path}.name", f"found {shorten(name)}", f"is the name of {first[name]} already")


def _dependency_errors(draft: StepDraft, graph: Graph, suggestions: Suggestions) -> Iterator[SpecError]:
    names = draft.step.depends_on or ()
    yield from duplicates(f"{draft.path}.dependsOn", names)
    for index, name in enumerate(names):
        if name is None:
            continue
        path = f"{draft.path}.dependsOn[{index}]"
        if name == draft.step.name:
            yield SpecError(path, f"found {shorten(name)}", "a step cannot depend on itself")
        elif name not in graph:
            yield SpecError(path, f"found {shorten(name)}", f"no such step; {suggestions.did_you_mean(name, graph)}")


def _cycle_errors(drafts: Sequence[StepDraft], graph: Graph, order: Sequence[str]) -> Iterator[SpecError]:
    by_name = {draft.step.name: draft for draft in reversed(drafts)}  # The first of a name is the one in the graph.
    for cycle in cycles(graph, order):
        path = next(path for path, name in by_name[cycle[0]].dependencies if name == cycle[1])
        yield SpecError(path, f"found the cycle {_spelled(cycle)}", "each step would wait for the next, for ever")


def _spelled(cycle: Sequence[str]) -> str:
    """The steps of a cycle with arrows; of a long one the beginning, the number of the others, and the end."""
    names = [printable(name) for name in cycle]
    if len(names) > _CYCLE_LENGTH_MAX:
        left_out = len(names) - _CYCLE_LENGTH_MAX
        names[_CYCLE_LENGTH_MAX - 1 : -1] = [f"({left_out:,} more)"]
    return " -> ".join(names)
