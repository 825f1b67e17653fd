"""Directed graphs of steps: order, levels, cycles, longest chain. No recursion: a chain may be 4,000 steps long.

A graph is a mapping from each step to the steps that it depends on, all of them keys; its order is that of the spec.
"""

from collections.abc import Collection, Mapping, Sequence
from heapq import heapify, heappop, heappush

Graph = Mapping[str, Sequence[str]]


def dependents(graph: Graph) -> dict[str, list[str]]:
    """The graph with its edges reversed, in the order of the spec."""
    reverse: dict[str, list[str]] = {name: [] for name in graph}
    for name, dependencies in graph.items():
        for dependency in dependencies:
            reverse[dependency].append(name)
    return reverse


def topological_order(graph: Graph) -> tuple[str, ...]:
    """Every step after everything it depends on, ties in the order of the spec (Kahn 1962, with a heap).

    Steps on a cycle, and those that depend on one, are left out.
    """
    names = list(graph)
    place = {name: index for index, name in enumerate(names)}
    open_ = {name: len(dependencies) for name, dependencies in graph.items()}
    reverse = dependents(graph)
    ready = [place[name] for name, count in open_.items() if count == 0]
    heapify(ready)
    order: list[str] = []
    while ready:
        name = names[heappop(ready)]
        order.append(name)
        for dependent in reverse[name]:
            open_[dependent] -= 1
            if open_[dependent] == 0:
                heappush(ready, place[dependent])
    return tuple(order)


def cycles(graph: Graph) -> list[tuple[str, ...]]:
    """One cycle of every cyclic part of the graph, spelled from its first step in the order of the spec to itself.

    What is left when every step without open dependencies is taken away, again and again, from both ends, consists
    of cycles and paths between them; walking backwards along it must meet itself.
    """
    left = _core(graph)
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in (name for name in graph if name in left):
        path: dict[str, int] = {}
        name = start
        while name not in seen and name not in path:
            path[name] = len(path)
            name = next(dependency for dependency in graph[name] if dependency in left)
        if name in path:
            found.append(_spelled(list(path)[path[name] :], list(graph)))
        seen.update(path)
    return found


def _core(graph: Graph) -> set[str]:
    """The steps that lie on a cycle or on a path between two."""
    left = set(graph) - set(topological_order(graph))
    inner = {name: [d for d in graph[name] if d in left] for name in graph if name in left}
    return left - set(topological_order(dependents(inner)))


def _spelled(path: list[str], order: list[str]) -> tuple[str, ...]:
    """A cycle found against the direction of the edges, turned round, beginning with its first step in the spec."""
    forward = path[::-1]
    start = forward.index(min(forward, key=order.index))
    turned = forward[start:] + forward[:start]
    return (*turned, turned[0])


def step_levels(graph: Graph, order: Sequence[str]) -> dict[str, int]:
    """0 for a step without dependencies, else one more than the highest level it depends on."""
    levels: dict[str, int] = {}
    for name in order:
        levels[name] = max((levels[dependency] + 1 for dependency in graph[name]), default=0)
    return levels


def grouped(levels: Mapping[str, int]) -> tuple[tuple[str, ...], ...]:
    """The steps of each level, in the order of the mapping."""
    groups: list[list[str]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    for name, level in levels.items():
        groups[level].append(name)
    return tuple(map(tuple, groups))


def critical_path(graph: Graph, levels: Mapping[str, int]) -> tuple[str, ...]:
    """A longest chain of steps, first to last; among equals the first in the order of the spec."""
    if not graph:
        return ()
    name = max(graph, key=lambda candidate: levels[candidate])
    path = [name]
    while graph[name]:
        name = max(graph[name], key=lambda candidate: levels[candidate])
        path.append(name)
    return tuple(reversed(path))


def ancestors(graph: Graph, name: str) -> set[str]:
    """Everything that the step depends on, directly or through others."""
    found: set[str] = set()
    stack = list(graph[name])
    while stack:
        dependency = stack.pop()
        if dependency not in found:
            found.add(dependency)
            stack.extend(graph[dependency])
    return found


def rollback_groups(graph: Graph, order: Sequence[str], undoable: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """The undos of all steps in groups: each undo stands one group after the last that must come before it.

    The reversed graph, made transitive through steps without an undo, which have no group of their own.
    """
    reverse = dependents(graph)
    level: dict[str, int] = {}
    for name in reversed(order):
        level[name] = max((level[d] + (d in undoable) for d in reverse[name]), default=0)
    return grouped({name: level[name] for name in order if name in undoable})
