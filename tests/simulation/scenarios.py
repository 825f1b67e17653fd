"""Random Workflows, and what becomes of each attempt of theirs: a pure function of the seed.

Every feature adds itself to `FEATURES`. A strict scenario is made so that timing cannot decide its outcome: the step
that ends it early is ordered with every other step, and what a person does is done while that step lasts for ever.
A loose one is made without such care.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from kubesaga.api.names import Direction
from kubesaga.engine.verb import Verb
from simulation.nodes import Fate, Work

FORWARD, COMPENSATION, FINALLY = Direction.FORWARD, Direction.COMPENSATION, Direction.FINALLY
LATER_SECONDS: Final = 7_200.0
"""What is timed happens so long after all that steps can take, in a strict scenario: what faults delay is over then."""

_START_SECONDS_MAX: Final = 60.0
"""Longest time that an attempt takes beside its work: to be started, to linger, to be told of."""

NEVER_SECONDS: Final = 1_000_000
"""A time limit that is there and never met."""

JUST_IN_TIME_SECONDS: Final = 1.6
"""An attempt that ends so long before its deadline was in time, whatever its start took; its Job may say otherwise."""

ANSWERED_WITHIN_SECONDS: Final = 200.0
"""How soon a person answers an approval."""

ENDED_BY_OTHERS: Final = frozenset({128 + 9, 128 + 15})
"""Exit codes of SIGKILL and SIGTERM."""

_SIZES: Final = ((700, 1, 8), (220, 9, 20), (72, 21, 60), (7, 61, 160), (1, 300, 1000))
"""Weight, least and most steps."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Another Workflow of the same concurrency key, of one step."""

    name: str
    at: float
    seconds: float
    concurrency: dict[str, Any]

    @property
    def spec(self) -> dict[str, Any]:
        """What it asks for; its step has its name."""
        return {"steps": [{"name": self.name, "container": {"image": "i"}}], "concurrency": self.concurrency}


@dataclass(slots=True)
class Scenario:
    """A Workflow, the fate of its attempts, and what people do with it."""

    seed: int
    strict: bool
    spec: dict[str, Any]
    fates: dict[tuple[str, Direction], list[Fate]] = field(default_factory=dict)
    """What becomes of the first attempts; those after them succeed."""
    culprit: str | None = None
    """The step that ends the run early."""
    rejected: str | None = None
    """The approval that a person denies, the first time that it is asked for."""
    lasts: bool = False
    """Whether the culprit lasts until somebody ends it."""
    plans: list[tuple[float, str]] = field(default_factory=list)
    """What a person does, and when: a verb, `delete`, `unsuspend`, or `end`, to terminate what still lasts."""
    answers: list[str] = field(default_factory=list)
    """The verbs that a person asks for, one each time that the run waits for one."""
    features: set[str] = field(default_factory=set)
    timed: bool = False
    """Whether the time of day decides something."""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Steps by name."""
    rivals: dict[str, Rival] = field(default_factory=dict)
    """By name, who else wants a place under its concurrency key."""
    last: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Finally steps by name."""

    def fate(self, work: Work) -> Fate:
        """What becomes of an attempt."""
        if work.step in self.rivals:
            return Fate(self.rivals[work.step].seconds)
        listed = self.fates.get((work.step, work.direction), ())
        place = work.attempt - 1
        if work.epoch == 1 and place < len(listed):
            return listed[place]
        return self.success(work.step, work.direction, work.attempt)

    def success(self, step: str, direction: Direction, attempt: int) -> Fate:
        """An attempt that does its work."""
        chance = Random(f"{self.seed}/{step}/{direction}/{attempt}")
        declared = self.steps[step].get("outputs", ()) if direction is FORWARD else ()
        outputs = tuple((one["name"], f"{step}-{attempt}") for one in declared)
        return Fate(self._seconds(chance), outputs=outputs, linger_seconds=self._linger(chance))

    def failure(self, step: str, direction: Direction, attempt: int) -> Fate:
        """An attempt that fails: by its exit code, by its deadline, or for want of its outputs."""
        chance = Random(f"{self.seed}/{step}/{direction}/{attempt}/fails")
        ways = ["exit"]
        if "timeoutSeconds" in self._body(step, direction, attempt):
            ways.append("late")
        if direction is FORWARD and self.steps[step].get("outputs"):
            ways += ["missing", "malformed"]
        match chance.choice(ways):
            case "late":
                return Fate(None, linger_seconds=self._linger(chance))
            case "missing":
                return Fate(self._seconds(chance), outputs=(("other", "x"),))
            case "malformed":
                return Fate(self._seconds(chance), outputs=None)
        return Fate(self._seconds(chance), exit_code=chance.randint(1, 255), said="no luck")

    def _body(self, step: str, direction: Direction, attempt: int) -> dict[str, Any]:
        """Where the spec says what an attempt runs; nowhere, where an undo may be that of either way."""
        if direction is FINALLY:
            return self.last[step]
        fallback = self.steps[step].get("fallback")
        if direction is COMPENSATION:
            return {} if fallback else dict(self.steps[step]["compensate"])
        return dict(fallback) if fallback and attempt > _limit(self, step) + 1 else self.steps[step]

    def fail(self, step: str, direction: Direction, times: int) -> None:
        """Let the first attempts fail."""
        self.fates[step, direction] = [self.failure(step, direction, attempt + 1) for attempt in range(times)]

    def has_job(self, step: str) -> bool:
        """Whether a step runs anything."""
        return step in self.last or "container" in self.steps[step]

    @property
    def limited(self) -> bool:
        """Whether any attempt has a time limit."""
        bodies = [*self.steps.values(), *self.last.values(), *(s.get("fallback", {}) for s in self.steps.values())]
        return any("timeoutSeconds" in body or "timeoutSeconds" in body.get("compensate", ()) for body in bodies)

    def undo(self, step: str, *, fallback: bool = False) -> dict[str, Any] | None:
        """How a step is undone, or its fallback."""
        declared = self.steps.get(step, {})
        declared = declared.get("fallback", {}) if fallback else declared
        return declared.get("compensate")

    def _seconds(self, chance: Random) -> float:
        return round(chance.choice((0.05, 0.5, 2.0, 8.0)) * chance.uniform(0.5, 1.5), 3)

    def _linger(self, chance: Random) -> float:
        return chance.choice((0.05, 0.2, 3.0, 40.0))


