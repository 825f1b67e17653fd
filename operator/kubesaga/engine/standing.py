"""How a step stands, as those that come after it ask; each meaning of "done" has its name here or on the record.

record.done          it succeeded, or a person took it for done
record.passed_over   the graph skipped it: its condition, its trigger rule, outputs that are not there
tolerated            it is optional and failed
satisfies            one of these: what AllSucceeded asks for, and what a run needs to succeed
fails                it ended without success, and nobody tolerates that
"""

from kubesaga.api.status import StepState, StepStatus
from kubesaga.engine.plan import PlannedStep


def tolerated(planned: PlannedStep, record: StepStatus) -> bool:
    """Whether the step failed, and may: one that was cancelled was stopped, and did not fail."""
    return planned.optional and record.state is StepState.FAILED


def satisfies(planned: PlannedStep, record: StepStatus) -> bool:
    """Whether a step after it may start by AllSucceeded, and a run may succeed with it."""
    return record.done or record.passed_over or tolerated(planned, record)


def fails(planned: PlannedStep, record: StepStatus) -> bool:
    """Whether the step ended so that the run cannot succeed with it."""
    return record.state.terminal and not satisfies(planned, record)


def outcome_of(record: StepStatus | None) -> str:
    """What `steps.NAME.outcome` is: a step that never starts has no record."""
    return record.state.value if record is not None else "NotStarted"
