"""A run as a person reads it: what was asked for, what went wrong, what was written, and what differs."""

import json
from collections.abc import Iterator

from simulation.history import History
from simulation.oracle import Verdict
from simulation.scenarios import Scenario
from simulation.server import Commit


def story(verdict: Verdict) -> Iterator[str]:
    """The lines of it."""
    yield from _asked(verdict.scenario)
    yield "\nFaults, by the number of the call that they wait for:"
    yield from (f"  {fault}" for fault in verdict.plan)
    yield "\nWhat happened, by seconds of virtual time:"
    yield from _happened(verdict.stormy)
    yield f"\nWithout faults: {_outcome(verdict.calm)}; with them: {_outcome(verdict.stormy)}"
    yield f"Digest: {verdict.stormy.digest()}"
    yield from violated(verdict)


def violated(verdict: Verdict) -> Iterator[str]:
    """What was found."""
    yield f"{len(verdict.violations)} violations" if verdict.violations else "No violation"
    yield from (f"  {one}" for one in verdict.violations)


def _asked(scenario: Scenario) -> Iterator[str]:
    how = "timing cannot decide its outcome, so it is compared" if scenario.strict else "judged by the invariants"
    yield f"Seed {scenario.seed}: {len(scenario.steps)} steps; {how}; {', '.join(sorted(scenario.features))}"
    yield from (f"  {key}: {json.dumps(value)}" for key, value in scenario.spec.items() if key != "steps")
    for step in scenario.spec["steps"]:
        more = {key: value for key, value in step.items() if key not in ("name", "dependsOn", "container")}
        after = f" after {', '.join(step['dependsOn'])}" if step.get("dependsOn") else ""
        yield f"  {step['name']}{after}: {json.dumps(more)}"
    for (step_name, direction), fates in scenario.fates.items():
        yield f"  {direction} of {step_name}: " + "; then ".join(_fate(one.seconds, one.exit_code) for one in fates)
    yield from (f"  at {at:.0f} s a person asks: {deed}" for at, deed in scenario.plans)
    if scenario.answers:
        yield f"  where it waits for a person, or has ended: {', '.join(scenario.answers)}"


def _fate(seconds: float | None, exit_code: int) -> str:
    return "lasts" if seconds is None else f"exit code {exit_code} after {seconds} s"


def _happened(history: History) -> Iterator[str]:
    lines = [(one.time, _commit(one)) for one in history.commits]
    lines += [(at, f"*** {text}") for at, text in history.story]
    for at, line in sorted(lines, key=lambda one: one[0]):
        yield f"  {at:10.3f}  {line}"


def _commit(commit: Commit) -> str:
    status = commit.raw.get("status") or {}
    if commit.resource == "workflows":
        steps = ", ".join(_step(one) for one in status.get("steps", ()))
        said = f"{status.get('phase', '')} ({status.get('reason', '')}) {steps}"
    else:
        conditions = [f"{one['type']}/{one.get('reason', '')}" for one in status.get("conditions", ())]
        said = " ".join((status.get("phase", ""), *conditions)).strip()
    same = "" if commit.changed else " (nothing changed)"
    return f"{commit.actor}: {commit.verb} {commit.resource} {commit.name}{same}  {said}".rstrip()


def _step(record: dict[str, object]) -> str:
    undo = record.get("compensation")
    more = f", undo {_step({'name': '', **undo})}" if isinstance(undo, dict) else ""
    return f"{record['name']} {record['state']} {record.get('attempt', 1)}{more}".strip()


def _outcome(history: History) -> str:
    status = history.status
    left = ", gone" if history.left else ""
    rest = f"at rest after {history.seconds:.0f} s, {history.calls} calls"
    return f"{status.get('phase')} ({status.get('reason')}{left}) {rest}"