Feature = Callable[[Scenario, Random], bool]
FEATURES: Final[dict[str, Feature]] = {}
"""Each changes a scenario; it says whether it did."""


def feature(name: str) -> Callable[[Feature], Feature]:
    """Add a feature. They are applied in the order in which they stand here."""

    def add(change: Feature) -> Feature:
        FEATURES[name] = change
        return change

    return add


def draw_scenario(seed: int, size: int | None = None, strict: bool | None = None) -> Scenario:
    """The scenario of a seed."""
    chance = Random(f"{seed}/scenario")
    drawn = chance.random() < 0.65
    scenario = Scenario(seed, drawn if strict is None else strict, {})
    _, least, most = chance.choices(_SIZES, [weight for weight, _, _ in _SIZES])[0]
    _draw_graph(scenario, chance, size or chance.randint(least, most))
    for name, change in FEATURES.items():
        if change(scenario, Random(f"{seed}/{name}")):
            scenario.features.add(name)
    return scenario


def _draw_graph(scenario: Scenario, chance: Random, count: int) -> None:
    """Steps and edges. A strict scenario has a culprit that is before or after every other step."""
    width = chance.choice((1, 2, 3, 8, count))
    names = [f"s{index}" for index in range(count)]
    place = chance.randrange(count) if chance.random() < 0.7 else None
    steps = []
    for index, name in enumerate(names):
        free = names[max(0, index - 2 * width) : max(0, index - width + 1)]
        dependencies = chance.sample(free, min(len(free), chance.choice((0, 1, 1, 2, 3))))
        if place is not None and index == place:
            used = {one for step in steps for one in step.get("dependsOn", ())}
            if scenario.strict:
                dependencies = [one for one in names[:index] if one not in used]
        if scenario.strict and place is not None and index > place:
            dependencies = [one for one in dependencies if int(one[1:]) > place] or [names[place]]
        step: dict[str, Any] = {"name": name, "container": {"image": "i"}}
        if dependencies:
            step["dependsOn"] = dependencies
        steps.append(step)
    chance.shuffle(steps)
    scenario.spec["steps"] = steps
    scenario.steps = {step["name"]: step for step in steps}
    scenario.culprit = names[place] if place is not None else None


