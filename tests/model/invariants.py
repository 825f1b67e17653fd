"""What must hold, each rule as one function that gives what breaks it, in words.

`WRITES` look at a status write, `EFFECTS` at one call that makes, stops or deletes a Job, `STATES` at a whole world.
They say what is promised, in their own terms: they read the spec and the truth, never what the engine thinks of it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kubesaga.api.names import Direction, idempotency_key
from kubesaga.api.status import CompensationStatus, Execution, StepState, StepStatus, WorkflowStatus
from model.brain import Brain
from model.cluster import Jobs, living, runs
from model.configuration import Configuration
from model.state import (
    BROKE,
    COMPLETE,
    CREATE,
    DELETE,
    DONE,
    FOREIGN,
    GONE,
    OUR_UID,
    RESUBMIT,
    STOP,
    TOMB,
    TOMBSTONE,
    Act,
    Job,
    Stored,
)

FORWARD, COMPENSATION = Direction.FORWARD.value, Direction.COMPENSATION.value
_STARTS: Final = StepState.STARTING
_DONE: Final = (StepState.SUCCEEDED, StepState.SKIPPED)


@dataclass(frozen=True)
class Written:
    """A status write that the API server accepted."""

    before: WorkflowStatus
    after: WorkflowStatus
    jobs: Jobs
    stored: Stored


@dataclass(frozen=True)
class Effect:
    """A call that an operator makes, and what there was just before it."""

    act: Act
    status: WorkflowStatus
    jobs: Jobs
    stored: Stored


class Promised:
    """The spec as the invariants read it, and what the Jobs' names mean."""

    def __init__(self, configuration: Configuration, brain: Brain) -> None:
        self.configuration = configuration
        self._brain = brain
        self.steps: dict[str, Mapping[str, Any]] = {step["name"]: step for step in configuration.spec["steps"]}
        self.before = {name: frozenset(step["dependsOn"]) for name, step in self.steps.items()}
        self.undone = {name for name, step in self.steps.items() if "compensate" in step}
        self.by_deletion = {n for n in self.undone if "deleteJob" in self.steps[n]["compensate"]}
        self.pivots = {n for n, step in self.steps.items() if step.get("boundary") == "Pivot"}

    @property
    def alone(self) -> bool:
        """Whether nobody acts on a decision from the past: no second leader, none that begins with an old list."""
        return self.configuration.operators == 1 and not self.configuration.journeys

    def after(self, step: str) -> frozenset[str]:
        """Every step that depends on a step, directly or not."""
        found = {name for name, before in self.before.items() if step in before}
        return frozenset(found.union(*(self.after(name) for name in found)))

    def ancestors(self, step: str) -> frozenset[str]:
        return self.before[step].union(*(self.ancestors(name) for name in self.before[step]))

    def kept(self, status: WorkflowStatus) -> set[str]:
        """What a savepoint keeps."""
        saved = {
            r.name for r in status.steps if r.state in _DONE and self.steps[r.name].get("boundary") == "Savepoint"
        }
        return saved.union(*(self.ancestors(name) for name in saved))

    def to_undo(self, status: WorkflowStatus) -> set[str]:
        """Every step that has to be undone."""
        return {r.name for r in status.steps if self._needs_undo(r)} - self.kept(status)

    def _needs_undo(self, record: StepStatus) -> bool:
        if record.name not in self.undone or not record.attempted:
            return False
        when = self.steps[record.name]["compensate"].get("when", "Attempted")
        return when == "Attempted" or record.state is StepState.SUCCEEDED

    def limit(self, step: str, direction: str) -> int:
        """How many retries there are."""
        written = self.steps[step] if direction == FORWARD else self.steps[step]["compensate"]
        return int((written.get("retry") or {}).get("limit", 0 if direction == FORWARD else 5))

    def job_of(self, step: str, direction: str, record: Execution, jobs: Jobs) -> list[Job]:
        """Every Job that the attempt of a record ever had, the last one last."""
        found = []
        for job in jobs:
            meaning = self._brain.names.get(job.name)
            if meaning and (meaning.step, meaning.direction, meaning.attempt) == (step, direction, record.attempt):
                if meaning.key == _label(meaning, record.epoch):
                    found.append(job)
        return found

    def jobs_of(self, step: str, direction: str | None, jobs: Jobs) -> list[Job]:
        """Every Job of a step."""
        meanings = ((self._brain.names.get(job.name), job) for job in jobs)
        return [j for m, j in meanings if m and m.step == step and direction in (None, m.direction)]

    def is_residue(self, e: "Effect") -> bool:
        """Whether it is the residue of rules 1 and 3: the second Job of a name whose first somebody deleted.

        One leader creates it only while no uid of the first is recorded. One that was paused, or read an old list,
        may do so later; so, with two leaders, may it where an undo deletes the Job: the tombstone that is to take the
        name then finds it, and it is deleted again.
        """
        if not any(job.name == e.act.name and job.real for job in e.jobs):
            return False
        if not self.alone:
            return bool(self.configuration.deletions) or e.act.step in self.by_deletion
        record = _executions(e.status).get((e.act.step, e.act.direction))
        unknown = record is not None and record.job_uid is None and record.state is _STARTS
        return bool(self.configuration.deletions) and unknown

    def running(self, jobs: Jobs, status: WorkflowStatus) -> Iterator[tuple[Act, Job]]:
        """Every Pod of ours that runs, and for what; not those that a person takes for ended, and not the residue.

        The residue of rule 3: a Job that somebody deleted before its uid was recorded leaves a Pod that nobody knows.
        """
        records = _executions(status)
        for job in jobs:
            meaning = self.meaning(job)
            if meaning is None or not runs(job) or _assumed(status, meaning.step):
                continue
            record = records.get((meaning.step, meaning.direction))
            known = record is not None and record.job_uid == job.uid
            if job.exists or known or not self.configuration.deletions:
                yield meaning, job

    def meaning(self, job: Job) -> Act | None:
        """What a Job is for."""
        return self._brain.names.get(job.name)

    def label(self, name: str) -> str:
        return self._brain.label(name)


