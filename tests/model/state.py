"""The states of the model: small tuples, each kind kept once and known by a number."""

from collections.abc import Hashable
from typing import Final, Generic, NamedTuple, TypeVar

OUR_UID: Final = "11111111-2222-3333-4444-555555555555"
TWIN_UID: Final = "99999999-2222-3333-4444-555555555555"

LETTER: Final = {"Forward": "f", "Compensation": "u", "Finally": "l"}
"""A direction in short."""

# What a Job says of itself.
GOES_ON: Final = ""
COMPLETE: Final = "Complete"
FAILED: Final = "Failed"
DEADLINE: Final = "DeadlineExceeded"
DEADLINE_BUT_DONE: Final = "DeadlineExceeded, with a Pod that succeeded"
TOMBSTONE: Final = "tombstone"
DELETING: Final = "being deleted"
GONE: Final = "gone"
"""Kept in the state so that it is known what there once was."""
FOREIGN: Final = "somebody else's"

# How its Pod is.
NO_POD: Final = "no Pod"
RUNS: Final = "runs"
DONE: Final = "Succeeded"
BROKE: Final = "Failed"


class Job(NamedTuple):
    """A Job as the API server has it, with its one Pod. The Pod of a Job that is gone may still run."""

    name: str
    count: int
    """How many Jobs of that name there were before."""
    stopped: bool
    says: str
    pod: str

    @property
    def exists(self) -> bool:
        return self.says != GONE

    @property
    def uid(self) -> str:
        return f"{self.name}.{self.count}"

    @property
    def ours(self) -> bool:
        return self.says != FOREIGN

    @property
    def real(self) -> bool:
        """Whether it is, or was, one that may have an effect."""
        return self.pod != NO_POD


class JobView(NamedTuple):
    """A Job in a cache."""

    name: str
    count: int
    stopped: bool
    says: str


class PodView(NamedTuple):
    """A Pod in a cache."""

    name: str
    count: int
    pod: str


class Act(NamedTuple):
    """An action of a decision, as far as the cluster cares."""

    kind: str
    name: str
    count: int = 0
    """Which Job of that name is meant."""
    step: str = ""
    direction: str = ""
    attempt: int = 0
    key: str = ""
    """The idempotency key that the Job would have."""


CREATE: Final = "create"
TOMB: Final = "create the tombstone"
STOP: Final = "stop"
DELETE: Final = "delete"
CONFIRM: Final = "confirm"
FINALIZE: Final = "set the finalizers"
READ_NAMESPACE: Final = "read the namespace"
RESUBMIT: Final = "create a Workflow"


class Stored(NamedTuple):
    """The Workflow as the API server has it. Its resourceVersion is in the operators: whether they know this one."""

    status: int
    annotations: tuple[tuple[str, str], ...] = ()
    suspend: bool = False
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    gone: bool = False


class Operator(NamedTuple):
    """An operator's memory: its caches, the rest of its pass, and what it waits for."""

    workflow: int
    """The Workflow that it knows."""
    fresh: bool
    """Whether that is the newest version."""
    jobs: tuple[JobView, ...]
    pods: tuple[PodView, ...]
    pending: tuple[Act, ...] = ()
    """Actions of its decision that are still to be done: each is one call, in any order."""
    confirmed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    queued: bool = True
    """Whether a pass is due."""
    timer: bool = False
    """Whether the last decision asks for a pass at a later time."""
    elapsed: bool = False
    """Whether that time has come, and nothing was written since."""
    lazy: bool = False
    """Whether a write was put off."""
    again: bool = False
    """Whether an action of the pass in progress found something out."""
    namespace_read: bool = False
    resubmitted: bool = False
    left: int = -1
    """How many passes it may still make; -1: any number."""


class Rest(NamedTuple):
    """What else there is to know: what may still befall the run, and what was kept of its past."""

    deletions: int = 0
    lost_answers: int = 0
    journeys: int = 0
    requests: int = 0
    late: bool = False
    """Whether the deadline has passed."""
    past: tuple[int, int] = (-1, -1)
    """Workflow and Jobs as they once were, for a list from the past."""


World = tuple[int, ...]
"""Numbers of the Workflow, the Jobs, the rest, and each operator."""

Move = tuple[str, ...]
"""Who does what, to what."""

H = TypeVar("H", bound=Hashable)


class Numbered(Generic[H]):
    """Values, each known by the number in which it came first."""

    def __init__(self) -> None:
        self._numbers: dict[H, int] = {}
        self._values: list[H] = []

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, number: int) -> H:
        return self._values[number]

    def of(self, value: H) -> int:
        """The number of a value."""
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            self._values.append(value)
        return number