def _some(chance: Random, scenario: Scenario, share: float) -> list[str]:
    """Some steps, by name."""
    return [name for name in scenario.steps if chance.random() < share]


def _often(chance: Random, share: float) -> bool:
    return chance.random() < share


# How steps are undone, and how often they are tried


@feature("undo")
def _undo(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.85):
        return False
    for name in _some(chance, scenario, chance.choice((0.3, 0.7, 1.0))):
        scenario.steps[name]["compensate"] = {"container": {"image": "i"}}
    return True


@feature("deleteJob")
def _delete_job(scenario: Scenario, chance: Random) -> bool:
    chosen = _some(chance, scenario, 0.3) if _often(chance, 0.3) else []
    for name in chosen:
        scenario.steps[name]["compensate"] = {"deleteJob": {}}
    return bool(chosen)


@feature("compensate.when")
def _when(scenario: Scenario, chance: Random) -> bool:
    chosen = [n for n in _some(chance, scenario, 0.5) if scenario.undo(n)] if _often(chance, 0.4) else []
    for name in chosen:
        scenario.steps[name]["compensate"]["when"] = chance.choice(("Succeeded", "Attempted"))
    return bool(chosen)


@feature("retries")
def _retries(scenario: Scenario, chance: Random) -> bool:
    chosen = _some(chance, scenario, 0.4) if _often(chance, 0.6) else []
    for name in chosen:
        scenario.steps[name]["retry"] = {
            "limit": chance.randint(1, 3),
            "backoffSeconds": chance.choice((1, 5, 30)),
            "factor": chance.randint(1, 3),
        }
    return bool(chosen)


@feature("defaults.retry")
def _default_retries(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.15):
        return False
    scenario.spec["defaults"] = {"retry": {"limit": 1, "backoffSeconds": 2, "maxBackoffSeconds": 40}}
    return True


@feature("compensate.retry")
def _undo_retries(scenario: Scenario, chance: Random) -> bool:
    chosen = [n for n in scenario.steps if (scenario.undo(n) or {}).get("container")] if _often(chance, 0.6) else []
    for name in chosen:
        scenario.steps[name]["compensate"]["retry"] = {"limit": chance.randint(0, 2), "backoffSeconds": 3}
    return bool(chosen)


@feature("timeouts")
def _timeouts(scenario: Scenario, chance: Random) -> bool:
    chosen = _some(chance, scenario, 0.5) if _often(chance, 0.3) else []
    for name in chosen:
        scenario.steps[name]["timeoutSeconds"] = chance.choice((60, 600))
        if (scenario.undo(name) or {}).get("container"):
            scenario.steps[name]["compensate"]["timeoutSeconds"] = chance.choice((60, 600))
    return bool(chosen)


@feature("outputs")
def _outputs(scenario: Scenario, chance: Random) -> bool:
    """Steps that give outputs, which others refer to: such a reference is an edge as well."""
    chosen = _some(chance, scenario, 0.4) if _often(chance, 0.4) else []
    for name in chosen:
        scenario.steps[name]["outputs"] = [{"name": "id"}]
        for step in scenario.spec["steps"]:
            if name in step.get("dependsOn", ()):
                step["container"] = {"image": "i", "env": [{"name": "ID", "value": f"$(steps.{name}.outputs.id)"}]}
        if (scenario.undo(name) or {}).get("container"):
            own = {"image": "i", "args": [f"$(steps.{name}.outputs.id)", "$(failure.reason)"]}
            scenario.steps[name]["compensate"]["container"] = own
    return bool(chosen)


@feature("parameters")
def _parameters(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.2):
        return False
    scenario.spec["parameters"] = [{"name": "image", "value": "registry/image:1"}]
    chance.choice(scenario.spec["steps"])["container"]["image"] = "$(params.image)"
    return True


# Boundaries and policies


@feature("savepoints")
def _savepoints(scenario: Scenario, chance: Random) -> bool:
    chosen = _some(chance, scenario, 0.2) if _often(chance, 0.2) else []
    for name in chosen:
        scenario.steps[name]["boundary"] = "Savepoint"
    return bool(chosen)


@feature("irreversible")
def _irreversible(scenario: Scenario, chance: Random) -> bool:
    chosen = [n for n in _some(chance, scenario, 0.3) if not scenario.undo(n)] if _often(chance, 0.3) else []
    for name in chosen:
        scenario.steps[name]["boundary"] = "Irreversible"
    return bool(chosen)