def _label(meaning: Act, epoch: int) -> str:
    short = f"{meaning.step}-{'u' if meaning.direction == COMPENSATION else 'f'}{meaning.attempt}"
    return f"{short}e{epoch}" if epoch > 1 else short


Found = str | None
"""What breaks a rule, in words; None or nothing where it holds."""


# Status writes


def states_move_along_the_table(p: Promised, w: Written) -> Found:
    """Rule 7. The table as the design has it; a new epoch takes what was undone for pending."""
    asked = _accepted(w)
    reopened = w.after.epoch > w.before.epoch
    after = _executions(w.after)
    for key, before in _executions(w.before).items():
        now = after.get(key)
        if now is None:
            if not reopened:
                return f"the record of {key} is gone"
        elif not reopened and not _may_move(before.state, now.state, asked):
            return f"{key}: {before.state} -> {now.state}"
    fresh = [key for key in after if key not in _executions(w.before)]
    for key in fresh:
        if after[key].state is not _STARTS and not (after[key].state is StepState.SKIPPED and "skip-step" in asked):
            return f"{key} begins as {after[key].state}"
    return None


_MOVES: Final[Mapping[StepState, frozenset[StepState]]] = {
    StepState.STARTING: frozenset(
        {StepState.RUNNING, StepState.SUCCEEDED, StepState.RETRYING, StepState.FAILED, StepState.CANCELLED}
    ),
    StepState.RUNNING: frozenset(
        {StepState.SUCCEEDED, StepState.RETRYING, StepState.FAILED, StepState.CANCELLED}
    ),
    StepState.RETRYING: frozenset({StepState.STARTING, StepState.FAILED}),
}


_ASKED: Final[Mapping[str, frozenset[str]]] = {
    "Retrying": frozenset({"retry", "retry-step", "resume", "skip-step", "retry-compensation"}),
    "Skipped": frozenset({"skip-step", "skip-compensation"}),
}
"""Requests by which what has failed moves there."""


def _may_move(before: StepState, after: StepState, asked: set[str]) -> bool:
    """Whether one pass may lead from one state to another, in several moves perhaps."""
    open_, seen = [before], {before}
    while open_:
        state = open_.pop()
        onward = set(_MOVES.get(state, ()))
        if state in (StepState.FAILED, StepState.CANCELLED, StepState.RETRYING):
            onward |= {StepState(name) for name, verbs in _ASKED.items() if verbs & asked}
        open_ += onward - seen
        seen |= onward
    return after in seen


