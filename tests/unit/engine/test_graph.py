"""Graphs: order, levels, cycles, rollback, against definitions that are slow and plain."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesaga.engine import graph
from kubesaga.engine.graph import Graph


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool) -> Graph:
    """Up to nine steps in an order of the spec that has nothing to do with their dependencies."""
    size = draw(st.integers(1, 9))
    names = draw(st.permutations([f"s{i}" for i in range(size)]))
    rank = draw(st.permutations(range(size)))
    edges: dict[str, list[str]] = {}
    for i, name in enumerate(names):
        others = [n for j, n in enumerate(names) if (rank[j] < rank[i] if acyclic else i != j)]
        edges[name] = [other for other in others if draw(st.booleans())]
    return edges


def before(edges: Graph, name: str) -> set[str]:
    """Everything that the step depends on: the closure by its definition."""
    found = set(edges[name])
    while True:
        grown = {d for n in found for d in edges[n]} | found
        if grown == found:
            return found
        found = grown


@given(graphs(acyclic=True))
def test_the_order_has_every_step_after_its_dependencies(edges: Graph) -> None:
    order = graph.topological_order(edges)
    assert sorted(order) == sorted(edges)
    assert all(order.index(d) < order.index(name) for name in edges for d in edges[name])


@given(graphs(acyclic=True))
def test_ties_stand_in_the_order_of_the_spec(edges: Graph) -> None:
    done: list[str] = []
    for name in graph.topological_order(edges):
        assert name == next(n for n in edges if n not in done and all(d in done for d in edges[n]))
        done.append(name)


@given(graphs(acyclic=True))
def test_levels_are_the_longest_way_from_the_start(edges: Graph) -> None:
    levels = graph.step_levels(edges, graph.topological_order(edges))
    for name, level in levels.items():
        assert level == max((levels[d] + 1 for d in edges[name]), default=0)
    groups = graph.grouped({name: levels[name] for name in edges})
    assert [[n for n in edges if levels[n] == i] for i in range(len(groups))] == [list(group) for group in groups]
    assert all(groups)


@given(graphs(acyclic=True))
def test_the_critical_path_is_a_longest_chain(edges: Graph) -> None:
    levels = graph.step_levels(edges, graph.topological_order(edges))
    path = graph.critical_path(edges, levels)
    assert len(path) == max(levels.values()) + 1
    assert all(early in edges[late] for early, late in pairwise(path))


@given(graphs(acyclic=True), st.sets(st.integers(0, 8)))
def test_undos_run_in_the_reversed_order_through_steps_without_undo(edges: Graph, indexes: set[int]) -> None:
    undoable = {name for i, name in enumerate(edges) if i in indexes}
    groups = graph.rollback_groups(edges, graph.topological_order(edges), undoable)
    group_of = {name: i for i, group in enumerate(groups) for name in group}
    assert set(group_of) == undoable
    for name in undoable:  # By definition: one group after the last of all that depend on it and can be undone.
        later = [other for other in undoable if name in before(edges, other)]
        assert group_of[name] == max((group_of[other] + 1 for other in later), default=0)
    assert all(groups)


@given(graphs(acyclic=False), st.data())
def test_upstream_is_all_that_a_step_depends_on(edges: Graph, data: st.DataObject) -> None:
    order = graph.topological_order(edges)
    asked = data.draw(st.lists(st.sampled_from(list(edges)), unique=True))
    upstream = graph.Upstream(edges, order, asked)
    for name in asked:
        for later in edges:
            assert upstream(name, later) == (later not in order or name in before(edges, later))


@given(graphs(acyclic=False))
def test_every_cyclic_part_has_one_cycle_spelled_out(edges: Graph) -> None:
    parts: list[list[str]] = []
    for name in edges:
        part = [n for n in edges if n in before(edges, name) and name in before(edges, n)]
        if part and part not in parts:
            parts.append(part)
    cycles = graph.cycles(edges, graph.topological_order(edges))
    assert [cycle[0] for cycle in cycles] == [part[0] for part in parts]
    for cycle, part in zip(cycles, parts, strict=True):
        assert cycle[0] == cycle[-1]
        assert set(cycle) <= set(part)
        assert len(set(cycle)) == len(cycle) - 1
        assert all(late in edges[early] for early, late in pairwise(cycle))


SPELLED: list[tuple[str, Graph, list[tuple[str, ...]]]] = [
    ("no cycle", {"a": [], "b": ["a"]}, []),
    ("two steps", {"a": ["b"], "b": ["a"]}, [("a", "b", "a")]),
    ("the shortest way back", {"a": ["b", "c"], "b": ["c"], "c": ["a"]}, [("a", "c", "a")]),
    ("steps before and after it are no part", {"x": [], "b": ["x", "c"], "c": ["b"], "z": ["c"]}, [("b", "c", "b")]),
    (
        "two cycles with a way between them",
        {"a": ["c", "b"], "b": ["a"], "c": ["d"], "d": ["c"]},
        [("a", "b", "a"), ("c", "d", "c")],
    ),
]


@pytest.mark.parametrize(("sentence", "edges", "cycles"), SPELLED, ids=[case[0] for case in SPELLED])
def test_spells(sentence: str, edges: Graph, cycles: list[tuple[str, ...]]) -> None:
    assert graph.cycles(edges, graph.topological_order(edges)) == cycles