@feature("pivots")
def _pivots(scenario: Scenario, chance: Random) -> bool:
    """One step that decides; past it a failure waits for a person, so that the culprit fails rather than lasts."""
    free = [name for name in scenario.steps if not scenario.undo(name)]
    if not free or not _often(chance, 0.2):
        return False
    pivot = chance.choice(free)
    scenario.steps[pivot]["boundary"] = "Pivot"
    return True


@feature("parallelism")
def _parallelism(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.25):
        return False
    scenario.spec["parallelism"] = chance.randint(1, 4)
    return True


@feature("rollback.parallelism")
def _rollback_parallelism(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.25):
        return False
    scenario.spec.setdefault("rollback", {})["parallelism"] = chance.randint(1, 3)
    return True


@feature("rollback.timeoutSeconds")
def _rollback_timeout(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.15):
        return False
    seconds = NEVER_SECONDS if scenario.strict else chance.choice((1, 20, 300))
    scenario.spec.setdefault("rollback", {})["timeoutSeconds"] = seconds
    return True


@feature("onCompensationFailure")
def _on_compensation_failure(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.4):
        return False
    scenario.spec.setdefault("rollback", {})["onCompensationFailure"] = chance.choice(("Block", "Continue"))
    return True


@feature("inFlight")
def _in_flight(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.4):
        return False
    scenario.spec["inFlight"] = chance.choice(("Drain", "Cancel"))
    return True


@feature("onFailure")
def _on_failure(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.25):
        return False
    scenario.spec["onFailure"] = chance.choice(("Rollback", "Stop"))
    return True


@feature("onFailure: Continue")
def _continue(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.12):
        return False
    scenario.spec["onFailure"] = "Continue"
    return True


@feature("deletionPolicy")
def _deletion_policy(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.2):
        return False
    scenario.spec["deletionPolicy"] = chance.choice(("RollbackUnfinished", "RollbackUnfinished", "Abandon"))
    return True


@feature("ttl")
def _ttl(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.06):
        return False
    scenario.spec["ttlSecondsAfterFinished"] = chance.choice((0, 60, 3600))
    scenario.timed = True
    return True


@feature("suspend")
def _suspend(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.12):
        return False
    scenario.spec["suspend"] = True
    scenario.plans.append((chance.uniform(1, 400), "unsuspend"))
    return True


@feature("concurrency")
def _concurrency(scenario: Scenario, chance: Random) -> bool:
    """A key that others share, who come before and after; in a strict scenario one that it may wait under."""
    if not _often(chance, 0.2):
        return False
    limit = chance.randint(1, 3)

    def asked(*policies: str) -> dict[str, Any]:
        own = limit if chance.random() < 0.7 else chance.randint(1, 3)
        return {"key": "till", "limit": own, "policy": chance.choice(policies)}

    waits = ("Enqueue",) if scenario.strict else ("Enqueue", "Enqueue", "Forbid")
    scenario.spec["concurrency"] = asked(*waits)
    for number in range(chance.randint(0, 5)):
        name, at = f"rival-{number}", round(chance.choice((0.0, chance.uniform(0, 30), chance.uniform(0, 300))), 3)
        scenario.rivals[name] = Rival(
            name, at, round(chance.uniform(0.5, 60), 3), asked("Enqueue", "Enqueue", "Forbid")
        )
    return True


@feature("refused spec")
def _refused_spec(scenario: Scenario, chance: Random) -> bool:
    if not _often(chance, 0.02):
        return False
    scenario.spec["parallelism"] = 1
    chance.choice(scenario.spec["steps"])["container"] = {"image": "$(params.nobody)"}
    return True


# Steps without a Job


@feature("waits")
def _waits(scenario: Scenario, chance: Random) -> bool:
    chosen = _jobless(scenario, _some(chance, scenario, 0.2)) if _often(chance, 0.2) else []
    for name in chosen:
        _without_job(scenario, name)["wait"] = {"seconds": chance.choice((1, 30, 300))}
    return bool(chosen)


@feature("approvals")
def _approvals(scenario: Scenario, chance: Random) -> bool:
    """Steps that a person approves as soon as they ask."""
    chosen = _jobless(scenario, _some(chance, scenario, 0.2)) if _often(chance, 0.25) else []
    for name in chosen:
        _without_job(scenario, name)["approval"] = {"message": f"is {name} all right?"}
    return bool(chosen)


