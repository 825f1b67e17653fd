"""The Plan: the validated, expanded graph made from a spec. Pure data; `WorkflowPlanner` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kubesaga.api.container import Container
from kubesaga.api.names import Direction
from kubesaga.api.pod import PodSettings
from kubesaga.api.spec import (
    Approval,
    Boundary,
    ConcurrencyPolicy,
    DeletionPolicy,
    ExitCodes,
    InFlight,
    OnCompensationFailure,
    OnFailure,
    Output,
    TriggerRule,
    Wait,
    When,
)
from kubesaga.engine.expression import Condition

PLAN_VERSION: Final = 1
"""Grows when the same spec would give another plan; a running Workflow keeps the version that it began with."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When the next attempt follows a failed one; every field decided."""

    limit: int
    backoff_seconds: int
    factor: int
    max_backoff_seconds: int
    on_exit_codes: ExitCodes | None = None
    """After which exit codes; None: after every one."""


Work = Container | Approval | Wait
"""What a step does. Only a container is the work of a Job."""

STEP_RETRY: Final = RetryPolicy(limit=0, backoff_seconds=5, factor=2, max_backoff_seconds=300)
COMPENSATION_RETRY: Final = RetryPolicy(limit=5, backoff_seconds=10, factor=2, max_backoff_seconds=300)


@dataclass(frozen=True, slots=True)
class PlannedCompensation:
    """How one step is undone. `container` is None where the undo deletes the step's own Jobs."""

    container: Container | None
    retry: RetryPolicy
    timeout_seconds: int | None
    when: When = When.ATTEMPTED

    @property
    def deletes_job(self) -> bool:
        """Whether the undo is the deletion of the step's Jobs."""
        return self.container is None


@dataclass(frozen=True, slots=True)
class PlannedRollback:
    """How what was done is undone; every field decided. None: no bound."""

    parallelism: int | None
    timeout_seconds: int | None
    on_compensation_failure: OnCompensationFailure


@dataclass(frozen=True, slots=True)
class PlannedFallback:
    """Another way to do one step, with everything merged that was to be merged."""

    work: Container
    retry: RetryPolicy
    timeout_seconds: int | None
    compensation: PlannedCompensation | None


@dataclass(frozen=True, slots=True)
class PlannedConcurrency:
    """How many Workflows run at once under one key; every field decided."""

    key: str
    limit: int
    policy: ConcurrencyPolicy


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step with all its edges, declared and implied, and everything merged that was to be merged."""

    name: str
    index: int
    """Place in `Plan.steps`, which is the place in the spec."""
    dependencies: tuple[str, ...]
    """Steps that it waits for, declared and implied, in the order of the spec."""
    dependents: tuple[str, ...]
    """Steps that depend on this one, in the order of the spec."""
    level: int
    """0 for a step without dependencies, else one more than the highest level it depends on."""
    work: Work
    retry: RetryPolicy
    timeout_seconds: int | None
    outputs: tuple[Output, ...]
    compensation: PlannedCompensation | None
    boundary: Boundary | None = None
    fallback: PlannedFallback | None = None
    optional: bool = False
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCEEDED
    condition: Condition | None = None
    needs: tuple[tuple[str, str], ...] = ()
    """Step and key of every output that the container or that of the fallback refers to."""
    referred: frozenset[str] = frozenset()
    """The steps that a container or the condition refers to: they have to be over, whatever the trigger rule."""

    @property
    def undoable(self) -> bool:
        """Whether an undo is declared, of the step's own way or of its fallback."""
        return self.has_undo(Direction.FORWARD) or self.has_undo(Direction.FALLBACK)

    def has_undo(self, way: Direction) -> bool:
        """Whether the undo of that way is declared."""
        of: PlannedStep | PlannedFallback | None = self if way is Direction.FORWARD else self.fallback
        return of is not None and of.compensation is not None

    @property
    def has_job(self) -> bool:
        """Whether the step is the work of a Job. One that is not has no effect, and nothing to undo."""
        return isinstance(self.work, Container)

    @property
    def due_seconds(self) -> int | None:
        """How long a step without a Job waits at most; None where only a person ends that."""
        return self.work.seconds if isinstance(self.work, Wait) else self.timeout_seconds


@dataclass(frozen=True, slots=True)
class PlannedFinally:
    """One finally step with everything merged that was to be merged."""

    name: str
    container: Container
    retry: RetryPolicy
    timeout_seconds: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph that can be run: acyclic, every reference resolved, every bound kept."""

    steps: tuple[PlannedStep, ...]
    by_name: Mapping[str, PlannedStep]
    finally_steps: Mapping[str, PlannedFinally]
    """The finally steps by name, in the order of the spec."""
    order: tuple[str, ...]
    """All steps, each after everything it depends on; ties in the order of the spec."""
    levels: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]
    """A longest chain of steps, first to last."""
    rollback_order: tuple[tuple[str, ...], ...]
    """The undos if every step had been attempted: each group may start when all groups before it have ended well."""
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    """The outputs of the Workflow by name: texts with references."""
    pod: PodSettings
    parallelism: int | None
    concurrency: PlannedConcurrency | None
    timeout_seconds: int | None
    on_failure: OnFailure
    in_flight: InFlight
    rollback: PlannedRollback
    suspend: bool
    deletion_policy: DeletionPolicy
    pivots: tuple[str, ...]
    """The steps of `boundary: Pivot`, in order."""
    savepoints: frozenset[str]
    """The steps of `boundary: Savepoint`."""
    ttl_seconds_after_finished: int | None
    warnings: tuple[str, ...]
    object_bytes: int
    """Estimate of the largest size of the object in its life: spec, full status, all outputs, a whole rollback."""
    step_message_bytes: int
    """Room for the message of one step, undo or finally step."""
