"""What must hold of every call that makes, stops or deletes something."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from kubesaga.api.names import Direction, idempotency_key
from kubesaga.api.status import CompensationStatus, Execution, StepState, StepStatus
from model.cluster import living
from model.promised import COMPENSATION, FALLBACK, FINALLY, FORWARD, Effect, Found, Promised, assumed, executions, told
from model.state import CREATE, DELETE, DONE, OUR_UID, RESUBMIT, STOP, TOMB, Job


def one_job_per_attempt(p: Promised, e: Effect) -> Found:
    """Rules 1 and 3. The residue: a Job that somebody deleted before its uid was recorded may run once more."""
    if not _creates(p, e):
        return None
    if not any(job.name == e.act.name and job.real for job in e.jobs):
        return None
    return f"a second Job {p.label(e.act.name)} is created"


def the_status_is_written_first(p: Promised, e: Effect) -> Found:
    """Rule 2: a Job is created for an attempt that the stored status has decided, and has not ended."""
    if not _creates(p, e):
        return None
    record = executions(e.status).get((e.act.step, e.act.direction))
    if record is None or (record.attempt, record.epoch) != (e.act.attempt, e.act.count):
        return f"the Job {p.label(e.act.name)} is created, and the status says {_in_short(record)}"
    if not record.state.in_flight:
        return f"the Job {p.label(e.act.name)} is created, and its attempt is {record.state}"
    return None


def no_forward_job_after_the_first_undo(p: Promised, e: Effect) -> Found:
    """Rules 2 and 4: none once the rollback is quiesced; with one leader, none after any end."""
    if not _creates(p, e) or e.act.direction != FORWARD:
        return None
    if e.status.rollback is not None and e.status.rollback.quiesced_time is not None:
        return f"the Job {p.label(e.act.name)} is created, and the rollback is quiesced"
    ended = e.status.failure or e.status.rollback or e.status.cancel_time or e.status.stop_time
    if ended and p.alone:
        return f"the Job {p.label(e.act.name)} is created, and an end is recorded"
    return None


def two_pods_of_a_step_never_overlap(p: Promised, e: Effect) -> Found:
    """Rule 5."""
    if not _creates(p, e):
        return None
    for meaning, job in p.running(e.jobs, e.status):
        if meaning.step == e.act.step:
            return f"the Job {p.label(e.act.name)} is created while {told(p, job)}"
    return None


def an_undo_runs_after_those_before_it(p: Promised, e: Effect) -> Found:
    """Rule 6, in truth: no forward Pod runs, and no undo that comes before it."""
    if not _creates(p, e) or e.act.direction != COMPENSATION:
        return None
    for meaning, job in p.running(e.jobs, e.status):
        if meaning.direction == FORWARD or meaning.step in p.after(e.act.step):
            return f"the undo Job {p.label(e.act.name)} is created while {told(p, job)}"
    return None


def a_finally_step_runs_after_all_else(p: Promised, e: Effect) -> Found:
    """In truth: no Pod of a step or of an undo runs then, and with one leader no Job of either is made any more."""
    if not _creates(p, e):
        return None
    if e.act.direction != FINALLY:
        late = e.status.finally_ is not None and p.alone
        return f"the Job {p.label(e.act.name)} is created, and the finally steps have begun" if late else None
    for meaning, job in p.running(e.jobs, e.status):
        if meaning.direction != FINALLY:
            return f"the finally Job {p.label(e.act.name)} is created while {told(p, job)}"
    return None


def the_key_changes_only_after_an_undo(p: Promised, e: Effect) -> Found:
    """Section 4: stable over attempts, epochs and operators, new only after the step was undone."""
    if not _creates(p, e) or e.act.step in p.by_deletion:
        return None
    record = executions(e.status).get((e.act.step, e.act.direction))
    way = record.way if isinstance(record, StepStatus | CompensationStatus) else Direction.FORWARD
    earlier = _undone_before(p, e, way)
    incarnation = e.act.count if e.act.direction == FINALLY else 1 + earlier  # Each epoch has an end of its own.
    direction = way if e.act.direction == FORWARD else Direction(e.act.direction)
    expected = idempotency_key(OUR_UID, e.act.step, direction, incarnation, way=_undoes(e, way))
    if e.act.key != expected:
        return f"the Job {p.label(e.act.name)} has another idempotency key than after {earlier} undos"
    return None


def _undoes(e: Effect, way: Direction) -> Direction:
    return way if e.act.direction == COMPENSATION else Direction.FORWARD


def _undone_before(p: Promised, e: Effect, way: Direction) -> int:
    """How often that way of the step was undone. In one epoch the fallback is undone first, then the own way."""
    undone = [job for job in p.jobs_of(e.act.step, COMPENSATION, e.jobs) if job.exists and job.pod == DONE]
    if e.act.step not in p.fallbacks:
        return len(undone)
    if not p.declares_undo(e.act.step, way.value):
        return 0
    epochs = Counter(p.epoch(job) for job in undone)
    both = p.declares_undo(e.act.step, FORWARD) and p.declares_undo(e.act.step, FALLBACK)
    least = 2 if both and way is Direction.FALLBACK else 1
    return sum(count >= least for epoch, count in epochs.items() if epoch < e.act.count)


def a_job_is_never_deleted_to_stop_it(p: Promised, e: Effect) -> Found:
    """Rule 2. The exception is an undo by deletion, whose step is settled then."""
    if e.act.kind != DELETE:
        return None
    meaning = p.meaning(Job(e.act.name, 0, False, "", ""))
    if meaning is None or meaning.step not in p.by_deletion or meaning.direction != FORWARD:
        return f"the Job {p.label(e.act.name)} is deleted, and no undo says so"
    undo = executions(e.status).get((meaning.step, COMPENSATION))
    if undo is None:
        return f"the Job {p.label(e.act.name)} is deleted, and its undo is not decided"
    job = living(e.jobs, e.act.name)
    if job is not None and any(job is one for _, one in p.running(e.jobs, e.status)):
        return f"the Job {p.label(e.act.name)} is deleted while its Pod runs"
    return None


def only_what_has_to_end_is_stopped(p: Promised, e: Effect) -> Found:
    """A forward Job is stopped after an end is recorded, an undo by terminate only; others on an assumption."""
    if e.act.kind != STOP:
        return None
    meaning = p.meaning(Job(e.act.name, 0, False, "", ""))
    if meaning is None:
        return f"{e.act.name} is stopped, and is none of ours"
    if assumed(e.status, meaning.step) or e.status.terminate_time is not None:
        return None
    if meaning.direction != FORWARD:
        return f"the {meaning.direction} {p.label(e.act.name)} is stopped, and nobody has terminated"
    if e.status.failure is None:
        return f"{p.label(e.act.name)} is stopped, and no end is recorded"
    return None


def a_tombstone_closes_what_ended(p: Promised, e: Effect) -> Found:
    """Rule 2: a name is taken where nothing starts any more, or where an undo deleted the Job."""
    if not _makes(e, TOMB):
        return None
    undo = executions(e.status).get((e.act.step, COMPENSATION))
    if e.act.step in p.by_deletion and undo is not None:
        return None
    if e.act.direction == FINALLY:
        early = e.status.terminate_time is None
        return f"the name {p.label(e.act.name)} is taken, and nobody has terminated" if early else None
    failed = any(r.state in (StepState.FAILED, StepState.CANCELLED) for r in e.status.steps)
    if e.status.failure is None and e.status.stop_time is None and not failed:
        return f"the name {p.label(e.act.name)} is taken, and nothing has ended"
    return None


def the_operator_does_only_what_it_may(p: Promised, e: Effect) -> Found:
    """Rule 8: finalizers under RollbackUnfinished only, a Workflow on the request resubmit only."""
    if e.act.kind == RESUBMIT and not any(one.verb == "resubmit" for one in e.status.handled_requests):
        return "a Workflow is created that nobody asked for"
    held = p.configuration.spec.get("deletionPolicy") == "RollbackUnfinished"
    if e.act.kind == "set the finalizers":
        if not held:
            return "a finalizer is set that the spec does not ask for"
        if not e.act.name and p.to_undo(e.status) and e.status.failure is not None and not e.status.ended:
            return "the finalizer is taken away, and the rollback has not ended"
    return None


def nothing_is_done_for_a_workflow_that_has_ended(p: Promised, e: Effect) -> Found:
    """Rule 10, with one leader: no call for the Jobs of a Workflow that has ended."""
    if e.status.ended and e.act.kind in (CREATE, TOMB, STOP, DELETE) and p.alone:
        return f"{e.act.kind} {p.label(e.act.name)}, and the Workflow has {e.status.phase}"
    return None


def _creates(p: Promised, e: Effect) -> bool:
    """Whether the call makes a Job that may have an effect, and is not the residue."""
    return _makes(e, CREATE) and not p.is_residue(e)


def _makes(e: Effect, kind: str) -> bool:
    """Whether the call makes a Job: its name is free, and its Workflow is there."""
    return e.act.kind == kind and living(e.jobs, e.act.name) is None and not e.stored.gone


def _in_short(record: Execution | None) -> str:
    return f"{record.state}, attempt {record.attempt} of epoch {record.epoch}" if record else "nothing of it"


EFFECTS: Final[tuple[Callable[[Promised, Effect], Found], ...]] = (
    one_job_per_attempt,
    the_status_is_written_first,
    no_forward_job_after_the_first_undo,
    two_pods_of_a_step_never_overlap,
    an_undo_runs_after_those_before_it,
    a_finally_step_runs_after_all_else,
    the_key_changes_only_after_an_undo,
    a_job_is_never_deleted_to_stop_it,
    only_what_has_to_end_is_stopped,
    a_tombstone_closes_what_ended,
    the_operator_does_only_what_it_may,
    nothing_is_done_for_a_workflow_that_has_ended,
)