def _jobless(scenario: Scenario, names: list[str], *, culprit: bool = False) -> list[str]:
    """Those that may run nothing: not what gives outputs, has an effect or is refused, nor as a rule the culprit."""
    used = ("outputs", "wait", "approval")
    return [
        name
        for name in names
        if (culprit or name != scenario.culprit)
        and not any(field in scenario.steps[name] for field in used)
        and scenario.steps[name].get("boundary") != "Irreversible"
        and "$(params.nobody)" not in scenario.steps[name]["container"]["image"]
    ]


def _without_job(scenario: Scenario, name: str) -> dict[str, Any]:
    step = scenario.steps[name]
    for part in ("container", "compensate", "retry", "timeoutSeconds", "fallback"):
        step.pop(part, None)
    return step


@feature("fallback")
def _fallback(scenario: Scenario, chance: Random) -> bool:
    """Another way to do steps, some of which fail in their own way."""
    chosen = _some(chance, scenario, chance.choice((0.3, 0.8))) if _often(chance, 0.2) else []
    chosen = [n for n in chosen if scenario.has_job(n) and "deleteJob" not in (scenario.undo(n) or {})]
    for name in chosen:
        step = scenario.steps[name]
        other: dict[str, Any] = {"container": dict(step["container"])}
        other["retry"] = {"limit": chance.randint(0, 2), "backoffSeconds": chance.choice((1, 5))}
        if chance.random() < 0.3:
            other["timeoutSeconds"] = chance.choice((60, 600))
        if step.get("boundary") != "Irreversible" and chance.random() < 0.6:
            undo = {"container": {"image": "i"}, "when": chance.choice(("Attempted", "Attempted", "Succeeded"))}
            other["compensate"] = {**undo, "retry": {"limit": chance.randint(0, 2), "backoffSeconds": 3}}
        step["fallback"] = other
    return bool(chosen)


# What goes wrong by itself


@feature("failed attempts")
def _failed_attempts(scenario: Scenario, chance: Random) -> bool:
    """Attempts that are followed by a good one."""
    failed = False
    for name in _some(chance, scenario, chance.choice((0.0, 0.3, 0.6))):
        most = _attempts(scenario, name)
        if most > 1 and name != scenario.culprit:
            scenario.fail(name, FORWARD, chance.randint(1, most - 1))
            failed = True
    return failed


@feature("optional")
def _optional(scenario: Scenario, chance: Random) -> bool:
    """Steps that may fail, and half of them do."""
    chosen = _some(chance, scenario, chance.choice((0.2, 0.6))) if _often(chance, 0.25) else []
    chosen = [n for n in chosen if n != scenario.culprit and scenario.steps[n].get("boundary") != "Pivot"]
    for name in chosen:
        scenario.steps[name]["optional"] = True
        if scenario.has_job(name) and _often(chance, 0.5):
            scenario.fail(name, FORWARD, _attempts(scenario, name))
    return bool(chosen)


@feature("trigger rules")
def _trigger_rules(scenario: Scenario, chance: Random) -> bool:
    chosen = [n for n in _some(chance, scenario, 0.4) if n != scenario.culprit] if _often(chance, 0.25) else []
    chosen = [name for name in chosen if scenario.steps[name].get("dependsOn")]
    for name in chosen:
        scenario.steps[name]["triggerRule"] = chance.choice(_rules(scenario, name))
    return bool(chosen)


def _rules(scenario: Scenario, name: str) -> list[str]:
    """Those that could be met. Where timing must not decide, none starts a step while another goes on."""
    tolerated = [scenario.steps[one].get("optional", False) for one in scenario.steps[name]["dependsOn"]]
    goes_on = scenario.spec.get("onFailure") == "Continue"
    rules = ["AllSucceeded", "AllFinished", "NoneFailed"]
    rules += ["AllFailed"] if goes_on or all(tolerated) else []
    if not scenario.strict or scenario.culprit is None:
        rules += ["AnySucceeded", *(["AnyFailed"] if goes_on or any(tolerated) else [])]
    return rules


