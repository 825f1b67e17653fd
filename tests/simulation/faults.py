"""Faults: what goes wrong, at which call of an operator, and for how long. Every kind adds itself to `KINDS`.

A fault waits for its call: the n-th of all calls of operators, or the first one after it that the fault fits.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Final

from kubesaga.controller.errors import ClusterError, Conflict, NotFound, Refused, Unavailable
from kubesaga.engine.verb import Scope, Verb
from simulation.client import Client
from simulation.job_controller import is_over
from simulation.nodes import NODES
from simulation.operator_process import OperatorProcess
from simulation.server import NAMESPACE
from simulation.watch import Watch
from simulation.watch_source import WatchSource
from simulation.world import WORKFLOW, World

JUMP_SECONDS_MAX: Final = 86_400.0
"""The farthest that a wall clock jumps."""

STILL_JUMP_SECONDS_MAX: Final = 300.0
"""The same where the time of day decides what becomes of the run: less than the margin of all that is timed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan. What `seconds` and `number` mean depends on the kind."""

    kind: str
    at: int
    seconds: float
    number: int

    def __str__(self) -> str:
        return f"{self.kind} at call {self.at} ({self.seconds:.1f} s, #{self.number})"


Strike = Callable[["Faults", Client, Fault], ClusterError | None]
Fits = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault."""

    name: str
    strike: Strike
    fits: Fits
    after: bool
    """Whether it strikes when the call was carried out, rather than before."""
    seconds: tuple[float, float]
    loose: bool
    """Whether it may change what becomes of the run: then only the invariants are asked for."""
    weight: int


KINDS: Final[dict[str, Kind]] = {}


def _any(verb: str, resource: str) -> bool:
    return resource != "events"


def _write(verb: str, resource: str) -> bool:
    return verb not in ("get", "list") and resource != "events"


def _bound(verb: str, resource: str) -> bool:
    """Writes that may meet another: a status or a finalizer, and a Job that its controller writes all the time."""
    return verb == "patch"


def _status(verb: str, resource: str) -> bool:
    return resource == "workflows/status"


def _create(verb: str, resource: str) -> bool:
    return (verb, resource) == ("create", "jobs")


def kind(
    name: str,
    fits: Fits = _any,
    *,
    after: bool = False,
    seconds: tuple[float, float] = (0.0, 0.0),
    loose: bool = False,
    weight: int = 2,
) -> Callable[[Strike], Strike]:
    """Add a kind of fault."""

    def add(strike: Strike) -> Strike:
        KINDS[name] = Kind(name, strike, fits, after, seconds, loose, weight)
        return strike

    return add


class Faults:
    """The plan of one run, as it is carried out. Implements `simulation.client.Trouble`."""

    def __init__(self, world: World, plan: Sequence[Fault], steps: Sequence[str]) -> None:
        self.world = world
        self.steps = steps
        self.struck: Counter[str] = Counter()
        self.story: list[tuple[float, str]] = []
        self.calls = 0
        self.token = 0
        self.stopped = False
        self.outage_until = 0.0
        self.quota_until = 0.0
        self._pending = sorted(plan, key=lambda fault: fault.at)

    def before(self, client: Client, verb: str, resource: str, name: str) -> ClusterError | None:
        """See Trouble."""
        if resource == "events" or self.stopped:
            return None
        self.calls += not _is_list(verb, name)
        error = self._standing(verb, resource) or self._strike(client, verb, resource, name, after=False)
        return error or self._standing(verb, resource)

    def after(self, client: Client, verb: str, resource: str, name: str) -> ClusterError | None:
        """See Trouble."""
        return None if self.stopped else self._strike(client, verb, resource, name, after=True)

    def stop(self) -> None:
        """No further fault."""
        self.stopped = True

    def tell(self, text: str) -> None:
        """Write the story of the run on."""
        self.story.append((self.world.loop.time(), text))

    def restart(self, seconds: float) -> None:
        """Make sure that an operator is there after so long."""

        def start() -> None:
            if not self.world.alive:
                self.tell("an operator starts")
                self.world.start_operator(self)

        self.world.later(seconds, start)

    def crash(self, name: str, restart_seconds: float) -> None:
        """Let an operator crash, now."""
        process = next(one for one in self.world.operators if one.name == name)
        if process.alive:
            self.tell(f"{name} crashes")
            process.crash()
            self.restart(restart_seconds)

    def _standing(self, verb: str, resource: str) -> ClusterError | None:
        """What lasts for a while."""
        now = self.world.loop.time()
        if now < self.outage_until:
            return Unavailable(503, "ServiceUnavailable", "the API server is down")
        if now < self.quota_until and _create(verb, resource):
            return Refused(403, "Forbidden", "exceeded quota: jobs, requested: count/jobs.batch=1")
        return None

    def _strike(self, client: Client, verb: str, resource: str, name: str, *, after: bool) -> ClusterError | None:
        if not self._pending or self._pending[0].at > self.calls:
            return None
        for fault in self._pending:
            if fault.at > self.calls:
                return None
            one = KINDS[fault.kind]
            if one.after is after and one.fits(verb, resource) and _is_list(verb, name) is (one.name == "list-fails"):
                self._pending.remove(fault)
                self.struck[fault.kind] += 1
                self.tell(f"{fault.kind} ({client.actor}: {verb} {resource} {name}; {fault.seconds:.1f} s)")
                return one.strike(self, client, fault)
        return None