def a_terminal_phase_changes_on_request_only(p: Promised, w: Written) -> Found:
    """Rules 7 and 10: nothing is written on a Workflow that has ended, but the answer to a request."""
    if not w.before.ended:
        return None
    if not _answers(w) and w.before.resubmission == w.after.resubmission:
        return f"the Workflow has {w.before.phase}, and is written without a request"
    changed = (w.before.phase, w.before.steps) != (w.after.phase, w.after.steps)
    if changed and not (_accepted(w) & {"rollback", "retry", "skip-step"} and w.after.epoch > w.before.epoch):
        return f"{w.before.phase} became {w.after.phase} without a request for it"
    return None


def the_first_cause_is_kept(p: Promised, w: Written) -> Found:
    """A failure is recorded once; only a request that goes on puts it aside."""
    if w.before.failure is None or w.before.failure == w.after.failure:
        return None
    if _accepted(w) & {"retry", "resume", "retry-step", "skip-step"}:
        return None
    return f"the cause {w.before.failure.reason} was overwritten"


def a_rollback_is_never_withdrawn(p: Promised, w: Written) -> Found:
    """Section 6: latched. So is its quiescence."""
    if w.before.rollback is None or w.after.epoch > w.before.epoch:
        return None
    if w.after.rollback is None:
        return "the rollback was withdrawn"
    if w.before.rollback.quiesced_time and not w.after.rollback.quiesced_time:
        return "the rollback is not quiesced any more"
    return None


def a_step_is_decided_after_all_it_depends_on(p: Promised, w: Written) -> Found:
    """Rule 4: every step that it depends on has succeeded, in truth, or was skipped by a person."""
    for name, record in _begun(w, FORWARD):
        for before in p.before[name]:
            state = next((r.state for r in w.after.steps if r.name == before), None)
            if state not in _DONE:
                return f"step {name} (attempt {record.attempt}) is decided, and {before} is {state}"
            if state is StepState.SUCCEEDED and not any(j.pod == DONE for j in p.jobs_of(before, FORWARD, w.jobs)):
                return f"step {name} is decided, and no Pod of {before} has succeeded"
    return None


def nothing_forward_is_decided_after_an_end(p: Promised, w: Written) -> Found:
    """Rule 4: not once a failure, a rollback, a cancel or a stop is recorded, nor while it is suspended."""
    for name, _ in _begun(w, FORWARD):
        s = w.after
        for what, there in (
            ("failure", s.failure),
            ("rollback", s.rollback),
            ("cancel", s.cancel_time),
            ("stop", s.stop_time),
            ("terminate", s.terminate_time),
            ("suspend request", s.suspend_request_time),
        ):
            if there is not None:
                return f"step {name} is decided, and a {what} is recorded"
        failed = [r.name for r in s.steps if r.state in (StepState.FAILED, StepState.CANCELLED)]
        if failed and not any(r.name in p.pivots and r.state in _DONE for r in s.steps):
            return f"step {name} is decided, and {failed[0]} has failed"
    return None


def attempts_keep_to_their_limit(p: Promised, w: Written) -> Found:
    """One attempt follows another by one, and no more than the retries allow since a person renewed them."""
    before = _executions(w.before)
    for direction in (FORWARD, COMPENSATION):
        for name, record in _begun(w, direction):
            old = before.get((name, direction))
            reopened = w.after.epoch > w.before.epoch and (old is None or old.epoch < record.epoch)
            if record.attempt != (1 if old is None or reopened else old.attempt + 1):
                return f"{direction} of {name}: attempt {record.attempt} after {old.attempt if old else 'none'}"
            if record.attempt - record.retries_from > p.limit(name, direction):
                return f"{direction} of {name}: attempt {record.attempt} is one too many"
    return None


def the_next_attempt_is_decided_when_the_last_is_settled(p: Promised, w: Written) -> Found:
    """Rule 5, in truth: no Pod of the step runs when an attempt, or an undo, is decided."""
    for direction in (FORWARD, COMPENSATION):
        for name, record in _begun(w, direction):
            for meaning, job in p.running(w.jobs, w.before):
                if meaning.step == name and job not in p.job_of(name, direction, record, w.jobs):
                    return f"{direction} of {name}, attempt {record.attempt}, is decided while {_told(p, job)}"
    return None