@feature("conditions")
def _conditions(scenario: Scenario, chance: Random) -> bool:
    """Some hold, some do not; some cannot be evaluated, where that cannot be what ends a strict run."""
    chosen = [n for n in _some(chance, scenario, 0.3) if n != scenario.culprit] if _often(chance, 0.25) else []
    for name in chosen:
        before = scenario.steps[name].get("dependsOn", ())
        asks = ["true", "false", "workflow.name != ''"]
        asks += [f"steps.{one}.outcome {chance.choice(('==', '!='))} 'Succeeded'" for one in before[:2]]
        asks += ["1 / 0 == 1"] if scenario.steps[name].get("optional") or not scenario.strict else []
        scenario.steps[name]["when"] = chance.choice(asks)
    return bool(chosen)


@feature("just in time")
def _just_in_time(scenario: Scenario, chance: Random) -> bool:
    """Attempts that succeed within the last moment before their deadline."""
    chosen = [n for n in _some(chance, scenario, 0.5) if "timeoutSeconds" in scenario.steps[n]]
    for name in chosen:
        if (name, FORWARD) not in scenario.fates and name != scenario.culprit:
            good = scenario.success(name, FORWARD, 1)
            seconds = scenario.steps[name]["timeoutSeconds"] - JUST_IN_TIME_SECONDS
            scenario.fates[name, FORWARD] = [Fate(seconds, outputs=good.outputs)]
    return bool(chosen)


@feature("culprit")
def _culprit(scenario: Scenario, chance: Random) -> bool:
    """The step that ends the run early: it fails for good, or lasts until somebody or something ends it."""
    name = scenario.culprit
    if name is None or not _often(chance, 0.9):
        scenario.culprit = None
        return False
    if chance.random() < 0.2 and not scenario.undo(name) and _jobless(scenario, [name], culprit=True):
        _without_job(scenario, name)["approval"] = {"message": "is anything all right?"}
        scenario.rejected = name
        scenario.features.add("rejection")
        return True
    if chance.random() < 0.6:
        scenario.fail(name, FORWARD, _attempts(scenario, name))
        return True
    scenario.lasts = True
    scenario.steps[name].pop("timeoutSeconds", None)
    scenario.fates[name, FORWARD] = [Fate(None, linger_seconds=chance.choice((0.1, 5.0, 40.0)))]
    at = round(LATER_SECONDS + _longest(scenario)) if scenario.strict else chance.uniform(1, 60)
    if chance.random() < 0.25:
        scenario.spec["timeoutSeconds"] = int(at)
        scenario.features.add("deadline")
    else:
        scenario.plans.append((at, chance.choice(("cancel", "terminate", "delete", "rollback", "cancel"))))
    scenario.plans.append((at + LATER_SECONDS / 4, "end"))  # Where nothing ended it, such as past a pivot.
    scenario.timed = True
    return True


@feature("several culprits")
def _culprits(scenario: Scenario, chance: Random) -> bool:
    if scenario.strict or not _often(chance, 0.3):
        return False
    for name in _some(chance, scenario, 0.2):
        if name != scenario.culprit:
            scenario.fail(name, FORWARD, _attempts(scenario, name))
    return True


@feature("failed undos")
def _failed_undos(scenario: Scenario, chance: Random) -> bool:
    """Undos that are tried again, and undos that fail for good."""
    failed = False
    for name in _some(chance, scenario, chance.choice((0.0, 0.0, 0.2, 0.5))):
        if (scenario.undo(name) or {}).get("container"):
            limit = scenario.steps[name]["compensate"].get("retry", {}).get("limit", 5)
            scenario.fail(name, COMPENSATION, chance.randint(1, limit + 1))
            failed = True
    return failed


@feature("finally")
def _finally(scenario: Scenario, chance: Random) -> bool:
    """Steps at the end, some of which are tried again, or fail for good."""
    if not _often(chance, 0.25):
        return False
    for index in range(chance.choice((1, 1, 2, 4))):
        name, limit = f"z{index}", chance.randint(0, 2)
        scenario.last[name] = {"name": name, "container": {"image": "i", "args": ["$(workflow.phase)"]}}
        scenario.last[name]["retry"] = {"limit": limit, "backoffSeconds": chance.choice((1, 20))}
        if chance.random() < 0.3:
            scenario.last[name]["timeoutSeconds"] = 60
        if chance.random() < 0.4:
            scenario.fail(name, FINALLY, chance.randint(1, limit + 1))
    scenario.spec["finally"] = list(scenario.last.values())
    return True