def _is_list(verb: str, name: str) -> bool:
    """Whether the call lists all there is, as is done at the start and every few minutes, whatever the run does."""
    return verb == "list" and not name


def draw_plan(chance: Random, calls: int, count: int, *, loose: bool, without: Sequence[str] = ()) -> list[Fault]:
    """A plan of so many faults over so many calls."""
    kinds = [one for one in KINDS.values() if (loose or not one.loose) and one.name not in without]
    chosen = chance.choices(kinds, [one.weight for one in kinds], k=count)
    return [
        Fault(one.name, chance.randrange(calls + calls // 4 + 1), chance.uniform(*one.seconds), chance.getrandbits(20))
        for one in chosen
    ]


def tamed(plan: Sequence[Fault]) -> list[Fault]:
    """The plan with clocks that jump no farther than the margin of what is timed."""
    most = STILL_JUMP_SECONDS_MAX
    return [replace(one, seconds=max(-most, min(most, one.seconds))) if one.kind == "clock" else one for one in plan]


# Answers


@kind("429")
def _too_many(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Unavailable(429, "TooManyRequests", "the server has received too many requests")


@kind("500")
def _internal(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Unavailable(500, "InternalError", "failed calling webhook")


@kind("503")
def _unavailable(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Unavailable(503, "ServiceUnavailable", "try again")


@kind("timeout-before-commit")
def _lost_request(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Unavailable(0, "TimeoutError", "no answer in time")


@kind("timeout-after-commit", _write, after=True, weight=4)
def _lost_answer(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Unavailable(0, "TimeoutError", "no answer in time")


@kind("500-after-commit", _write, after=True)
def _broken_answer(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Unavailable(500, "InternalError", "etcdserver: leader changed")


@kind("409", _bound)
def _conflict(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Conflict(409, "Conflict", "the object has been modified; please apply your changes to the latest version")


@kind("foreign-write", _status, weight=3)
def _foreign_write(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    """Somebody else writes the Workflow just before we do: ours is stale."""
    annotate(faults.world, {"example.com/count": str(fault.number)})
    return None


@kind("list-fails", weight=1)
def _list_fails(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return Unavailable(500, "InternalError", "too old resource version")


@kind("slow", seconds=(0.5, 20.0))
def _slow(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    client.extra_seconds = fault.seconds
    return None


@kind("outage", seconds=(0.5, 60.0))
def _outage(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    faults.outage_until = faults.world.loop.time() + fault.seconds
    return None


@kind("quota", _create, seconds=(1.0, 40.0), weight=1)
def _quota(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    faults.quota_until = faults.world.loop.time() + fault.seconds
    return None


# Operators


@kind("crash-before-commit", seconds=(0.1, 60.0), weight=4)
def _crash_before(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    faults.crash(client.actor, fault.seconds)
    return None


@kind("crash-after-commit", _write, after=True, seconds=(0.1, 60.0), weight=4)
def _crash_after(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    faults.crash(client.actor, fault.seconds)
    return None


@kind("crash-between-calls", seconds=(0.1, 60.0))
def _crash_later(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    faults.world.later(fault.number % 1000 / 500, lambda: faults.crash(client.actor, fault.seconds))
    return None


@kind("second-operator", seconds=(0.5, 120.0), weight=3)
def _second(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    """Two lead at once; then one of them ends."""
    faults.world.start_operator(faults)
    _leave_one_later(faults, fault)
    return None


@kind("paused-between-write-and-effects", _status, after=True, seconds=(1.0, 120.0), weight=4)
def _pause(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    """The leader stands still, another takes over, and the first one wakes as if nothing had happened."""
    client.pause()
    if not any(one.alive and not one.paused for one in faults.world.operators):
        faults.world.later(fault.number % 20, lambda: _take_over(faults))
    faults.world.later(fault.seconds, client.wake)
    _leave_one_later(faults, replace(fault, seconds=fault.seconds + 10.0))
    return None


def _take_over(faults: Faults) -> None:
    faults.tell("another operator starts")
    faults.world.start_operator(faults)


def _leave_one_later(faults: Faults, fault: Fault) -> None:
    def leave_one() -> None:
        alive = faults.world.alive
        if len(alive) > 1:
            faults.crash(alive[fault.number % len(alive)].name, 0.5)

    faults.world.later(fault.seconds, leave_one)


@kind("clock", seconds=(-JUMP_SECONDS_MAX, JUMP_SECONDS_MAX))
def _clock(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    faults.world.offsets[client.actor] = fault.seconds
    return None


# Watches


@kind("watch-resumes", seconds=(0.1, 30.0))
def _watch_resumes(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return _cut(faults, client, fault, None)


@kind("watch-lists-anew", seconds=(0.1, 60.0))
def _watch_lists_anew(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    """What was deleted meanwhile is never told."""
    return _cut(faults, client, fault, 0)


@kind("watch-goes-back", seconds=(0.1, 10.0))
def _watch_goes_back(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    """It lists from a server that lags."""
    return _cut(faults, client, fault, 1 + fault.number % 20)


@kind("watch-repeats")
def _watch_repeats(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    for process in faults.world.alive:
        if process.client is client:
            _watch_of(process, fault).repeat(1 + fault.number % 10)
    return None


@kind("watch-lags", seconds=(0.5, 15.0))
def _watch_lags(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    for process in faults.world.alive:
        if process.client is client:
            watch = _watch_of(process, fault)
            watch.lag_seconds = fault.seconds
            faults.world.later(10 * fault.seconds, partial(setattr, watch, "lag_seconds", 0.0))
    return None


def _watch_of(process: OperatorProcess, fault: Fault) -> Watch | WatchSource:
    """One of its watches; that of the Leases, which mostly has nothing to tell, less often than others."""
    return process.watches[fault.number % 7 % len(process.watches)]


def _cut(faults: Faults, client: Client, fault: Fault, back: int | None) -> ClusterError | None:
    for process in faults.world.alive:
        if process.client is client:
            _watch_of(process, fault).cut(fault.seconds, back)
    return None


# Machines


@kind("node-cut-off", seconds=(5.0, 900.0))
def _node_cut_off(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return _lose(faults, fault, dies=False)


@kind("node-dies", seconds=(5.0, 900.0), weight=1)
def _node_dies(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    return _lose(faults, fault, dies=True)


def _lose(faults: Faults, fault: Fault, *, dies: bool) -> ClusterError | None:
    nodes = faults.world.nodes
    if not nodes.lost:
        node = NODES[fault.number % len(NODES)]
        nodes.lose(node, dies=dies)
        if fault.number % 3:
            faults.world.later(fault.seconds / 2, lambda: nodes.evict(node))
        faults.world.later(fault.seconds, lambda: nodes.bring_back(node))
    return None


# Others: what they do may change what becomes of the run


def annotate(world: World, annotations: dict[str, str]) -> None:
    """Somebody annotates the Workflow, if it is there."""
    if world.workflow() is not None:
        world.server.patch("user", "workflows", NAMESPACE, WORKFLOW, {"metadata": {"annotations": annotations}})


def request(faults: Faults, verb: Verb, target: str, outputs: str = "") -> None:
    """A person requests a verb."""
    faults.token += 1
    token = f"{target}@{faults.token}" if verb.scope is Scope.STEP else str(faults.token)
    said = {verb.outputs: outputs} if outputs else {}
    faults.tell(f"a person requests {verb} {token}")
    annotate(faults.world, {verb.annotation: token, **said})


@kind("request", loose=True, weight=8)
def _request(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    verbs = tuple(Verb)
    request(faults, verbs[fault.number % len(verbs)], faults.steps[fault.number // 32 % len(faults.steps)], "{}")
    return None


@kind("job-deleted", seconds=(0.0, 12.0), loose=True, weight=8)
def _job_deleted(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    """One that runs, if there is one: of it something is lost."""

    def delete() -> None:
        every = faults.world.server.objects["jobs"]
        jobs = [key for key, raw in every.items() if not is_over(raw)] or list(every)
        if jobs:
            namespace, name = jobs[fault.number % len(jobs)]
            policy = ("Background", "Foreground", "Orphan")[fault.number // 1000 % 3]
            faults.tell(f"a person deletes Job {name}: {policy}")
            faults.world.server.delete("user", "jobs", namespace, name, policy)

    faults.world.later(fault.seconds, delete)
    return None


@kind("pod-deleted", seconds=(0.0, 12.0), loose=True, weight=4)
def _pod_deleted(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    def delete() -> None:
        pods = list(faults.world.server.objects["pods"])
        if pods:
            namespace, name = pods[fault.number % len(pods)]
            faults.tell(f"a person deletes Pod {name}")
            faults.world.server.delete("user", "pods", namespace, name)

    faults.world.later(fault.seconds, delete)
    return None


@kind("workflow-deleted", loose=True, weight=1)
def _workflow_deleted(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    policy = ("Background", "Foreground", "Orphan")[fault.number % 3]
    try:
        faults.world.server.delete("user", "workflows", NAMESPACE, WORKFLOW, policy)
    except NotFound:
        return None
    return None


@kind("spec-changed", loose=True, weight=2)
def _spec_changed(faults: Faults, client: Client, fault: Fault) -> ClusterError | None:
    if faults.world.workflow() is not None:
        spec = {"suspend": bool(fault.number & 1)} if fault.number & 2 else {"parallelism": 1 + fault.number % 4}
        faults.world.server.patch("user", "workflows", NAMESPACE, WORKFLOW, {"spec": spec})
    return None