def a_rollback_quiesces_when_nothing_forward_runs(p: Promised, w: Written) -> Found:
    """Rule 2 and section 6: no forward Pod runs, and no intent is left whose name is free."""
    if not _newly_quiesced(w):
        return None
    for meaning, job in p.running(w.jobs, w.after):
        if meaning.direction == FORWARD:
            return f"the rollback is quiesced while {_told(p, job)}"
    for record in w.after.steps:
        if not record.state.terminal:
            return f"the rollback is quiesced, and {record.name} is {record.state}"
        taken = p.job_of(record.name, FORWARD, record, w.jobs)
        if not taken and record.reason not in ("CreateRejected", "NameConflict") and record.state not in _DONE:
            return f"the rollback is quiesced, and the name of {record.name} attempt {record.attempt} is free"
    return None


def an_undo_is_decided_after_those_before_it(p: Promised, w: Written) -> Found:
    """Rule 6: what the reversed graph puts before it is undone, was skipped by a person, or failed under Continue."""
    goes_on = (p.configuration.spec.get("rollback") or {}).get("onCompensationFailure") == "Continue"
    enough = (*_DONE, StepState.FAILED) if goes_on else _DONE
    wanted = p.to_undo(w.after)
    for name, record in _begun(w, COMPENSATION):
        if w.after.rollback is None or w.after.rollback.quiesced_time is None:
            return f"the undo of {name} is decided, and the rollback is not quiesced"
        if name not in wanted:
            return f"the undo of {name} is decided, and it is not to be undone"
        for later in p.after(name) & wanted:
            undo = _executions(w.after).get((later, COMPENSATION))
            if undo is None or undo.state not in enough:
                return f"the undo of {name} (attempt {record.attempt}) is decided before that of {later} is over"
    return None


def success_is_a_fact(p: Promised, w: Written) -> Found:
    """Rule 12: what a Pod did is recorded, whatever was seen first; and nothing else is recorded as success."""
    for key, now in _executions(w.after).items():
        name, direction = key
        old = _executions(w.before).get(key)
        if old is not None and (old.state, old.attempt) == (now.state, now.attempt):
            continue
        if direction == COMPENSATION and name in p.by_deletion:
            continue
        ever = p.job_of(name, direction, now, w.jobs)
        if now.state is StepState.SUCCEEDED and not any(job.pod == DONE for job in ever):
            return f"{direction} of {name} is recorded as a success, and no Pod of it has succeeded"
        ended = now.state in (StepState.FAILED, StepState.CANCELLED, StepState.RETRYING)
        if not ended or now.assumed_stopped or (old is not None and not old.state.in_flight):
            continue
        if any(job.exists and job.pod == DONE for job in ever):
            return f"{direction} of {name} is recorded as {now.state}, and its Pod has succeeded"
    return None


def a_failure_is_a_fact(p: Promised, w: Written) -> Found:
    """What is recorded as failed has a Job that ended, was deleted by somebody, or never was."""
    for key, now in _executions(w.after).items():
        name, direction = key
        old = _executions(w.before).get(key)
        if old is None or not old.state.in_flight or now.attempt != old.attempt or now.assumed_stopped:
            continue
        if now.state not in (StepState.FAILED, StepState.CANCELLED, StepState.RETRYING):
            continue
        job = next((j for j in p.job_of(name, direction, now, w.jobs) if j.exists), None)
        if job is not None and job.says == "" and now.reason != "Lost":
            return f"{direction} of {name} is recorded as {now.state} ({now.reason}), and {_told(p, job)}"
        if now.reason == "Lost" and not any(j.says == GONE for j in p.job_of(name, direction, now, w.jobs)):
            return f"{direction} of {name} is recorded as Lost, and nobody has deleted its Job"
        if now.reason == "NameConflict" and not any(j.says == FOREIGN for j in w.jobs if p.meaning(j)):
            return f"{direction} of {name} is recorded as NameConflict, and nobody else has the name"
    return None


