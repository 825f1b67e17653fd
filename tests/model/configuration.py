"""Configurations: what is explored. A new feature joins by a line here, and by its moves in `cluster`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any, Final

BACKOFF_SECONDS: Final = 10
"""Between two attempts; the model's only timer beside the deadline."""
DEADLINE_SECONDS: Final = 1000


@dataclass(frozen=True)
class Configuration:
    """One Workflow and what may befall it."""

    name: str
    spec: Mapping[str, Any]
    crashes: bool = True
    """The operator may die between any two of its calls, as often as it likes."""
    operators: int = 1
    passes_of_the_second: int = 2
    """With two operators that both believe they lead: how many passes the second one makes."""
    apart: bool = False
    """The caches of Jobs and of Pods lag apart from each other, rather than together."""
    lazy: bool = False
    """A write that may wait does wait or does not, rather than being made at once."""
    undos_fail: bool = False
    """Undo Jobs may fail, too."""
    lingers: bool = False
    """A stopped Job may say Failed while its Pod still runs, as under Kubernetes before 1.31."""
    deletions: int = 0
    """How many Jobs somebody else deletes."""
    lost_answers: int = 0
    """How many writes are accepted and their answers lost."""
    journeys: int = 0
    """How often an operator starts anew on a list from the past, as a lagging API server gives it."""
    requests: tuple[tuple[str, str], ...] = ()
    """Verb and value of what people ask, each at most once, in any order."""
    requests_max: int = 1
    resumes: bool = False
    """Somebody sets spec.suspend to false."""
    deadline: bool = False
    """The Workflow's deadline passes at any moment."""
    stranger: str = ""
    """Whose Job is there: `twin` is another Workflow of the same steps, `squatter` takes the first step's name."""
    deletes_workflow: bool = False
    """Somebody deletes the Workflow."""
    quick: bool = False
    """Whether it is a part of the bounded exploration of the tests."""

    @property
    def plain(self) -> bool:
        """Whether nobody but the operator and the Jobs does anything, so that the Jobs alone decide the outcome.

        A wait ends in time, and what fails beside it does so before or after.
        """
        waits = any("wait" in step for step in self.spec["steps"])
        return not (waits or self.requests or self.deletions or self.deadline or self.stranger or self.deletes_workflow)


Graph = tuple[int, tuple[tuple[int, int], ...]]
"""How many steps there are, and the edges from a step to those that wait for it."""

DIAMOND: Final[Graph] = (4, ((0, 1), (0, 2), (1, 3), (2, 3)))
STEPS: Final = "abcd"


def graphs(count: int) -> list[Graph]:
    """Every graph of so many steps, one of each shape."""
    pairs = list(combinations(range(count), 2))
    chosen = (edges for size in range(len(pairs) + 1) for edges in combinations(pairs, size))
    seen: dict[tuple[tuple[int, int], ...], Graph] = {}
    for edges in chosen:
        seen.setdefault(_shape(count, edges), (count, edges))
    return list(seen.values())


