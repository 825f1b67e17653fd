"""Directed graphs of steps: order, levels, cycles, longest chain. No recursion: a chain may be 4,000 steps long.

A graph is a mapping from each step to the steps that it depends on, all of them keys; its order is that of the spec.
No step depends on itself.
"""

from collections import Counter, deque
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


def cycles(graph: Graph, order: Collection[str]) -> list[tuple[str, ...]]:
    """One cycle of every cyclic part of the graph: a shortest one through the part's first step, from it to itself.

    `order` is the topological order. Each step of ("a", "b", "c", "a") depends on the next. Two steps are in one part
    if each depends on the other, directly or through others.
    """
    rest = set(graph).difference(order)
    inner = {name: [d for d in dependencies if d in rest] for name, dependencies in graph.items() if name in rest}
    part_of = _strong_parts(inner)
    sizes = Counter(part_of.values())
    found: list[tuple[str, ...]] = []
    for name, part in part_of.items():
        if sizes.pop(part, 0) > 1:  # The part is met for the first time.
            found.append(_shortest_cycle(inner, part_of, name))
    return found


def _strong_parts(graph: Graph) -> dict[str, int]:
    """The number of every step's strongly connected component, in the order of the graph (Kosaraju, Sharir 1981)."""
    reverse = dependents(graph)
    parts: dict[str, int] = {}
    for part, root in enumerate(reversed(_finish_order(graph))):
        stack = [root]
        while stack:
            name = stack.pop()
            if name not in parts:
                parts[name] = part
                stack.extend(reverse[name])
    return {name: parts[name] for name in graph}


def _finish_order(graph: Graph) -> list[str]:
    """The steps in the order in which a depth-first search has seen all that they depend on."""
    finished: list[str] = []
    seen: set[str] = set()
    for root in graph:
        stack = [(root, iter(graph[root]))] if root not in seen else []
        seen.add(root)
        while stack:
            name, dependencies = stack[-1]
            dependency = next((d for d in dependencies if d not in seen), None)
            if dependency is None:
                finished.append(name)
                stack.pop()
            else:
                seen.add(dependency)
                stack.append((dependency, iter(graph[dependency])))
    return finished


def _shortest_cycle(graph: Graph, part_of: Mapping[str, int], first: str) -> tuple[str, ...]:
    """A shortest cycle from `first` to itself inside its part, found breadth first."""
    came_from: dict[str, str] = {}
    queue = deque([first])
    while first not in came_from:
        name = queue.popleft()
        for dependency in graph[name]:
            if dependency not in came_from and part_of[dependency] == part_of[first]:
                came_from[dependency] = name
                queue.append(dependency)
    path = [first, came_from[first]]
    while path[-1] != first:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))


class Upstream:
    """Answers whether a step comes before another, for the few steps that are asked about.

    Every step has a number whose bits are the asked-for steps before it: one sweep, and no closure of the whole graph.
    """

    def __init__(self, graph: Graph, order: Collection[str], asked: Collection[str]) -> None:
        self._bits = {name: 1 << index for index, name in enumerate(asked)}
        self._before: dict[str, int] = {}
        for name in order if self._bits else ():
            bits = 0
            for dependency in graph[name]:
                bits |= self._before[dependency] | self._bits.get(dependency, 0)
            self._before[name] = bits

    def __call__(self, name: str, later: str) -> bool:
        """Whether `later` depends on `name`, directly or through others; unknown counts as yes on a cycle."""
        return later not in self._before or bool(self._before[later] & self._bits[name])


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
    name = max(graph, key=levels.__getitem__)
    path = [name]
    while graph[name]:
        name = max(graph[name], key=levels.__getitem__)
        path.append(name)
    return tuple(reversed(path))


def rollback_groups(graph: Graph, order: Sequence[str], undoable: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """The undos of all steps in groups: each undo stands one group after the last that must come before it.

    The reversed graph, made transitive through steps without an undo, which have no group of their own.
    """
    reverse = dependents(graph)
    level: dict[str, int] = {}
    for name in reversed(order):
        level[name] = max((level[d] + (d in undoable) for d in reverse[name]), default=0)
    return grouped({name: level[name] for name in graph if name in undoable})