def an_end_is_the_truth(p: Promised, w: Written) -> Found:
    """Section 5: the phase at the end says what is left."""
    status = w.after
    if not status.ended or w.before.ended:
        return None
    for _, job in p.running(w.jobs, w.before):
        return f"the Workflow has {status.phase} while {_told(p, job)}"
    states = {r.name: r.state for r in status.steps}
    if status.phase == "Succeeded" and any(states.get(name) not in _DONE for name in p.steps):
        return f"the Workflow has Succeeded, and its steps are {states}"
    if status.phase == "RolledBack":
        for name in p.to_undo(status):
            undo = _executions(status).get((name, COMPENSATION))
            if undo is None or undo.state is not StepState.SUCCEEDED:
                return f"the Workflow has RolledBack, and {name} is not undone"
    gave_up = status.terminate_time or status.stop_time or p.configuration.spec.get("onFailure") == "Stop"
    if status.phase in ("Failed", "Cancelled") and not gave_up and (left := p.to_undo(status)):
        return f"the Workflow has {status.phase}, and {sorted(left)} is to be undone"
    return None


def an_answer_is_given_once(p: Promised, w: Written) -> Found:
    """Section 6: only what is asked is answered, and an answer stays what it was."""
    asked = dict(w.stored.annotations)
    before = {(one.verb, one.token): one for one in w.before.handled_requests}
    for one in w.after.handled_requests:
        if (one.verb, one.token) not in before and asked.get(one.verb) != one.token:
            return f"{one.verb} {one.token} is answered, and the Workflow asks for {asked.get(one.verb)}"
        if (old := before.get((one.verb, one.token))) and old.accepted != one.accepted:
            return f"{one.verb} {one.token} has two answers"
    return None


# Effects


def one_job_per_attempt(p: Promised, e: Effect) -> Found:
    """Rules 1 and 3. The residue: a Job that somebody deleted before its uid was recorded may run once more."""
    if not _makes(e, CREATE):
        return None
    if not any(job.name == e.act.name and job.real for job in e.jobs) or p.is_residue(e):
        return None
    return f"a second Job {p.label(e.act.name)} is created"


def the_status_is_written_first(p: Promised, e: Effect) -> Found:
    """Rule 2: a Job is created for an attempt that the stored status has decided, and has not ended."""
    if not _makes(e, CREATE) or p.is_residue(e):
        return None
    record = _executions(e.status).get((e.act.step, e.act.direction))
    if record is None or (record.attempt, record.epoch) != (e.act.attempt, e.act.count):
        return f"the Job {p.label(e.act.name)} is created, and the status says {_in_short(record)}"
    if not record.state.in_flight:
        return f"the Job {p.label(e.act.name)} is created, and its attempt is {record.state}"
    return None


def no_forward_job_after_the_first_undo(p: Promised, e: Effect) -> Found:
    """Rules 2 and 4: none once the rollback is quiesced, whoever believes to lead; none after an end with one leader."""
    if not _makes(e, CREATE) or e.act.direction != FORWARD or p.is_residue(e):
        return None
    if e.status.rollback is not None and e.status.rollback.quiesced_time is not None:
        return f"the Job {p.label(e.act.name)} is created, and the rollback is quiesced"
    if any(m.direction == COMPENSATION for job in e.jobs if job.real and (m := p.meaning(job))):
        if e.status.rollback is not None:
            return f"the Job {p.label(e.act.name)} is created after an undo"
    ended = e.status.failure or e.status.rollback or e.status.cancel_time or e.status.stop_time
    if ended and p.alone:
        return f"the Job {p.label(e.act.name)} is created, and an end is recorded"
    return None


def two_pods_of_a_step_never_overlap(p: Promised, e: Effect) -> Found:
    """Rule 5."""
    if not _makes(e, CREATE):
        return None
    for meaning, job in p.running(e.jobs, e.status):
        if meaning.step == e.act.step and not (p.is_residue(e) and job.name == e.act.name):
            return f"the Job {p.label(e.act.name)} is created while {_told(p, job)}"
    return None


def an_undo_runs_after_those_before_it(p: Promised, e: Effect) -> Found:
    """Rule 6, in truth: no forward Pod runs, and no undo that comes before it."""
    if not _makes(e, CREATE) or e.act.direction != COMPENSATION:
        return None
    for meaning, job in p.running(e.jobs, e.status):
        if meaning.direction == FORWARD or meaning.step in p.after(e.act.step):
            return f"the undo Job {p.label(e.act.name)} is created while {_told(p, job)}"
    return None


