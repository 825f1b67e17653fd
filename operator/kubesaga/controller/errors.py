"""What can go wrong between the controller and a cluster.

ClusterError
├── Unavailable     no answer, 5xx, 429, timeouts: try again later; the effect is unknown
└── Refused         a 4xx answer: final for this request
    ├── NotFound    404
    ├── Conflict    409 for a write bound to a resourceVersion or uid: drop the decision, read again
    └── Exists      409 AlreadyExists for a create
"""


class ClusterError(Exception):
    """An API call that did not succeed."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}" if code else f"{reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


class CannotStart(Exception):  # noqa: N818
    """What the operator needs before its first call is not there; the message says what."""


class Unavailable(ClusterError):  # noqa: N818
    """No answer, or one that says to try again; whether the call took effect is unknown.

    `retry_after_seconds` is what the server asked for, if it did.
    """

    retry_after_seconds: float | None = None


class Refused(ClusterError):  # noqa: N818
    """A final answer: the same call would be refused again."""


class NotFound(Refused):
    """The object does not exist."""


class Conflict(Refused):
    """The object changed since it was read, or is another one of the same name."""


class Exists(Refused):
    """An object of that name exists."""
