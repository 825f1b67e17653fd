"""Exit codes: what a script can tell of an outcome."""

from enum import IntEnum
from typing import Final

from kubesaga.api.status import Phase


class ExitCode(IntEnum):
    """What `run`, `simulate` and `wait` end with."""

    SUCCEEDED = 0
    FAILED = 1
    """Failed or Cancelled: nothing was, or had to be, undone."""
    REFUSED = 2
    """The input was refused; every error was printed."""
    ROLLED_BACK = 3
    NOT_ROLLED_BACK = 4
    """PartiallyRolledBack, RollbackFailed or RollbackBlocked: something is left. Suspended: a person decides."""
    INTERRUPTED = 130
    """Stopped before the end; the run can be resumed."""


_OF_PHASE: Final = {
    Phase.SUCCEEDED: ExitCode.SUCCEEDED,
    Phase.FAILED: ExitCode.FAILED,
    Phase.CANCELLED: ExitCode.FAILED,
    Phase.ROLLED_BACK: ExitCode.ROLLED_BACK,
    Phase.PARTIALLY_ROLLED_BACK: ExitCode.NOT_ROLLED_BACK,
    Phase.ROLLBACK_FAILED: ExitCode.NOT_ROLLED_BACK,
    Phase.ROLLBACK_BLOCKED: ExitCode.NOT_ROLLED_BACK,
    Phase.SUSPENDED: ExitCode.NOT_ROLLED_BACK,
}


def exit_code(phase: Phase | str | None) -> ExitCode:
    """The code for a phase that a Workflow rests in."""
    return _OF_PHASE.get(Phase(phase), ExitCode.FAILED) if phase else ExitCode.FAILED
