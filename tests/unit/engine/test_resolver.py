"""DependencyResolver: every pending step is ready, waiting, blocked or needless."""

from collections.abc import Mapping
from typing import Any

import pytest
from world import World, step

from kubesaga.api.status import StepReason, StepStatus
from kubesaga.engine.plan import Plan
from kubesaga.engine.resolver import DependencyResolver, Resolution

FALSE = StepReason.CONDITION_FALSE


def plan(*steps: Mapping[str, Any], **spec: Any) -> Plan:
    made = World(*steps, **spec).plan()
    assert isinstance(made, Plan)
    return made


def record(name: str, state: str) -> StepStatus:
    """`Needless`: skipped by the graph; `Skipped`: by a person."""
    if state == "Needless":
        return StepStatus(name=name, state="Skipped", reason=FALSE)
    return StepStatus(name=name, state=state)


def resolved(planned: Plan, **states: str) -> Resolution:
    return DependencyResolver().resolve(planned, {name: record(name, state) for name, state in states.items()})


def test_steps_are_sorted_by_what_they_wait_for() -> None:
    graph = plan(step("a"), step("b", "a"), step("c"), step("d", "c"), step("e", "d"), step("f", "c", "a"))
    resolution = resolved(graph, a="Running", c="Failed")
    assert resolution.ready == ()
    assert resolution.waiting == {"b": ("a",)}
    assert resolution.blocked == {"d": ("c",), "e": ("d",), "f": ("c",)}


READY, WAITING, NEEDLESS, BLOCKED = "ready", "waiting", "needless", "blocked"

RULES = {
    # rule, then what became of a and b, both optional, and what that makes of the step after them
    "AllSucceeded: of one that runs": ("AllSucceeded", "Succeeded Running", WAITING),
    "AllSucceeded: of one that succeeded and one that failed": ("AllSucceeded", "Succeeded Failed", READY),
    "AllSucceeded: of one that the graph skipped": ("AllSucceeded", "Needless Skipped", READY),
    "AllSucceeded: of one that was cancelled": ("AllSucceeded", "Cancelled Succeeded", BLOCKED),
    "AllFinished: of one that runs": ("AllFinished", "Failed Running", WAITING),
    "AllFinished: of one that waits for its next attempt": ("AllFinished", "Failed Retrying", WAITING),
    "AllFinished: whatever became of them": ("AllFinished", "Failed Needless", READY),
    "AnySucceeded: as soon as one has": ("AnySucceeded", "Succeeded Running", READY),
    "AnySucceeded: beside one that failed": ("AnySucceeded", "Succeeded Failed", READY),
    "AnySucceeded: while one may": ("AnySucceeded", "Failed Running", WAITING),
    "AnySucceeded: of none": ("AnySucceeded", "Failed Failed", NEEDLESS),
    "AnySucceeded: of one that the graph skipped": ("AnySucceeded", "Needless Failed", NEEDLESS),
    "AnySucceeded: of one that a person skipped": ("AnySucceeded", "Skipped Failed", READY),
    "AnyFailed: as soon as one has": ("AnyFailed", "Failed Running", READY),
    "AnyFailed: while one may": ("AnyFailed", "Succeeded Running", WAITING),
    "AnyFailed: of none": ("AnyFailed", "Succeeded Needless", NEEDLESS),
    "AllFailed: of all": ("AllFailed", "Failed Failed", READY),
    "AllFailed: while one runs": ("AllFailed", "Failed Running", WAITING),
    "AllFailed: of one that succeeded": ("AllFailed", "Failed Succeeded", NEEDLESS),
    "AllFailed: of one that the graph skipped": ("AllFailed", "Failed Needless", NEEDLESS),
    "NoneFailed: of some that succeeded or were skipped": ("NoneFailed", "Needless Succeeded", READY),
    "NoneFailed: while one runs": ("NoneFailed", "Needless Running", WAITING),
    "NoneFailed: of one that failed, though it may": ("NoneFailed", "Failed Succeeded", NEEDLESS),
}


@pytest.mark.parametrize(("rule", "states", "found"), RULES.values(), ids=RULES)
def test_a_trigger_rule_looks_at_what_became_of_the_steps_before(rule: str, states: str, found: str) -> None:
    graph = plan(step("a", optional=True), step("b", optional=True), step("c", "a", "b", triggerRule=rule))
    a, b = states.split()
    resolution = resolved(graph, a=a, b=b)
    assert [kind for kind in (READY, WAITING, BLOCKED, NEEDLESS) if "c" in getattr(resolution, kind)] == [found]


STRICT = {
    # rule, spec.onFailure, what became of a and b, none of them optional
    "AnySucceeded: a failure halts the run before one has": ("AnySucceeded", "Stop", "Failed Running", WAITING),
    "AnySucceeded: a person may let what failed try again": ("AnySucceeded", "Stop", "Failed Needless", WAITING),
    "AllFinished: a person may let what failed try again": ("AllFinished", "Stop", "Failed Succeeded", WAITING),
    "AnySucceeded: under Continue, of none": ("AnySucceeded", "Continue", "Failed Needless", BLOCKED),
    "NoneFailed: under Continue, one failed": ("NoneFailed", "Continue", "Failed Succeeded", BLOCKED),
    "AllFinished: under Continue": ("AllFinished", "Continue", "Failed Succeeded", READY),
    "AllFailed: under Continue": ("AllFailed", "Continue", "Failed Failed", READY),
    "AnyFailed: under Continue, as soon as one has": ("AnyFailed", "Continue", "Failed Running", READY),
    "AnyFailed: under Continue, of none": ("AnyFailed", "Continue", "Succeeded Succeeded", NEEDLESS),
    "AllSucceeded: under Continue, one failed": ("AllSucceeded", "Continue", "Failed Running", BLOCKED),
}


@pytest.mark.parametrize(("rule", "on_failure", "states", "found"), STRICT.values(), ids=STRICT)
def test_a_failure_that_nobody_tolerates_is_over_under_continue_only(
    rule: str, on_failure: str, states: str, found: str
) -> None:
    graph = plan(step("a"), step("b"), step("c", "a", "b", triggerRule=rule), onFailure=on_failure)
    a, b = states.split()
    resolution = resolved(graph, a=a, b=b)
    assert [kind for kind in (READY, WAITING, BLOCKED, NEEDLESS) if "c" in getattr(resolution, kind)] == [found]


def test_what_never_starts_has_failed_for_the_rules_after_it() -> None:
    graph = plan(
        step("a"), step("b", "a"), step("c", "b", triggerRule="AnyFailed"), step("d", "b"), onFailure="Continue"
    )
    resolution = resolved(graph, a="Failed")
    assert resolution.blocked == {"b": ("a",), "d": ("b",)}
    assert resolution.ready == ("c",)


def test_what_is_needless_is_over_for_the_steps_after_it() -> None:
    graph = plan(step("a", optional=True), step("b", "a", triggerRule="AnyFailed"), step("c", "b"))
    resolution = resolved(graph, a="Succeeded")
    assert (resolution.needless, resolution.ready) == (("b",), ("c",))


def test_a_rule_that_is_met_early_waits_for_the_steps_that_are_referred_to() -> None:
    refers = {"image": "i", "args": ["$(steps.b.outcome)"]}
    graph = plan(step("a", optional=True), step("b"), step("c", "a", "b", triggerRule="AnyFailed", container=refers))
    assert resolved(graph, a="Failed", b="Running").waiting == {"c": ("b",)}
    assert resolved(graph, a="Failed", b="Succeeded").ready == ("c",)
