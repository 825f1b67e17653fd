"""DependencyResolver: which steps, and which undos, may start now."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from kubesaga.api.spec import OnFailure, TriggerRule
from kubesaga.api.status import StepStatus
from kubesaga.engine.plan import Plan, PlannedStep
from kubesaga.engine.standing import fails, satisfies


class Verdict(Enum):
    """What the graph says of a step that has no record yet."""

    READY = auto()
    """Its trigger rule is met."""
    WAITING = auto()
    """Something that it depends on is not over, and may decide."""
    BLOCKED = auto()
    """Something that it depends on failed or is blocked itself: the step never starts, unless a person helps."""
    NEEDLESS = auto()
    """All that it depends on is over without a failure that blocks, and the trigger rule asks for something else."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Every step that has no record yet, by what it waits for. Names stand in the order of the plan."""

    ready: tuple[str, ...]
    """The trigger rule is met."""
    waiting: Mapping[str, tuple[str, ...]]
    """The dependencies that have not ended yet."""
    blocked: Mapping[str, tuple[str, ...]]
    """The dependencies that ended without success, or are blocked themselves: the step never starts."""
    needless: tuple[str, ...] = ()
    """All dependencies are over, and the trigger rule asks for something else: the step is skipped."""


class Sweep:
    """One look at all pending steps in the order of the plan.

    Records may be added while it goes on: a step that is skipped on the way is over for those after it.
    """

    def __init__(self, plan: Plan, steps: Mapping[str, StepStatus]) -> None:
        self._plan = plan
        self._steps = steps
        self._continues = plan.on_failure is OnFailure.CONTINUE
        self._satisfied: set[str] = set()
        self._succeeded: set[str] = set()
        self._failed: set[str] = set()
        self.failing: set[str] = set()
        """What failed or never starts, and blocks what comes after it."""
        for name, record in steps.items():
            if record.state.terminal:
                self._note(plan.by_name[name], record)

    def __iter__(self) -> Iterator[tuple[PlannedStep, Verdict]]:
        for name in self._plan.order:
            if name in self._steps:
                continue
            planned = self._plan.by_name[name]
            verdict = self._verdict(planned)
            if verdict is Verdict.BLOCKED:
                self.failing.add(name)
            elif verdict is Verdict.NEEDLESS:
                self._satisfied.add(name)
            yield planned, verdict
            if verdict is Verdict.READY and (record := self._steps.get(name)) is not None and record.state.terminal:
                self._note(planned, record)

    def open(self, planned: PlannedStep) -> tuple[str, ...]:
        """The dependencies of a waiting step that are not over."""
        if planned.trigger_rule is TriggerRule.ALL_SUCCEEDED:
            return tuple(name for name in planned.dependencies if name not in self._satisfied)
        return tuple(name for name in planned.dependencies if not self._is_over(name))

    def _note(self, planned: PlannedStep, record: StepStatus) -> None:
        """Remember what became of a step."""
        name = planned.name
        if satisfies(planned, record):
            self._satisfied.add(name)
        if record.done:
            self._succeeded.add(name)
        elif not record.passed_over:
            self._failed.add(name)
        if fails(planned, record):
            self.failing.add(name)

    def _verdict(self, planned: PlannedStep) -> Verdict:
        if planned.trigger_rule is not TriggerRule.ALL_SUCCEEDED:
            return self._by_outcomes(planned)
        open_ = [name for name in planned.dependencies if name not in self._satisfied]
        if not open_:
            return Verdict.READY
        return Verdict.WAITING if self.failing.isdisjoint(open_) else Verdict.BLOCKED

    def _by_outcomes(self, planned: PlannedStep) -> Verdict:
        """Every rule but AllSucceeded looks at what became of each dependency."""
        rule, names = planned.trigger_rule, planned.dependencies
        over = [name for name in names if self._is_over(name)]
        failed = sum(name in self._failed or name in self.failing for name in over)
        succeeded = sum(name in self._succeeded for name in over)
        early = (rule is TriggerRule.ANY_SUCCEEDED and succeeded) or (rule is TriggerRule.ANY_FAILED and failed)
        if len(over) < len(names):
            return Verdict.READY if early and planned.referred.issubset(over) else Verdict.WAITING
        if early or _is_met(rule, len(names), failed):
            return Verdict.READY
        asks_for_success = rule in (TriggerRule.ANY_SUCCEEDED, TriggerRule.NONE_FAILED)
        return Verdict.BLOCKED if asks_for_success and not self.failing.isdisjoint(names) else Verdict.NEEDLESS

    def _is_over(self, name: str) -> bool:
        """Whether the step has ended or never starts.

        But under Continue a failure that blocks halts the run or waits for a person, who may let the step try again.
        """
        if name in self.failing:
            return self._continues
        return name in self._satisfied


def _is_met(rule: TriggerRule, count: int, failed: int) -> bool:
    """Whether a rule is met once every dependency is over, as far as failures decide it."""
    match rule:
        case TriggerRule.ALL_FINISHED:
            return True
        case TriggerRule.ALL_FAILED:
            return failed == count
        case TriggerRule.NONE_FAILED:
            return failed == 0
        case _:
            return False


class DependencyResolver:
    """Reads the graph. Stateless."""

    def resolve(self, plan: Plan, steps: Mapping[str, StepStatus]) -> Resolution:
        """Sort the pending steps by what the graph says of them; no condition is evaluated."""
        ready: list[str] = []
        needless: list[str] = []
        waiting: dict[str, tuple[str, ...]] = {}
        blocked: dict[str, tuple[str, ...]] = {}
        sweep = Sweep(plan, steps)
        for planned, verdict in sweep:
            match verdict:
                case Verdict.READY:
                    ready.append(planned.name)
                case Verdict.NEEDLESS:
                    needless.append(planned.name)
                case Verdict.WAITING:
                    waiting[planned.name] = sweep.open(planned)
                case _:  # Blocked.
                    blocked[planned.name] = tuple(d for d in planned.dependencies if d in sweep.failing)
        return Resolution(tuple(ready), waiting, blocked, tuple(needless))

    def compensations(self, plan: Plan, undo_set: Collection[str], undone: Collection[str]) -> tuple[str, ...]:
        """The undos of `undo_set` that may start or have started: everything that comes before them is `undone`.

        The order is the reversed graph, made transitive through steps that have no undo: in one sweep from the last
        step to the first, a step is passed when all its dependents are, and it is undone or has no undo.
        """
        passed: set[str] = set()
        may_start: list[str] = []
        for name in reversed(plan.order):
            if passed.issuperset(plan.by_name[name].dependents):
                if name in undo_set and name not in undone:
                    may_start.append(name)
                else:
                    passed.add(name)
        return tuple(may_start)
