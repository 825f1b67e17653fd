"""One run: a scenario, with faults or without, from the creation of its Workflow until nothing happens any more."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from kubesaga.api.group import API_VERSION, KIND
from kubesaga.api.names import Direction
from kubesaga.controller.errors import Unavailable
from kubesaga.engine.verb import Verb
from simulation.faults import Fault, Faults, annotate, request
from simulation.history import History
from simulation.scenarios import Rival, Scenario
from simulation.server import NAMESPACE, Raw
from simulation.virtual_loop import StandsStill, VirtualLoop
from simulation.world import WORKFLOW, World

QUIET_SECONDS: Final = 700.0
"""Nothing has happened for so long: longer than any back-off, and the caches were healed twice meanwhile."""

REST_SECONDS: Final = 3_600.0
"""For so long nothing may be written after the end: the caches are healed a dozen times meanwhile."""

SECONDS_MAX: Final = 10 * 86_400.0
"""A run that has not come to rest by then never does."""

_COMMITS_MAX: Final = 5_000
_COMMITS_A_STEP_MAX: Final = 200
"""A run that writes more never ends: a step with all its retries, its undo and every fault writes less."""

_LOOK_SECONDS: Final = 100.0
_TERMINAL: Final = ("Succeeded", "Failed", "Cancelled", "RolledBack", "PartiallyRolledBack", "RollbackFailed")
_WAITING: Final = ("Suspended", "RollbackBlocked")


def play(scenario: Scenario, plan: Sequence[Fault] = (), *, rest_seconds: float = REST_SECONDS) -> History:
    """Carry out a run; what it did is in its history."""
    loop = VirtualLoop()
    with _errors() as errors:
        try:
            return loop.run_until_complete(_play(scenario, plan, loop, errors, rest_seconds))
        finally:
            loop.run_until_complete(_end(loop))
            loop.close()


async def _end(loop: VirtualLoop) -> None:
    """End every task that is left, so that none is destroyed while it waits."""
    left = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _play(
    scenario: Scenario, plan: Sequence[Fault], loop: VirtualLoop, errors: list[str], rest_seconds: float
) -> History:
    loop.set_exception_handler(lambda _, context: errors.append(f"not handled: {context.get('exception') or context}"))
    world = World(scenario.seed, loop, scenario.fate)
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": WORKFLOW}, "spec": scenario.spec}
    uid = world.server.create("user", "workflows", manifest)["metadata"]["uid"]
    faults = Faults(world, plan, sorted(scenario.steps))
    for at, deed in scenario.plans:
        world.later(at, lambda deed=deed: _act(faults, deed))
    for rival in scenario.rivals.values():
        world.later(rival.at, lambda rival=rival: _rival(world, rival))
    world.start_operator(faults)
    history = History(scenario, world.server.commits, [], False, uid, story=faults.story, struck=faults.struck)
    try:
        await _until_rest(world, faults, scenario, errors)
        history.rest, history.seconds = len(world.server.commits), loop.time()
        faults.stop()
        await asyncio.sleep(rest_seconds)
    except StandsStill as error:
        errors.append(str(error))
    history.rest = history.rest or len(world.server.commits)
    history.calls, history.left = faults.calls, uid not in world.server.uids
    history.containers = [one for one in world.nodes.containers.values() if one.began < history.gone_at]
    errors += [f"{one.name} ended: {one.failure!r}" for one in world.operators if one.failure is not None]
    history.complaints = errors
    return history


async def _until_rest(world: World, faults: Faults, scenario: Scenario, errors: list[str]) -> None:
    """Wait until nothing happens any more, answering what the run asks of people."""
    answers = list(scenario.answers)
    seen, since = -1, world.loop.time()
    most = _COMMITS_MAX + _COMMITS_A_STEP_MAX * len(faults.steps)
    while world.loop.time() < SECONDS_MAX and len(world.server.commits) < most:
        await asyncio.sleep(_LOOK_SECONDS)
        _answer_approvals(faults, scenario)
        now = world.loop.time()
        if seen != len(world.server.commits) or world.outstanding:
            seen, since = len(world.server.commits), now
        elif now - since >= QUIET_SECONDS and not _rests(world):
            _end_orphans(faults)
        elif now - since >= QUIET_SECONDS:
            if not answers:
                return
            _answer(faults, answers.pop(0))
            since = now
    errors.append(f"the run does not end: {world.status().get('phase')} ({world.status().get('reason')})")


def _answer_approvals(faults: Faults, scenario: Scenario) -> None:
    """A person looks, and answers the first approval that waits: one at a time, each attempt once."""
    raw = faults.world.workflow() or {"metadata": {}}
    status, annotations = raw.get("status") or {}, raw["metadata"].get("annotations") or {}
    answers = {one["token"] for one in status.get("handledRequests", ())}
    for record in status.get("steps", ()):
        name, attempt = record["name"], record.get("attempt", 1)
        if record["state"] != "Running" or "approval" not in scenario.steps[name]:
            continue
        verb = Verb.REJECT if name == scenario.rejected and attempt == 1 else Verb.APPROVE
        token = f"{name}@{1_000 * status.get('epoch', 1) + attempt}"
        if token not in answers:
            if annotations.get(verb.annotation, token) in answers or verb.annotation not in annotations:
                faults.tell(f"a person requests {verb} {token}")
                annotate(faults.world, {verb.annotation: token})
            return


def _end_orphans(faults: Faults) -> None:
    """A person deletes Pods that have lost their Job, which nothing else ends: the run waits for them and says so."""
    for (namespace, name), raw in list(faults.world.server.objects["pods"].items()):
        if not raw["metadata"].get("ownerReferences") and "deletionTimestamp" not in raw["metadata"]:
            faults.tell(f"a person deletes Pod {name}, which has lost its Job")
            faults.world.server.delete("user", "pods", namespace, name)


def _rests(world: World) -> bool:
    """Whether nothing more has to happen by itself."""
    raw = world.workflow()
    if raw is None:
        return True
    phase = (raw.get("status") or {}).get("phase")
    if phase in _TERMINAL:
        refused = raw["status"].get("reason") == "InvalidSpec"  # It may be mended, and is kept for that.
        return ("ttlSecondsAfterFinished" not in raw["spec"] or refused) and "deletionTimestamp" not in raw["metadata"]
    return phase in _WAITING or "deletionTimestamp" in raw["metadata"]


def _rival(world: World, rival: Rival) -> None:
    """Somebody else makes a Workflow of the same concurrency key."""
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": rival.name}, "spec": rival.spec}
    world.server.create("user", "workflows", manifest)


def _act(faults: Faults, deed: str) -> None:
    """What a person has planned."""
    server = faults.world.server
    if server.get("workflows", WORKFLOW) is None:
        return
    if deed == "delete":
        faults.tell("a person deletes the Workflow")
        server.delete("user", "workflows", NAMESPACE, WORKFLOW)
    elif deed == "unsuspend":
        faults.tell("a person sets spec.suspend to false")
        server.patch("user", "workflows", NAMESPACE, WORKFLOW, {"spec": {"suspend": False}})
    elif deed != "end":
        request(faults, Verb(deed), "")
    elif any(one.ended is None and one.fate.seconds is None for one in faults.world.nodes.containers.values()):
        request(faults, Verb.TERMINATE, "")


def _answer(faults: Faults, verb: str) -> None:
    """What a person asks for once nothing happens any more."""
    raw = faults.world.workflow()
    if raw is None:
        return
    direction = Direction.COMPENSATION if "compensation" in verb else Direction.FORWARD
    failed = _failed(raw, direction)
    target = failed[0] if failed else faults.steps[0]
    declared = next(step for step in raw["spec"]["steps"] if step["name"] == target).get("outputs", ())
    outputs = "{" + ", ".join(f'"{one["name"]}": "by hand"' for one in declared) + "}"
    request(faults, Verb(verb), target, outputs if verb == Verb.SKIP_STEP else "")


def _failed(raw: Raw, direction: Direction) -> list[str]:
    """The steps that failed for good, or whose undo did."""
    records = (raw.get("status") or {}).get("steps", ())
    found = {one["name"]: one if direction is Direction.FORWARD else one.get("compensation") or {} for one in records}
    return sorted(name for name, one in found.items() if one.get("state") in ("Failed", "Cancelled"))


class _Errors(logging.Handler):
    """Gathers what the operator logs as an error: no fault may lead to one."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        if isinstance(cause, Unavailable) and record.getMessage() == "Healing list failed":
            return  # It is tried again some minutes later.
        self._errors.append(f"{record.getMessage()}: {cause!r}" if cause else record.getMessage())


@contextmanager
def _errors() -> Iterator[list[str]]:
    logger = logging.getLogger("kubesaga")
    found: list[str] = []
    handler, before = _Errors(found), (logger.level, logger.propagate)
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