@feature("rollback on request")
def _rollback_on_request(scenario: Scenario, chance: Random) -> bool:
    """Of a Workflow that has succeeded."""
    if scenario.culprit is not None or not _often(chance, 0.4):
        return False
    scenario.answers.append(Verb.ROLLBACK)
    return True


@feature("answers")
def _answers(scenario: Scenario, chance: Random) -> bool:
    """What a person asks for where the run waits for one, or has ended."""
    if not _often(chance, 0.5):
        return False
    verbs = (Verb.RETRY_COMPENSATION, Verb.SKIP_COMPENSATION, Verb.RETRY_STEP, Verb.SKIP_STEP, Verb.RETRY, Verb.ABANDON)
    scenario.answers += chance.choices(verbs, k=chance.randint(1, 4))
    return True


@feature("retry.onExitCodes")
def _exit_codes(scenario: Scenario, chance: Random) -> bool:
    """Failures that are final: of what ends the run, and of undos. All others are worth another attempt."""
    if not _often(chance, 0.25):
        return False
    for name, step in scenario.steps.items():
        if not scenario.has_job(name) or "fallback" in step:
            continue
        kept = {one.exit_code for one in scenario.fates.get((name, FORWARD), ()) if name != scenario.culprit}
        step.setdefault("retry", {})["onExitCodes"] = {"notIn": _codes(chance, kept)}
        if (scenario.undo(name) or {}).get("container"):
            step["compensate"].setdefault("retry", {})["onExitCodes"] = {"notIn": _codes(chance, set())}
    return True


@feature("workflow outputs")
def _workflow_outputs(scenario: Scenario, chance: Random) -> bool:
    """What the Workflow gives as a whole, of steps that may not have given it."""
    giving = [name for name, step in scenario.steps.items() if step.get("outputs")]
    if not giving or not _often(chance, 0.5):
        return False
    told = {"id": f"$(steps.{chance.choice(giving)}.outputs.id)", "what": f"$(steps.{chance.choice(giving)}.outcome)"}
    scenario.spec["outputs"] = [{"name": name, "value": value} for name, value in told.items()]
    return True


def _codes(chance: Random, kept: set[int]) -> list[int]:
    """About half of all, but never those, nor the ones that a container has which something else ended."""
    return [code for code in range(1, 256) if code not in kept | ENDED_BY_OTHERS and chance.random() < 0.5]


def _longest(scenario: Scenario) -> float:
    """How long all steps take one after the other, every retry and everybody who goes before included."""
    seconds = sum(_START_SECONDS_MAX + rival.seconds for rival in scenario.rivals.values())
    for name in scenario.steps:
        listed = scenario.fates.get((name, FORWARD), [])
        other = scenario.steps[name].get("fallback", {})
        late = max(scenario.steps[name].get("timeoutSeconds", 0), other.get("timeoutSeconds", 0))
        seconds += sum(_START_SECONDS_MAX + (one.seconds or late) for one in listed) + _START_SECONDS_MAX
        seconds += scenario.steps[name].get("wait", {}).get("seconds", 0)
        seconds += ANSWERED_WITHIN_SECONDS if "approval" in scenario.steps[name] else 0
        policy = scenario.spec.get("defaults", {}).get("retry", {}) | scenario.steps[name].get("retry", {})
        seconds += _START_SECONDS_MAX * len(listed) if other else 0  # Its pauses are shorter than that.
        pauses = [policy.get("backoffSeconds", 5) * policy.get("factor", 2) ** n for n in range(len(listed))]
        seconds += sum(min(300, pause) for pause in pauses)
    return seconds


def _attempts(scenario: Scenario, name: str) -> int:
    """The attempts of a step that fails for good."""
    other = scenario.steps[name].get("fallback")
    return _limit(scenario, name) + 1 + (other["retry"]["limit"] + 1 if other else 0)


def _limit(scenario: Scenario, name: str) -> int:
    """The retries of a step."""
    default: int = scenario.spec.get("defaults", {}).get("retry", {}).get("limit", 0)
    own: int = scenario.steps[name].get("retry", {}).get("limit", default)
    return own


__all__ = ["COMPENSATION", "FEATURES", "FINALLY", "FORWARD", "Scenario", "draw_scenario"]
