"""The reference Workflows: six ways to run and to end, on the fake node, with the person whom some of them need."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster.manifests import fake, fake_workflow

Raw = dict[str, Any]
LONG_MS = 600_000
_RETRY_SOON = {"backoffSeconds": 1}


@dataclass(frozen=True)
class Asked:
    """What a person asks for, and what has to be so before."""

    verb: str
    when: Callable[[Raw], bool]

    def is_due(self, raw: Raw) -> bool:
        """Whether the time has come, and nobody has asked yet."""
        annotations = raw["metadata"].get("annotations") or {}
        return f"kubesaga.dev/{self.verb}" not in annotations and self.when(raw.get("status") or {})


@dataclass(frozen=True)
class Reference:
    """One Workflow, its end, and each Job that it has on the way there."""

    name: str
    steps: Sequence[Raw]
    phase: str
    jobs: Sequence[str]
    asked: Asked | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def manifest(self, name: str) -> Raw:
        """A Workflow like this."""
        return fake_workflow(name, [*self.steps], **self.spec)

    def has_ended(self, raw: Raw) -> bool:
        """Whether it is where it ends."""
        return (raw.get("status") or {}).get("phase") == self.phase


def _phase(phase: str) -> Callable[[Raw], bool]:
    return lambda status: status.get("phase") == phase


def _runs(step: str) -> Callable[[Raw], bool]:
    def runs(status: Raw) -> bool:
        return any(one["name"] == step and one["state"] == "Running" for one in status.get("steps", ()))

    return runs


def _blocked_first() -> Raw:
    """A step whose undo fails at its first attempt, and has no other."""
    undo = {"container": fake("b", failures=1)["container"], "retry": {"limit": 0}}
    return {**fake("b", "a"), "compensate": undo}


REFERENCES = (
    Reference(
        "diamond",
        (fake("a"), fake("b", "a", undo=True), fake("c", "a"), fake("d", "b", "c")),
        "Succeeded",
        ("a-f1", "b-f1", "c-f1", "d-f1"),
    ),
    Reference(
        "retried",
        (fake("a"), {**fake("b", "a", failures=2), "retry": {"limit": 2, **_RETRY_SOON}}, fake("c", "b")),
        "Succeeded",
        ("a-f1", "b-f1", "b-f2", "b-f3", "c-f1"),
    ),
    Reference(
        "rolled-back",
        (fake("a", undo=True), fake("b", "a", undo=True), fake("c", "b", fail=True)),
        "RolledBack",
        ("a-c1", "a-f1", "b-c1", "b-f1", "c-f1"),
    ),
    Reference(
        "blocked",
        (fake("a", undo=True), _blocked_first(), fake("c", "b", fail=True)),
        "RolledBack",
        ("a-c1", "a-f1", "b-c1", "b-c2", "b-f1", "c-f1"),
        Asked("retry-compensation", _phase("RollbackBlocked")),
    ),
    Reference(
        "next-epoch",
        (fake("a"), fake("b", "a", failures=1), fake("c", "b")),
        "Succeeded",
        ("a-f1", "b-f1", "b-f2", "c-f1"),
        Asked("retry", _phase("Failed")),
    ),
    Reference(
        "cancelled",
        (fake("a", undo=True), fake("b", "a", undo=True, delay_ms=LONG_MS), fake("c", "b")),
        "RolledBack",
        ("a-c1", "a-f1", "b-c1", "b-f1"),
        Asked("cancel", _runs("b")),
    ),
)


def digest(raw: Raw) -> Raw:
    """What a Workflow says in the end, without times, uids and counts of writes."""
    status = raw["status"]
    return {
        **{key: status.get(key) for key in ("phase", "reason", "epoch", "rollbackProgress", "progress")},
        "failure": (status.get("failure") or {}).get("step"),
        "steps": {step["name"]: _execution(step) for step in status["steps"]},
        "conditions": {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]},
        "requests": [(one["verb"], one["token"], one["accepted"]) for one in status.get("handledRequests", ())],
    }


def job_kind(name: str) -> str:
    """What a Job is for: its name without the digest, such as a-f1."""
    return name.rpartition("-")[0]


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Where two digests differ, in words."""
    return [
        f"{key} is {found.get(key)}, not {wanted.get(key)}"
        for key in sorted(wanted | found)
        if found.get(key) != wanted.get(key)
    ]


def doubled_and_lost(created: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The kinds of Jobs that were created more often, or less often, than they should."""
    found, right = Counter(map(job_kind, created)), Counter(wanted)
    doubled = [f"doubled {name}" for name in (found - right).elements()]
    return doubled + [f"lost {name}" for name in (right - found).elements()]


def _execution(record: Raw) -> Raw:
    fields: Raw = {key: record.get(key) for key in ("state", "attempt", "reason")}
    undo = record.get("compensation")
    return fields | ({"undo": _execution(undo)} if undo else {})