def the_key_changes_only_after_an_undo(p: Promised, e: Effect) -> Found:
    """Section 4: stable over attempts, epochs and operators, new only after the step was undone."""
    if not _makes(e, CREATE) or e.act.step in p.by_deletion:
        return None
    undone = [job for job in p.jobs_of(e.act.step, COMPENSATION, e.jobs) if job.exists and job.pod == DONE]
    earlier = len(undone)
    expected = idempotency_key(OUR_UID, e.act.step, Direction(e.act.direction), 1 + earlier)
    if e.act.key != expected:
        return f"the Job {p.label(e.act.name)} has another idempotency key than after {earlier} undos"
    return None


def a_job_is_never_deleted_to_stop_it(p: Promised, e: Effect) -> Found:
    """Rule 2. The exception is an undo by deletion, whose step is settled then."""
    if e.act.kind != DELETE:
        return None
    meaning = p.meaning(Job(e.act.name, 0, False, "", ""))
    if meaning is None or meaning.step not in p.by_deletion or meaning.direction != FORWARD:
        return f"the Job {p.label(e.act.name)} is deleted, and no undo says so"
    undo = _executions(e.status).get((meaning.step, COMPENSATION))
    if undo is None:
        return f"the Job {p.label(e.act.name)} is deleted, and its undo is not decided"
    job = living(e.jobs, e.act.name)
    if job is not None and runs(job) and not _assumed(e.status, meaning.step):
        return f"the Job {p.label(e.act.name)} is deleted while its Pod runs"
    return None


def only_what_has_to_end_is_stopped(p: Promised, e: Effect) -> Found:
    """A forward Job is stopped after an end is recorded, an undo by terminate only; others on an assumption."""
    if e.act.kind != STOP:
        return None
    meaning = p.meaning(Job(e.act.name, 0, False, "", ""))
    if meaning is None:
        return f"{e.act.name} is stopped, and is none of ours"
    if _assumed(e.status, meaning.step) or e.status.terminate_time is not None:
        return None
    if meaning.direction == COMPENSATION:
        return f"the undo {p.label(e.act.name)} is stopped, and nobody has terminated"
    if e.status.failure is None:
        return f"{p.label(e.act.name)} is stopped, and no end is recorded"
    return None


def a_tombstone_closes_what_ended(p: Promised, e: Effect) -> Found:
    """Rule 2: a name is taken where nothing starts any more, or where an undo deleted the Job."""
    if not _makes(e, TOMB):
        return None
    undo = _executions(e.status).get((e.act.step, COMPENSATION))
    if e.act.step in p.by_deletion and undo is not None:
        return None
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


# Worlds


def pods_of_one_step_do_not_run_together(p: Promised, status: WorkflowStatus, jobs: Jobs) -> Found:
    """Rule 5, of every world: also of a Job that is gone."""
    running: dict[str, Job] = {}
    for meaning, job in p.running(jobs, status):
        other = running.setdefault(meaning.step, job)
        if other is not job and not (other.name == job.name and p.configuration.deletions):
            return f"{_told(p, other)}, and {_told(p, job)}"
    return None


def a_step_has_succeeded_before_what_depends_on_it_runs(p: Promised, status: WorkflowStatus, jobs: Jobs) -> Found:
    """Rule 4, of every world."""
    skipped = {r.name for r in status.steps if r.state is StepState.SKIPPED}
    for job in jobs:
        meaning = p.meaning(job)
        if meaning is None or meaning.direction == COMPENSATION or not runs(job):
            continue
        for before in p.before[meaning.step] - skipped:
            if not any(one.pod == DONE for one in p.jobs_of(before, FORWARD, jobs)):
                return f"{_told(p, job)}, and no Pod of {before} has succeeded"
    return None


def a_workflow_is_let_go_when_nothing_is_left(p: Promised, status: WorkflowStatus, jobs: Jobs, stored: Stored) -> Found:
    """`deletionPolicy: RollbackUnfinished`: what is gone had ended."""
    if stored.gone and p.configuration.spec.get("deletionPolicy") == "RollbackUnfinished" and status.steps:
        if not status.ended:
            return f"the Workflow is gone, and was {status.phase}"
    return None


