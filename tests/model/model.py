"""The transitions: what may happen next in a world, and what it leads to.

The operator's part mirrors `kubesaga.controller`: `pass_` (status first, then effects; a conflict drops the decision;
a lazy write is put off), `effects` (AlreadyExists with our owner is success; ConfirmJob reads live; what a call
returns goes into the caches), `object_cache` and `workflow_cache` (own writes are remembered) and `queue` (a pass is
made only where something asks for it). `test_shell` holds this mirror against the real ones.

Everything is remembered by the numbers of what it depends on, so that most transitions are a few look-ups.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from kubesaga.engine.decision import Write
from model import cluster
from model.brain import Brain
from model.calls import Calls, Rules
from model.cluster import Jobs
from model.configuration import Configuration
from model.invariants import Invariants
from model.promised import Effect, Written
from model.state import (
    CONFIRM,
    DELETE,
    FINALIZE,
    READ_NAMESPACE,
    RESUBMIT,
    STOP,
    Act,
    Job,
    JobView,
    Move,
    Numbered,
    Operator,
    PodView,
    Rest,
    Stored,
    World,
)

LEADERS: Final = ("operator A", "operator B")

Step = tuple[Move, World, str]
"""A move, the world after it, and the invariant that it breaks, in words; empty where it breaks none."""


class Model:
    """All that may happen to one configuration."""

    def __init__(self, configuration: Configuration, rules: type[Rules] = Rules) -> None:
        self.configuration = configuration
        self.brain = Brain(configuration)
        self.invariants = Invariants(configuration, self.brain)
        self.stored: Numbered[Stored] = Numbered()
        self.jobs: Numbered[Jobs] = Numbered()
        self.operators: Numbered[Operator] = Numbered()
        self.rests: Numbered[Rest] = Numbered()
        self._rules = rules
        self._calls = Calls(self.stored, rules)
        self._memory: dict[Any, Any] = {}

    def beginning(self) -> World:
        """The world in which the Workflow was just made."""
        c = self.configuration
        stored = self.stored.of(Stored(self.brain.beginning, suspend=bool(c.spec.get("suspend"))))
        jobs = self.jobs.of(cluster.first_jobs(c))
        rest = self.rests.of(Rest(c.deletions, c.lost_answers, c.journeys, c.requests_max if c.requests else 0))
        lefts = (-1, c.passes_of_the_second)[: c.operators]
        operators = [self._fresh(stored, jobs, left) for left in lefts]
        return (stored, jobs, rest, *operators)

    def steps(self, world: World) -> list[Step]:
        """Everything that may happen next."""
        stored, jobs, rest = world[:3]
        operators = world[3:]
        found: list[Step] = []
        if not self.stored[stored].gone:
            found += [(m, (s, jobs, r, *self._unfresh(operators)), "") for m, s, r in self._people(stored, rest)]
        for move, jobs_, rest_ in self._cluster(jobs, rest):
            found.append((move, (stored, jobs_, rest_, *operators), self._state(stored, jobs_)))
        if self.configuration.journeys:
            found += self._journeys(world)
        for place, number in enumerate(operators):
            for move, stored_, jobs_, rest_, operator, broken in self._operator(place, number, stored, jobs, rest):
                others = operators if stored_ == stored else self._unfresh(operators)
                after = (*others[:place], operator, *others[place + 1 :])
                found.append((move, (stored_, jobs_, rest_, *after), broken or self._state(stored_, jobs_)))
        return found

    # What may be asked of a world

    def idle(self, world: World) -> bool:
        """Whether the first operator knows everything, and has nothing to do."""
        gone = self.stored[world[0]].gone
        return self._remember(("idle", world[3], world[1], gone), lambda: self._idle(world[3], world[1], gone))

    def forgotten(self, world: World) -> str:
        """At rest: what a pass would do that nothing calls for. There must be nothing."""
        late = self.rests[world[2]].late
        return self._remember(("forgotten", world[3], late), lambda: self._forgotten(world[3], late))

    def stands(self, world: World) -> bool:
        """Whether the run has ended, or waits for a person."""
        stored = self.stored[world[0]]
        return stored.gone or self._remember(("stands", stored.status), lambda: self._stands(stored.status))

    def _idle(self, operator: int, jobs: int, gone: bool) -> bool:
        one = self.operators[operator]
        busy = one.pending or one.queued or one.timer or one.lazy or not one.fresh
        return not busy and (gone or (one.jobs, one.pods) == self._views(jobs))

    def _forgotten(self, operator: int, late: bool) -> str:
        one = self.operators[operator]
        seen = self.stored[one.workflow]
        if seen.gone:
            return ""
        asked: tuple[str, ...] = ()
        while True:  # A live read is no write: what it shows is what is known already.
            knows = one._replace(namespace_read=True, confirmed=asked)
            verdict = self.brain.decide(seen, knows, late=late, timer_over=one.elapsed)
            reads = tuple(sorted({*asked, *(act.name for act in verdict.actions if act.kind == CONFIRM)}))
            if reads == asked:
                break
            asked = reads
        others = [act for act in verdict.actions if act.kind not in (CONFIRM, READ_NAMESPACE)]
        if verdict.write is Write.NONE and not others:
            return ""
        return f"a pass would write {verdict.write} and do {[self.words(a) for a in verdict.actions]}"

    def _stands(self, status: int) -> bool:
        phase = self.brain.status(status).phase
        return phase is not None and (phase.terminal or phase.value in ("RollbackBlocked", "Suspended"))

    # The cluster and people

    def _cluster(self, jobs: int, rest: int) -> list[tuple[Move, int, int]]:
        return self._remember(("cluster", jobs, rest), lambda: list(self._cluster_moves(jobs, rest)))

    def _cluster_moves(self, number: int, rest: int) -> Iterator[tuple[Move, int, int]]:
        jobs, left = self.jobs[number], self.rests[rest]
        c = self.configuration
        for job in jobs:
            label = self.brain.label(job.name)
            again = f" #{job.count + 1}" if job.count else ""
            may_fail = c.undos_fail or not self._is_undo(job)
            for verb, after in cluster.events(job, may_fail=may_fail, lingers=c.lingers):
                yield ("Job", label + again, verb), self.jobs.of(cluster.with_job(jobs, after)), rest
            if left.deletions and cluster.deletable(job):
                after = cluster.deleted(job)
                rest_ = self.rests.of(left._replace(deletions=left.deletions - 1))
                yield ("somebody", "deletes", label), self.jobs.of(cluster.with_job(jobs, after)), rest_

    def _is_undo(self, job: Job) -> bool:
        meaning = self.brain.names.get(job.name)
        return meaning is not None and meaning.direction == "Compensation"

    def _people(self, stored: int, rest: int) -> list[tuple[Move, int, int]]:
        return self._remember(("people", stored, rest), lambda: list(self._people_moves(stored, rest)))

    def _people_moves(self, number: int, rest: int) -> Iterator[tuple[Move, int, int]]:
        stored, left, c = self.stored[number], self.rests[rest], self.configuration
        for verb, value in c.requests if left.requests else ():
            standing = dict(stored.annotations)
            if not _asked(standing.get(verb), value, c.requests):
                now = tuple(sorted((standing | {verb: value}).items()))
                rest_ = self.rests.of(left._replace(requests=left.requests - 1))
                yield ("a person", "requests", verb, value), self.stored.of(stored._replace(annotations=now)), rest_
        if c.resumes and stored.suspend:
            yield ("a person", "sets suspend: false"), self.stored.of(stored._replace(suspend=False)), rest
        if c.deadline and not left.late:
            yield ("time", "passes the deadline"), number, self.rests.of(left._replace(late=True))
        if c.deletes_workflow and not stored.deleting:
            gone = not stored.finalizers
            yield ("a person", "deletes the Workflow"), self.stored.of(stored._replace(deleting=True, gone=gone)), rest

    def _journeys(self, world: World) -> list[Step]:
        """A lagging API server: its past is kept once, and an operator begins with it later."""
        stored, jobs, rest = world[:3]
        left, operators = self.rests[rest], world[3:]
        if left.journeys and left.past == (-1, -1):
            kept = self.rests.of(left._replace(past=(stored, jobs)))
            return [(("API server", "falls behind"), (stored, jobs, kept, *operators), "")]
        if not left.journeys:
            return []
        spent = self.rests.of(left._replace(journeys=left.journeys - 1, past=(-1, -1)))
        then, jobs_then = left.past
        number = self._fresh(then, jobs_then, -1, fresh=then == stored)
        move = (LEADERS[0], "dies, and begins anew with a list from the past")
        return [(move, (stored, jobs, spent, number, *operators[1:]), "")]

    def _state(self, stored: int, jobs: int) -> str:
        return self._remember(("state", stored, jobs), lambda: self._broken_state(stored, jobs))

    def _broken_state(self, stored: int, jobs: int) -> str:
        now = self.stored[stored]
        return self.invariants.of_state(self.brain.status(now.status), self.jobs[jobs], now)

    # An operator

    def _operator(
        self, place: int, number: int, stored: int, jobs: int, rest: int
    ) -> list[tuple[Move, int, int, int, int, str]]:
        key = ("operator", place, number, stored, jobs, rest)
        return self._remember(key, lambda: list(self._operator_moves(place, number, stored, jobs, rest)))

    def _operator_moves(
        self, place: int, number: int, stored: int, jobs: int, rest: int
    ) -> Iterator[tuple[Move, int, int, int, int, str]]:
        one, who, c = self.operators[number], LEADERS[place], self.configuration
        over = self.stored[one.workflow].gone or not one.left
        if over and not one.pending:
            return
        if one.left:
            yield from ((m, stored, jobs, rest, o, "") for m, o in self._watches(who, one, stored, jobs))
        if one.pending:
            for act in one.pending:
                yield from self._do(who, one, act, stored, jobs, rest)
        elif one.left:
            yield from self._passes(who, one, stored, jobs, rest)
        if c.crashes and place == 0:
            anew = self._fresh(stored, jobs, one.left)
            if anew != number:
                yield (who, "dies, and begins anew"), stored, jobs, rest, anew, ""

    def _watches(self, who: str, one: Operator, stored: int, jobs: int) -> Iterator[tuple[Move, int]]:
        """Its caches catch up: a watch shows all that happened so far."""
        if not one.fresh:
            after = one._replace(workflow=stored, fresh=True, queued=True)
            if self.stored[stored].gone:
                after = self._over(one, stored)
            yield (who, "sees the Workflow"), self.operators.of(after)
        views, pods = self._views(jobs)
        if self.configuration.apart:
            if one.jobs != views:
                yield (who, "sees Jobs"), self.operators.of(one._replace(jobs=views, queued=True))
            if one.pods != pods:
                yield (who, "sees Pods"), self.operators.of(one._replace(pods=pods, queued=True))
        elif (one.jobs, one.pods) != (views, pods):
            yield (who, "sees Jobs and Pods"), self.operators.of(one._replace(jobs=views, pods=pods, queued=True))

    def _passes(
        self, who: str, one: Operator, stored: int, jobs: int, rest: int
    ) -> Iterator[tuple[Move, int, int, int, int, str]]:
        ways = [("passes", False)] if one.queued or one.lazy else []
        if one.timer:
            ways.append(("passes, its back-off being over", True))
        for words, timer_over in ways:
            for move, stored_, rest_, after, broken in self._pass((who, words), one, stored, jobs, rest, timer_over):
                yield move, stored_, jobs, rest_, self.operators.of(after), broken

    def _pass(
        self, move: Move, one: Operator, stored: int, jobs: int, rest: int, timer_over: bool
    ) -> Iterator[tuple[Move, int, int, Operator, str]]:
        """One pass up to its write; what is to be done after it is pending."""
        seen, left = self.stored[one.workflow], self.rests[rest]
        base = one._replace(
            confirmed=(),
            refused=tuple(name for name in one.refused if all(job.name != name for job in one.jobs)),
            queued=False,
            timer=False,
            again=False,
            namespace_read=False,
            resubmitted=False,
            elapsed=one.elapsed or timer_over,
            left=one.left - (one.left > 0),
        )
        if seen.gone:
            yield move, stored, rest, self._over(one, stored), ""
            return
        verdict = self.brain.decide(seen, one, late=left.late, timer_over=base.elapsed)
        done = self._settled(
            base._replace(pending=verdict.actions, queued=verdict.at_once, timer=verdict.later), verdict.actions
        )
        if verdict.write is Write.NONE:
            yield move, stored, rest, done._replace(lazy=False), ""
            return
        if not self._rules.status_first and verdict.actions:
            yield (*move, "acts before it writes"), stored, rest, done._replace(queued=True), ""
            return
        if verdict.write is Write.LAZY and self.configuration.lazy and (one.queued or timer_over):
            yield (*move, "puts its write off"), stored, rest, done._replace(lazy=True), ""
            if not one.lazy:
                return
        done = done._replace(lazy=False, elapsed=False)
        yield from self._write(move, one, base, done, verdict.status, stored, jobs, rest)

    def _write(
        self, move: Move, one: Operator, base: Operator, done: Operator, status: int, stored: int, jobs: int, rest: int
    ) -> Iterator[tuple[Move, int, int, Operator, str]]:
        """The write of the status: accepted, or refused as stale."""
        now, left = self.stored[stored], self.rests[rest]
        if now.gone:
            yield (*move, "finds the Workflow gone"), stored, rest, self._over(one, stored), ""
            return
        if not one.fresh and self._rules.bound_to_version:
            read = base._replace(workflow=stored, fresh=True, queued=True)
            if not self._rules.decision_dropped_on_conflict:
                read = done._replace(workflow=stored, fresh=True, queued=True)
            yield (*move, "is refused: Conflict"), stored, rest, read, ""
            return
        number = self.stored.of(now._replace(status=status))
        written = Written(self.brain.status(now.status), self.brain.status(status), self.jobs[jobs], now)
        key = ("written", now, status, jobs)
        broken = self._remember(key, lambda: self.invariants.of_write(written))
        after = done._replace(workflow=number, fresh=self._rules.own_writes_remembered)
        yield (*move, "writes"), number, rest, after, broken
        if left.lost_answers:
            lost = self.rests.of(left._replace(lost_answers=left.lost_answers - 1))
            unaware = base._replace(fresh=False, queued=True, lazy=one.lazy)
            yield (*move, "writes, and hears no answer"), number, lost, unaware, broken

    def _do(
        self, who: str, one: Operator, act: Act, stored: int, jobs: int, rest: int
    ) -> Iterator[tuple[Move, int, int, int, int, str]]:
        """One action: one call of the API, and what the operator learns by it."""
        move = (who, *self.words(act))
        now = self.stored[stored]
        all_ = self.jobs[jobs]
        pending = tuple(other for other in one.pending if other != act)
        effect = Effect(act, self.brain.status(now.status), all_, now)
        broken = self._remember(("effect", act, now, jobs), lambda: self.invariants.of_effect(effect))
        stored_, all_after, after = self._calls.carry_out(one, act, stored, all_)
        settled = self._settled(after._replace(pending=pending), pending)
        jobs_ = self.jobs.of(all_after)
        yield move, stored_, jobs_, rest, self.operators.of(settled), broken
        left = self.rests[rest]
        if left.lost_answers and all_after != all_:
            lost = self.rests.of(left._replace(lost_answers=left.lost_answers - 1))
            unaware = self._settled(one._replace(pending=pending, again=True), pending)
            yield (*move, "and hears no answer"), stored_, jobs_, lost, self.operators.of(unaware), broken

    def _settled(self, one: Operator, pending: tuple[Act, ...]) -> Operator:
        """When all is done, what was found out calls for a pass at once."""
        if pending:
            return one
        if one.left == 0:
            return self._over(one, 0)
        if one.again and self._rules.passes_again:
            return one._replace(queued=True, timer=False, again=False)
        return one._replace(again=False)

    def _over(self, one: Operator, stored: int) -> Operator:
        """An operator that does nothing more for this Workflow."""
        return Operator(stored, True, (), (), queued=False, left=min(one.left, 0))

    def _fresh(self, stored: int, jobs: int, left: int, *, fresh: bool = True) -> int:
        """An operator that has just listed everything."""
        if self.stored[stored].gone:
            return self.operators.of(Operator(stored, True, (), (), queued=False, left=min(left, 0)))
        return self.operators.of(Operator(stored, fresh, *self._views(jobs), left=left))

    def _views(self, jobs: int) -> tuple[tuple[JobView, ...], tuple[PodView, ...]]:
        key = ("views", jobs)
        return self._remember(key, lambda: (cluster.job_views(self.jobs[jobs]), cluster.pod_views(self.jobs[jobs])))

    def _unfresh(self, operators: tuple[int, ...]) -> tuple[int, ...]:
        """After a write of somebody else's."""
        return tuple(self._remember(("unfresh", one), lambda one=one: self._outdated(one)) for one in operators)

    def _outdated(self, number: int) -> int:
        one = self.operators[number]
        if not one.left and not one.pending:
            return number
        return self.operators.of(one._replace(fresh=False))

    def words(self, act: Act) -> Move:
        if act.kind == FINALIZE:
            return (act.kind, act.name or "none")
        if act.kind in (READ_NAMESPACE, RESUBMIT):
            return (act.kind,)
        again = f" #{act.count + 1}" if act.kind in (STOP, DELETE) and act.count else ""
        return (act.kind, self.brain.label(act.name) + again)

    def _remember(self, key: Any, find: Callable[[], Any]) -> Any:
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = find()
        return found


def _asked(standing: str | None, value: str, requests: tuple[tuple[str, str], ...]) -> bool:
    """Whether that value was asked for already, or another that is not smaller."""
    return standing is not None and (standing == value or standing.rpartition("@")[2] >= value.rpartition("@")[2])