def _shape(count: int, edges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return min(tuple(sorted((p[a], p[b]) for a, b in edges)) for p in permutations(range(count)))


def undoings(graph: Graph) -> Iterator[frozenset[int]]:
    """Every choice of steps with an undo, one of each that the graph's symmetries turn into each other."""
    count, edges = graph
    same = [p for p in permutations(range(count)) if {(p[a], p[b]) for a, b in edges} == set(edges)]
    seen: set[tuple[int, ...]] = set()
    for size in range(count + 1):
        for chosen in combinations(range(count), size):
            canonical = min(tuple(sorted(p[i] for i in chosen)) for p in same)
            if canonical not in seen:
                seen.add(canonical)
                yield frozenset(chosen)


def spec(
    graph: Graph, undone: frozenset[int] | str = frozenset(), retries: int = 0, undo_retries: int = 0, **fields: Any
) -> dict[str, Any]:
    """The spec of a graph. `undone`: the places, or the names, of the steps with an undo."""
    count, edges = graph
    each: Mapping[str, Mapping[str, Any]] = fields.pop("each", {})
    steps = []
    for place in range(count):
        name = STEPS[place]
        step: dict[str, Any] = {
            "name": name,
            "container": {"image": "i"},
            "dependsOn": [STEPS[a] for a, b in edges if b == place],
            "retry": {"limit": retries, "backoffSeconds": BACKOFF_SECONDS, "factor": 1},
        }
        if name in undone or place in set(undone):
            retry = {"limit": undo_retries, "backoffSeconds": BACKOFF_SECONDS, "factor": 1}
            step["compensate"] = {"container": {"image": "i"}, "retry": retry}
        made = step | dict(each.get(name, {}))
        steps.append({key: value for key, value in made.items() if value is not None})
    return {"steps": steps, **fields}


ONE: Final[Graph] = (1, ())
TWO: Final[Graph] = (2, ())
CHAIN2: Final[Graph] = (2, ((0, 1),))
CHAIN3: Final[Graph] = (3, ((0, 1), (1, 2)))
FORK: Final[Graph] = (3, ((0, 1), (0, 2)))


def _graph_name(graph: Graph, undone: frozenset[int]) -> str:
    count, edges = graph
    return f"{count} steps {' '.join(STEPS[a] + STEPS[b] for a, b in edges) or '-'}, undo {_names(undone) or '-'}"


def _names(places: frozenset[int]) -> str:
    return "".join(STEPS[i] for i in sorted(places))


def _every_graph() -> Iterator[Configuration]:
    """All graphs: failures of any step, lagging caches, crashes."""
    for graph in [*graphs(1), *graphs(2), *graphs(3), DIAMOND]:
        for undone in undoings(graph):
            yield Configuration(_graph_name(graph, undone), spec(graph, undone), quick=graph[0] < 3)


_NO_JOB: Final = {"container": None, "retry": None}
APPROVAL: Final = {**_NO_JOB, "approval": {"message": "go on?"}}
WAIT: Final = {**_NO_JOB, "wait": {"seconds": BACKOFF_SECONDS}}
OPTIONAL: Final = {"optional": True}
JOIN: Final[Graph] = (3, ((0, 2), (1, 2)))
LEFT: Final = {"rollback": {"onCompensationFailure": "Continue"}}
DELETE_JOB: Final = {"compensate": {"deleteJob": {}}}


def _faults() -> Iterator[Configuration]:
    """Everything else that may go wrong, on the graphs that are large enough to show it."""
    one, two, chain = spec(ONE, "a", 1, 1), spec(TWO, "ab"), spec(CHAIN2, "ab")
    yield Configuration("retries of a step and its undo", one, undos_fail=True, lazy=True, apart=True, quick=True)
    yield Configuration("retries of two steps", spec(TWO, "a", 1))
    yield Configuration("retries in a chain, undos fail", spec(CHAIN2, "ab", 1, 1), undos_fail=True)
    yield Configuration("undos fail", spec(FORK, "abc"), undos_fail=True)
    yield Configuration("undos fail and are left", spec(FORK, "abc", **LEFT), undos_fail=True)
    left = spec(CHAIN2, "ab", **LEFT)
    yield Configuration("undos are left, a Job is deleted", left, undos_fail=True, deletions=1, quick=True)
    yield Configuration("undos one at a time", spec(FORK, "abc", rollback={"parallelism": 1}))
    yield Configuration("one step at a time", spec((3, ()), "ab", parallelism=1))
    yield Configuration("caches apart", two, apart=True)
    yield Configuration("caches apart, in a chain", chain, apart=True, lazy=True)
    yield Configuration("in flight: Cancel", spec(TWO, "ab", inFlight="Cancel"), apart=True)
    yield Configuration("in flight: Cancel, three steps", spec((3, ()), "ab", inFlight="Cancel"))
    yield Configuration("in flight: Cancel, retries", spec(TWO, "ab", 1, inFlight="Cancel"))
    yield Configuration("Pods linger", spec(TWO, "ab", inFlight="Cancel"), lingers=True, quick=True)
    yield Configuration("Pods linger, with retries", spec(TWO, "ab", 1, inFlight="Cancel"), lingers=True)
    yield Configuration("only what succeeded is undone", _when_succeeded(), apart=True)
    yield Configuration("savepoint", spec(CHAIN3, "abc", each={"b": {"boundary": "Savepoint"}}))
    yield Configuration("irreversible", spec(CHAIN3, "ac", each={"b": {"boundary": "Irreversible"}}))
    yield Configuration("undo by deletion", spec(CHAIN2, "b", each={"a": DELETE_JOB}), lazy=True, quick=True)
    yield Configuration("undo by deletion, with a retry", spec(CHAIN2, "", 1, each={"a": DELETE_JOB}))
    yield Configuration("undo by deletion, a deletion", spec(CHAIN2, "", each={"a": DELETE_JOB}), deletions=1)
    yield Configuration("on failure: Stop", spec(TWO, "ab", onFailure="Stop"))
    yield Configuration("deadline", spec(TWO, "ab", timeoutSeconds=DEADLINE_SECONDS), deadline=True)
    yield Configuration("deadline, in a chain", spec(CHAIN2, "ab", 1, timeoutSeconds=DEADLINE_SECONDS), deadline=True)
    yield Configuration("a Job is deleted", one, deletions=1, lazy=True, apart=True, quick=True)
    yield Configuration("a Job is deleted, beside another", two, deletions=1)
    yield Configuration("a Job is deleted, in a chain", chain, deletions=1, lazy=True, apart=True)
    yield Configuration("an answer is lost", one, lost_answers=1, lazy=True, quick=True)
    yield Configuration("an answer is lost, two steps", spec(CHAIN2, "a"), lost_answers=1, apart=True)
    yield Configuration("a journey back", one, journeys=1, quick=True)
    yield Configuration("a journey back, two steps", spec(TWO, "a"), journeys=1)
    yield Configuration("a journey back, in a chain", chain, journeys=1)
    yield Configuration("a twin of the same steps", one, stranger="twin", quick=True)
    yield Configuration("a stranger has the name", spec(CHAIN2, "a"), stranger="squatter", quick=True)
    yield Configuration("a stranger has the name of one", spec(TWO, "ab"), stranger="squatter")
    yield Configuration("a wait between two steps", spec(CHAIN3, "ac", each={"b": WAIT}), lazy=True, quick=True)
    yield Configuration("a wait beside a step", spec(FORK, "ab", each={"c": WAIT}))
    yield Configuration("deleted and held", _held(CHAIN2), deletes_workflow=True)
    yield from _finally_steps()
    yield from _fallbacks()


def other(retries: int = 0, *, undone: bool = True, **compensate: Any) -> dict[str, Any]:
    """The field fallback of a step."""
    retry = {"limit": retries, "backoffSeconds": BACKOFF_SECONDS, "factor": 1}
    undo = {"container": {"image": "i"}, "retry": {"limit": 0}, **compensate}
    return {"fallback": {"container": {"image": "i"}, "retry": retry, **({"compensate": undo} if undone else {})}}


def _fallbacks() -> Iterator[Configuration]:
    """Steps that may be done in another way, with an undo of its own."""

    def falls(name: str, graph: Graph, undone: str, a: Mapping[str, Any] | None = None, **fields: Any) -> Configuration:
        more = {key: fields.pop(key) for key in ("inFlight", "rollback", "parallelism") if key in fields}
        retries = fields.pop("retries", 0)
        return Configuration(
            f"fallback: {name}", spec(graph, undone, retries, each={"a": a or other()}, **more), **fields
        )

    def asked(*requests: str, **fields: Any) -> Configuration:
        parsed = tuple((verb, value or "1") for verb, _, value in (one.partition(" ") for one in requests))
        return falls(f"asked: {', '.join(requests)}", ONE, "a", requests=parsed, requests_max=len(parsed), **fields)

    yield falls("one step", ONE, "a", lazy=True, apart=True, quick=True)
    yield falls("retries", ONE, "a", other(1), retries=1)
    yield falls("a chain", CHAIN2, "ab", quick=True)
    yield falls("the first way is not undone", CHAIN2, "b")
    yield falls("the other way is not undone", CHAIN2, "ab", other(undone=False))
    yield falls("undone if it succeeded", CHAIN2, "ab", other(when="Succeeded"))
    yield falls("beside another step", TWO, "ab", inFlight="Cancel", crashes=False)
    yield falls("undos fail", ONE, "a", undos_fail=True)
    yield falls("undos fail, Continue", CHAIN2, "a", undos_fail=True, rollback={"onCompensationFailure": "Continue"})
    yield falls("Pods linger", ONE, "a", lingers=True)
    yield falls("a Job is deleted", ONE, "a", deletions=1)
    yield falls("a journey back", ONE, "a", journeys=1)
    yield falls("an answer is lost", ONE, "a", lost_answers=1)
    yield falls("two leaders", ONE, "a", operators=2, passes_of_the_second=1)
    yield asked("cancel")
    yield asked("retry", "retry 2")
    yield asked("rollback", "retry")
    yield asked("retry-compensation", "skip-compensation a@1", undos_fail=True)
    yield asked("retry-step a@1", "skip-step a@1", retries=1)


def _last(limit: int = 0, count: int = 1) -> list[dict[str, Any]]:
    retry = {"limit": limit, "backoffSeconds": BACKOFF_SECONDS, "factor": 1}
    return [{"name": name, "container": {"image": "i"}, "retry": retry} for name in "xy"[:count]]


LAST: Final = {"finally": _last()}


def _finally_steps() -> Iterator[Configuration]:
    """Steps at the end, which fail or do not, whatever came of the run."""

    def ends(name: str, graph: Graph, undone: str, limit: int = 0, count: int = 1, **fields: Any) -> Configuration:
        more = {key: fields.pop(key) for key in ("onFailure", "deletionPolicy", "parallelism") if key in fields}
        return Configuration(
            f"finally: {name}", spec(graph, undone, **{"finally": _last(limit, count)}, **more), **fields
        )

    yield ends("one step", ONE, "a", 1, lazy=True, apart=True, quick=True)
    yield ends("a chain", CHAIN2, "ab")
    yield ends("two steps, two at the end", TWO, "a", 0, 2)
    yield ends("one at a time", ONE, "", 0, 2, parallelism=1)
    yield ends("undos fail", ONE, "a", undos_fail=True, onFailure="Rollback")
    yield ends("on failure: Stop", TWO, "a", onFailure="Stop")
    yield ends("Pods linger", ONE, "a", lingers=True)
    yield ends("a Job is deleted", ONE, "a", deletions=1)
    yield ends("a journey back", ONE, "", 1, journeys=1)
    yield ends("an answer is lost", ONE, "a", lost_answers=1)
    yield ends("deleted and held", ONE, "a", deletionPolicy="RollbackUnfinished", deletes_workflow=True)
    yield ends("two leaders", ONE, "", operators=2, passes_of_the_second=2)
    yield ends("cancel, retry", ONE, "a", requests=(("cancel", "1"), ("retry", "1")), requests_max=2)
    yield ends("terminate", TWO, "a", requests=(("terminate", "1"),))
    yield ends("terminate at the end", ONE, "", 1, 2, requests=(("terminate", "1"),), crashes=False)
    yield ends("rollback, retry", ONE, "a", requests=(("rollback", "1"), ("retry", "1")), requests_max=2)


def _conditions() -> Iterator[Configuration]:
    """Which steps run: optional ones, trigger rules, conditions, and what goes on after a failure."""
    either = {"a": OPTIONAL, "b": OPTIONAL}

    def joined(rule: str, undone: str, **fields: Any) -> dict[str, Any]:
        return spec(JOIN, undone, each={**either, "c": {"triggerRule": rule}}, **fields)

    yield Configuration("an optional step", spec(CHAIN2, "ab", 1, each={"a": OPTIONAL}), lazy=True, quick=True)
    yield Configuration("an optional step beside another", spec(TWO, "ab", each={"a": OPTIONAL}, inFlight="Cancel"))
    mended = {"a": OPTIONAL, "b": {"triggerRule": "AnyFailed"}}
    yield Configuration("a step for the failure of another", spec(CHAIN2, "ab", each=mended), apart=True, quick=True)
    yield Configuration("the first success is enough", joined("AnySucceeded", "c"))
    yield Configuration("the first failure is enough", joined("AnyFailed", "c"), crashes=False)
    yield Configuration("all have failed", joined("AllFailed", "c"), crashes=False)
    yield Configuration("none has failed", joined("NoneFailed", "c"), crashes=False)
    yield Configuration("all have finished", joined("AllFinished", "c"), crashes=False)
    asks = {"a": OPTIONAL, "b": {"when": "steps.a.outcome == 'Failed'"}}
    yield Configuration("a condition", spec(CHAIN3, "bc", each=asks), quick=True)
    yield Configuration("on failure: Continue", spec(TWO, "ab", onFailure="Continue"), lazy=True, quick=True)
    beside = {"c": {"triggerRule": "AnyFailed"}}
    yield Configuration("on failure: Continue, in a chain", spec(CHAIN3, "a", each=beside, onFailure="Continue"))
    yield Configuration("on failure: Continue, beside a chain", spec((3, ((0, 1),)), "c", onFailure="Continue"))


def _when_succeeded() -> dict[str, Any]:
    compensate = {"compensate": {"container": {"image": "i"}, "when": "Succeeded", "retry": {"limit": 0}}}
    return spec(TWO, "b", each={"a": compensate}, inFlight="Cancel")


def _held(graph: Graph) -> dict[str, Any]:
    return spec(graph, "ab", deletionPolicy="RollbackUnfinished")


def _two_leaders() -> Iterator[Configuration]:
    """Two operators that both believe they lead."""

    def led(name: str, spec_: Mapping[str, Any], passes: int, **fields: Any) -> Configuration:
        return Configuration(f"two leaders: {name}", spec_, operators=2, passes_of_the_second=passes, **fields)

    yield led("one step", spec(ONE, "a"), 3, quick=True)
    yield led("one step with a retry", spec(ONE, "a", 1), 2)
    yield led("a chain", spec(CHAIN2, "a"), 2, crashes=False)
    yield led("two steps", spec(TWO, "a"), 1, crashes=False)
    yield led("in flight: Cancel", spec(TWO, "a", inFlight="Cancel"), 1, crashes=False)
    yield led("cancel", spec(ONE, "a"), 2, requests=(("cancel", "1"),))
    yield led("cancel in a chain", spec(CHAIN2, "a"), 1, crashes=False, requests=(("cancel", "1"),))
    yield led("a Job is deleted", spec(ONE, "a"), 1, crashes=False, deletions=1)
    asking = spec(CHAIN2, "b", each={"a": APPROVAL})
    yield led("an approval", asking, 1, crashes=False, requests=(("approve", "a@1"),))
    yield led("undo by deletion", spec(CHAIN2, "", each={"a": DELETE_JOB}), 2, crashes=False)


def _requests() -> Iterator[Configuration]:
    """Each verb where it applies, and pairs that meet."""

    def asked(
        spec_: Mapping[str, Any], *requests: str, most: int | None = None, about: str = "", **fields: Any
    ) -> Configuration:
        parsed = tuple((verb, value or "1") for verb, _, value in (one.partition(" ") for one in requests))
        name = f"asked: {', '.join(requests)}{f'; {about}' if about else ''}"
        return Configuration(name, spec_, requests=parsed, requests_max=most or len(parsed), **fields)

    chain, two = spec(CHAIN2, "a"), spec(TWO, "ab")
    yield asked(spec(ONE, "a"), "cancel", about="apart", apart=True, lazy=True, quick=True)
    yield asked(two, "cancel")
    yield asked(spec(TWO, "a", 1), "cancel", about="retries")
    yield asked(spec(DIAMOND, "abcd"), "cancel", about="diamond", crashes=False)
    yield asked(chain, "rollback", "cancel")
    yield asked(two, "rollback")
    yield asked(two, "stop")
    yield asked(two, "terminate")
    yield asked(chain, "stop", "terminate")
    yield asked(chain, "cancel", "terminate")
    yield asked(chain, "suspend", "resume")
    yield asked(chain, "suspend", "cancel")
    yield asked(two, "suspend", "cancel", about="of two", crashes=False)
    yield asked(two, "suspend", "resume", about="of two")
    yield asked(chain, "retry", quick=True)
    yield asked(spec(CHAIN2, "ab"), "rollback", "retry")
    yield asked(chain, "cancel", "retry")
    yield asked(spec(CHAIN2), "retry", "retry 2", about="nothing undone")
    yield asked(spec(ONE, "a", 1), "retry-step a@1", "skip-step a@1", about="retries")
    yield asked(spec(CHAIN2, "a"), "skip-step b@1", "skip-step a@1")
    yield asked(spec(CHAIN2), "skip-step a@1", "retry", about="nothing undone")
    yield asked(chain, "retry-compensation", about="undos fail", undos_fail=True, quick=True)
    yield asked(two, "retry-compensation a@1", "skip-compensation b@1", about="undos fail", undos_fail=True)
    yield asked(two, "skip-compensation a@1", "abandon", about="undos fail", undos_fail=True)
    yield asked(chain, "abandon", "retry", about="undos fail", undos_fail=True)
    yield asked(spec(CHAIN2, "a", inFlight="Cancel"), "assume-stopped a@1", "cancel", about="Pods linger", lingers=True)
    yield asked(spec(ONE, "a", 1), "assume-stopped a@1", about="retries", deletions=1)
    yield asked(chain, "resubmit")
    pivot = spec(CHAIN3, "a", each={"b": {"boundary": "Pivot"}})
    yield asked(pivot, "retry-step c@1", "resume", about="pivot")
    yield asked(pivot, "cancel", "skip-step c@1", about="pivot")
    beside = spec((3, ((0, 1),)), "a", each={"b": {"boundary": "Pivot"}})
    yield asked(beside, "cancel", about="a pivot beside a step")
    yield asked(spec(CHAIN2, "a", suspend=True), "cancel", about="spec.suspend", resumes=True)
    goes_on = spec(TWO, "a", onFailure="Continue")
    yield asked(goes_on, "cancel", about="Continue")
    yield asked(spec(CHAIN2, "a", onFailure="Continue"), "rollback", "retry", about="Continue", crashes=False)
    mended = {"a": OPTIONAL, "b": {"triggerRule": "AnyFailed"}}
    yield asked(spec(CHAIN3, each=mended), "retry", "skip-step b@1", about="a step for a failure", crashes=False)
    asking = spec(CHAIN3, "ac", each={"b": APPROVAL})
    yield asked(asking, "approve b@1", "reject b@1", quick=True)
    yield asked(asking, "approve b@1", "cancel")
    yield asked(asking, "reject b@1", "suspend")
    yield asked(spec(TWO, "a", each={"b": APPROVAL}), "approve b@1", "reject b@1", about="beside a step")
    yield asked(spec(CHAIN2, each={"a": APPROVAL}), "reject a@1", "retry", "approve a@2", about="anew")


def configurations(name: str = "") -> list[Configuration]:
    """All of them, in the order in which they are explored; those whose name has `name` in it."""
    made = [*_every_graph(), *_faults(), *_conditions(), *_two_leaders(), *_requests()]
    assert len({one.name for one in made}) == len(made), "two configurations have one name"
    return [one for one in made if name in one.name]


def quick() -> list[Configuration]:
    """The bounded part."""
    return [one for one in configurations() if one.quick]
