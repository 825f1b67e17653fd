"""What the edges between steps must keep: unique names, known dependencies, no cycle."""

from collections.abc import Iterator, Sequence

from kubesaga.engine.container_rules import duplicates
from kubesaga.engine.draft import StepDraft
from kubesaga.engine.graph import Graph, cycles
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import shorten
from kubesaga.engine.suggestion import Suggestions


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
        yield SpecError(path, f"found the cycle {' -> '.join(cycle)}", "each step would wait for the next, for ever")
