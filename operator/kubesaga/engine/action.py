"""Effects that a decision asks for. Every action is replayable: done twice it has the effect of once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubesaga.api.names import Direction
from kubesaga.engine.line import Place


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create the Job of an attempt, or the tombstone that takes its name.

    AlreadyExists with our owner uid is success; with another it is a `Refusal` that is a conflict.
    """

    name: str
    manifest: Mapping[str, Any]
    step: str
    direction: Direction
    attempt: int
    tombstone: bool = False


@dataclass(frozen=True, slots=True)
class StopJob:
    """Make a running Job fail, and keep the object: merge `patch` into it, with its uid as a precondition."""

    name: str
    uid: str
    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete a Job and all it owns (foreground), with its uid as a precondition. Only for `deleteJob` undos."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class ConfirmJob:
    """Read a Job and the Pods labelled with its name live, and pass again with the name in `Observed.confirmed`."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteWorkflow:
    """Delete the Workflow itself (background), with uid and resourceVersion as preconditions: its TTL is over."""

    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class SetFinalizers:
    """Replace the Workflow's finalizers, with its resourceVersion as a precondition, and pass again."""

    resource_version: str
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadNamespace:
    """Read the Workflow's namespace live, and pass again with `Observed.namespace_terminating`."""


@dataclass(frozen=True, slots=True)
class CreateWorkflow:
    """Create a Workflow, and pass again with what came of it in `Observed.resubmission`.

    AlreadyExists with our annotation of this very Workflow is success.
    """

    name: str
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClaimPlace:
    """Stand in the line of a concurrency key, and pass again with the line as it is then in `Observed.place`.

    Whoever is in line already stays where they are.
    """

    key: str
    place: Place
    only_if_free: bool = False
    """Only where that gives a place at once; else read live who holds one."""
    first: bool = False
    """At the head: the place was given before."""


@dataclass(frozen=True, slots=True)
class ReleasePlace:
    """Leave the line of a concurrency key, up to that epoch; the next in line may have the place."""

    key: str
    epoch: int


Action = (
    CreateJob
    | StopJob
    | DeleteJob
    | ConfirmJob
    | DeleteWorkflow
    | SetFinalizers
    | ReadNamespace
    | CreateWorkflow
    | ClaimPlace
    | ReleasePlace
)