WRITES: Final[tuple[Callable[[Promised, Written], Found], ...]] = (
    states_move_along_the_table,
    a_terminal_phase_changes_on_request_only,
    the_first_cause_is_kept,
    a_rollback_is_never_withdrawn,
    a_step_is_decided_after_all_it_depends_on,
    nothing_forward_is_decided_after_an_end,
    attempts_keep_to_their_limit,
    the_next_attempt_is_decided_when_the_last_is_settled,
    a_rollback_quiesces_when_nothing_forward_runs,
    an_undo_is_decided_after_those_before_it,
    success_is_a_fact,
    a_failure_is_a_fact,
    an_end_is_the_truth,
    an_answer_is_given_once,
)
EFFECTS: Final[tuple[Callable[[Promised, Effect], Found], ...]] = (
    one_job_per_attempt,
    the_status_is_written_first,
    no_forward_job_after_the_first_undo,
    two_pods_of_a_step_never_overlap,
    an_undo_runs_after_those_before_it,
    the_key_changes_only_after_an_undo,
    a_job_is_never_deleted_to_stop_it,
    only_what_has_to_end_is_stopped,
    a_tombstone_closes_what_ended,
    the_operator_does_only_what_it_may,
    nothing_is_done_for_a_workflow_that_has_ended,
)
STATES: Final[tuple[Callable[[Promised, WorkflowStatus, Jobs], Found], ...]] = (
    pods_of_one_step_do_not_run_together,
    a_step_has_succeeded_before_what_depends_on_it_runs,
)


class Invariants:
    """All of them, for one configuration: each gives the name of the first that is broken, and how."""

    def __init__(self, configuration: Configuration, brain: Brain) -> None:
        self._promised = Promised(configuration, brain)

    def of_write(self, written: Written) -> str:
        """What a status write breaks."""
        return _first((rule.__name__, rule(self._promised, written)) for rule in WRITES)

    def of_effect(self, effect: Effect) -> str:
        """What a call breaks."""
        return _first((rule.__name__, rule(self._promised, effect)) for rule in EFFECTS)

    def of_state(self, status: WorkflowStatus, jobs: Jobs, stored: Stored) -> str:
        """What is broken in a world."""
        let_go = a_workflow_is_let_go_when_nothing_is_left
        found = ((rule.__name__, rule(self._promised, status, jobs)) for rule in STATES)
        return _first(found) or _first(iter([(let_go.__name__, let_go(self._promised, status, jobs, stored))]))


def _first(found: Iterator[tuple[str, Found]]) -> str:
    return next((f"{name}: {said}" for name, said in found if said), "")


def _executions(status: WorkflowStatus) -> dict[tuple[str, str], Execution]:
    """Every record of a step and of an undo."""
    found: dict[tuple[str, str], Execution] = {}
    for record in status.steps:
        found[record.name, FORWARD] = record
        if record.compensation is not None:
            found[record.name, COMPENSATION] = record.compensation
    return found


def _begun(w: Written, direction: str) -> Iterator[tuple[str, Execution]]:
    """The attempts that a write decides."""
    before = _executions(w.before)
    for (name, of), record in _executions(w.after).items():
        old = before.get((name, of))
        new = old is None or (old.attempt, old.epoch) != (record.attempt, record.epoch)
        if of == direction and record.state is _STARTS and new:
            yield name, record


def _accepted(w: Written) -> set[str]:
    """The verbs that a write accepts."""
    return {one.verb for one in w.after.handled_requests if one.accepted and one not in w.before.handled_requests}


def _answers(w: Written) -> bool:
    return w.after.handled_requests != w.before.handled_requests


def _assumed(status: WorkflowStatus, step: str) -> bool:
    """Whether a person asserted that a Pod of the step has ended, at any time."""
    return any(one.verb == "assume-stopped" and one.accepted and one.target == step for one in status.handled_requests)


def _newly_quiesced(w: Written) -> bool:
    quiesced = w.after.rollback is not None and w.after.rollback.quiesced_time is not None
    return quiesced and not (w.before.rollback is not None and w.before.rollback.quiesced_time is not None)


def _makes(e: Effect, kind: str) -> bool:
    """Whether the call makes a Job: its name is free, and its Workflow is there."""
    return e.act.kind == kind and living(e.jobs, e.act.name) is None and not e.stored.gone


def _told(p: Promised, job: Job) -> str:
    gone = ", which is gone" if not job.exists else ""
    return f"the Pod of {p.label(job.name)}{gone} runs"


def _in_short(record: Execution | None) -> str:
    return f"{record.state}, attempt {record.attempt} of epoch {record.epoch}" if record else "nothing of it"


__all__ = ["BROKE", "COMPLETE", "CompensationStatus", "TOMBSTONE", "Effect", "Invariants", "Written"]
