"""What must hold of every write of a status that the API server accepts."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from kubesaga.api import names
from kubesaga.api.names import Direction
from kubesaga.api.status import CompensationStatus, Execution, StepState, StepStatus
from model.promised import (
    COMPENSATION,
    FALLBACK,
    FINALLY,
    FORWARD,
    NEEDLESS,
    STARTS,
    WELL,
    Found,
    Promised,
    Written,
    executions,
    told,
)
from model.state import DONE, GONE, OUR_UID


def a_name_stands_for_one_attempt(p: Promised, w: Written) -> Found:
    """Rule 1: a Job's name is a function of step, direction, attempt and epoch, and of nothing less."""
    for (step, direction), record in executions(w.after).items():
        meaning = (step, direction, record.attempt, record.epoch)
        name = names.job_name(OUR_UID, step, Direction(direction), record.attempt, record.epoch)
        known = p.names.setdefault(name, meaning)
        if known != meaning:
            return f"the name {name} stands for {known} and for {meaning}"
    return None


def states_move_along_the_table(p: Promised, w: Written) -> Found:
    """Rule 7. The table as the design has it; a new epoch takes what was undone for pending."""
    asked = _accepted(w)
    reopened = w.after.epoch > w.before.epoch
    after = executions(w.after)
    for key, before in executions(w.before).items():
        now = after.get(key)
        if now is None:
            if not reopened:
                return f"the record of {key} is gone"
        elif not reopened and not _may_move(before.state, now.state, asked, followed=_way(before) != _way(now)):
            return f"{key}: {before.state} -> {now.state}"
    fresh = [key for key in after if key not in executions(w.before)]
    for key in fresh:
        starts = StepState.RUNNING if key[0] in p.jobless else STARTS
        asked_to = after[key].state is StepState.SKIPPED and "skip-step" in asked
        if after[key].state is not starts and not asked_to and after[key].reason not in NEEDLESS:
            return f"{key} begins as {after[key].state}"
    return None


_MOVES: Final[Mapping[StepState, frozenset[StepState]]] = {
    StepState.STARTING: frozenset(
        {StepState.RUNNING, StepState.SUCCEEDED, StepState.RETRYING, StepState.FAILED, StepState.CANCELLED}
    ),
    StepState.RUNNING: frozenset({StepState.SUCCEEDED, StepState.RETRYING, StepState.FAILED, StepState.CANCELLED}),
    StepState.RETRYING: frozenset({StepState.STARTING, StepState.FAILED}),
}


_ASKED: Final[Mapping[str, frozenset[str]]] = {
    "Retrying": frozenset({"retry", "retry-step", "resume", "skip-step", "retry-compensation"}),
    "Skipped": frozenset({"skip-step", "skip-compensation"}),
}
"""Requests by which what has failed moves there."""


def _may_move(before: StepState, after: StepState, asked: set[str], *, followed: bool) -> bool:
    """Whether one pass may lead from one state to another, in several moves perhaps.

    `followed`: the undo of the step's own way follows that of its fallback.
    """
    open_, seen = [before], {before}
    while open_:
        state = open_.pop()
        onward = set(_MOVES.get(state, ()))
        if state in (StepState.FAILED, StepState.CANCELLED, StepState.RETRYING):
            onward |= {StepState(name) for name, verbs in _ASKED.items() if verbs & asked}
        if followed and state in (*WELL, StepState.FAILED):
            onward.add(StepState.RETRYING)
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
    """Rule 4: its trigger rule is met, by the truth where a step succeeded."""
    for name, record in _begun(p, w, FORWARD):
        if not p.may_start(name, w.after):
            states = {before: p.became(before, w.after) or "open" for before in p.before[name]}
            return f"step {name} (attempt {record.attempt}) is decided by {p.rule(name)}, and before it are {states}"
        for before in p.before[name]:
            state = next((r.state for r in w.after.steps if r.name == before), None)
            if (
                state is StepState.SUCCEEDED
                and before not in p.jobless
                and not any(j.pod == DONE for j in p.jobs_of(before, FORWARD, w.jobs))
            ):
                return f"step {name} is decided, and no Pod of {before} has succeeded"
    return None


def what_is_skipped_need_not_run(p: Promised, w: Written) -> Found:
    """The graph skips a step for a condition that it has, or once its trigger rule cannot be met any more."""
    before = {r.name for r in w.before.steps if r.state is StepState.SKIPPED}
    for record in w.after.steps:
        if record.name in before or record.reason not in NEEDLESS:
            continue
        if record.reason == "ConditionFalse" and not p.may_start(record.name, w.after):
            return f"the condition of {record.name} is evaluated, and its trigger rule is not met"
        if record.reason == "ConditionFalse" and "when" not in p.steps[record.name]:
            return f"{record.name} is skipped, and has no condition"
        open_ = [name for name in p.before[record.name] if not p.became(name, w.after)]
        if record.reason == "TriggerRuleNotMet" and (open_ or p.may_start(record.name, w.after)):
            return f"{record.name} is skipped, and {p.rule(record.name)} may be met: {open_} are open"
    return None


def under_continue_everything_else_is_over_first(p: Promised, w: Written) -> Found:
    """`onFailure: Continue`: a failure ends the run only when nothing runs, and nothing can start any more."""
    failure = w.after.failure
    if not p.continues or w.before.failure is not None or failure is None or failure.reason != "StepFailed":
        return None
    for name in p.steps:
        if not p.became(name, w.after):
            return f"the failure of {failure.step} is recorded, and {name} is not over"
    return None


def a_tolerated_failure_is_no_cause(p: Promised, w: Written) -> Found:
    """What an optional step fails of ends nothing."""
    failure = w.after.failure
    if failure is None or failure.step is None or w.before.failure is not None or p.fails(failure.step, w.after):
        return None
    return f"the failure of {failure.step} is recorded as the cause, and it is tolerated"


def nothing_forward_is_decided_after_an_end(p: Promised, w: Written) -> Found:
    """Rule 4: not once a failure, a rollback, a cancel or a stop is recorded, nor while it is suspended."""
    for name, _ in _begun(p, w, FORWARD):
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
        failed = [r.name for r in s.steps if p.fails(r.name, s) and not p.continues]
        if failed and not any(r.name in p.pivots and r.state in WELL for r in s.steps):
            return f"step {name} is decided, and {failed[0]} has failed"
    return None


def attempts_keep_to_their_limit(p: Promised, w: Written) -> Found:
    """One attempt follows another by one, and no more than the retries allow since a person renewed them."""
    before = executions(w.before)
    for direction in (FORWARD, COMPENSATION, FINALLY):
        for name, record in _begun(p, w, direction):
            old = before.get((name, direction))
            reopened = w.after.epoch > w.before.epoch and (old is None or old.epoch < record.epoch)
            if record.attempt != (1 if old is None or reopened else old.attempt + 1):
                return f"{direction} of {name}: attempt {record.attempt} after {old.attempt if old else 'none'}"
            if record.attempt - record.retries_from > p.limit(name, direction, record):
                return f"{direction} of {name}: attempt {record.attempt} is one too many"
    return None


def a_fallback_begins_when_the_own_way_is_used_up(p: Promised, w: Written) -> Found:
    """And nothing leads back from it but a request or a new epoch."""
    before = executions(w.before)
    for name, record in _begun(p, w, FORWARD) if p.fallbacks else ():
        old = before.get((name, FORWARD))
        was, now = _way(old), _way(record)
        if now == FALLBACK and (old is None or name not in p.fallbacks):
            return f"{name} begins with a fallback"
        if old is not None and (was, now) == (FORWARD, FALLBACK):
            left = p.limit(name, FORWARD, old) - (old.attempt - old.retries_from)
            if left or record.retries_from != record.attempt:
                return f"{name} falls back, and {left} retries were left"
        if (was, now) == (FALLBACK, FORWARD) and not _accepted(w) & {"retry", "retry-step", "resume", "skip-step"}:
            return f"{name} goes its own way again, and nobody asked"
    return None


def a_fallback_is_undone_before_the_own_way(p: Promised, w: Written) -> Found:
    """Each way that was attempted, the fallback first, and the next when that is over."""
    goes_on = (p.configuration.spec.get("rollback") or {}).get("onCompensationFailure") == "Continue"
    enough = (*WELL, StepState.FAILED) if goes_on else WELL
    records = {record.name: record for record in w.after.steps}
    for name, undo in _begun(p, w, COMPENSATION) if p.fallbacks else ():
        ways = p.ways_to_undo(records[name])
        if _way(undo) not in ways:
            return f"the undo of {name} is that of {_way(undo)}, and {ways} are to be undone"
        before = undo.fallback if isinstance(undo, CompensationStatus) else None
        if _way(undo) == FORWARD and FALLBACK in ways and (before is None or before.state not in enough):
            return f"the own way of {name} is undone, and its fallback is not"
    return None


def the_next_attempt_is_decided_when_the_last_is_settled(p: Promised, w: Written) -> Found:
    """Rule 5, in truth: no Pod of the step runs when an attempt, or an undo, is decided."""
    for direction in (FORWARD, COMPENSATION, FINALLY):
        for name, record in _begun(p, w, direction):
            for meaning, job in p.running(w.jobs, w.after, w.before):
                if meaning.step == name and job not in p.job_of(name, direction, record, w.jobs):
                    return f"{direction} of {name}, attempt {record.attempt}, is decided while {told(p, job)}"
    return None


def a_rollback_quiesces_when_nothing_forward_runs(p: Promised, w: Written) -> Found:
    """Rule 2 and section 6: no forward Pod runs, and no intent is left whose name is free."""
    if not _newly_quiesced(w):
        return None
    for meaning, job in p.running(w.jobs, w.after):
        if meaning.direction == FORWARD:
            return f"the rollback is quiesced while {told(p, job)}"
    for record in w.after.steps:
        if not record.state.terminal:
            return f"the rollback is quiesced, and {record.name} is {record.state}"
        taken = p.job_of(record.name, FORWARD, record, w.jobs)
        if (
            not taken
            and record.name not in p.jobless
            and record.reason not in ("CreateRejected", "NameConflict")
            and record.state not in WELL
        ):
            return f"the rollback is quiesced, and the name of {record.name} attempt {record.attempt} is free"
    return None


def an_undo_is_decided_after_those_before_it(p: Promised, w: Written) -> Found:
    """Rule 6: what the reversed graph puts before it is undone, was skipped by a person, or failed under Continue."""
    goes_on = (p.configuration.spec.get("rollback") or {}).get("onCompensationFailure") == "Continue"
    enough = (*WELL, StepState.FAILED) if goes_on else WELL
    wanted = p.to_undo(w.after)
    for name, record in _begun(p, w, COMPENSATION):
        if w.after.rollback is None or w.after.rollback.quiesced_time is None:
            return f"the undo of {name} is decided, and the rollback is not quiesced"
        if name not in wanted:
            return f"the undo of {name} is decided, and it is not to be undone"
        for later in p.after(name) & wanted:
            undo = executions(w.after).get((later, COMPENSATION))
            if undo is None or undo.state not in enough:
                return f"the undo of {name} (attempt {record.attempt}) is decided before that of {later} is over"
    return None


def a_finally_step_is_decided_when_all_else_has_ended(p: Promised, w: Written) -> Found:
    """No Pod of a step or of an undo runs, in truth, and how the run ends is recorded; nothing else begins then."""
    for name, _ in _begun(p, w, FINALLY):
        if w.before.finally_ is None and w.after.finally_ is None:
            return f"the finally step {name} is decided, and how the run ends is not"
        for meaning, job in p.running(w.jobs, w.after, w.before):
            if meaning.direction != FINALLY:
                return f"the finally step {name} is decided while {told(p, job)}"
    if w.after.finally_ is None or w.after.epoch > w.before.epoch:
        return None
    for direction in (FORWARD, COMPENSATION):
        for name, _ in _begun(p, w, direction):
            return f"{direction} of {name} is decided, and the finally steps have begun"
    return None


def what_was_reached_stays(p: Promised, w: Written) -> Found:
    """How the run ends is decided before its finally steps; only a success may turn into FinallyFailed."""
    was, now = w.before.finally_, w.after.finally_
    if was is None or w.after.epoch > w.before.epoch:
        return None
    if now is None or (was.phase, was.reason) != (now.phase, now.reason):
        return f"{was.phase} ({was.reason}) was reached, and is {now and now.phase} ({now and now.reason}) now"
    if not w.after.ended or w.after.phase == was.phase:
        return None
    if w.after.reason != "FinallyFailed" or was.phase != "Succeeded":
        return f"{was.phase} was reached, and the Workflow has {w.after.phase} ({w.after.reason})"
    return None


def success_is_a_fact(p: Promised, w: Written) -> Found:
    """Rule 12: what a Pod did is recorded, whatever was seen first; and nothing else is recorded as success."""
    for key, now in executions(w.after).items():
        name, direction = key
        old = executions(w.before).get(key)
        if old is not None and (old.state, old.attempt) == (now.state, now.attempt):
            continue
        if name in p.jobless or (direction == COMPENSATION and name in p.by_deletion):
            continue
        ever = p.job_of(name, direction, now, w.jobs)
        if now.state is StepState.SUCCEEDED and not any(job.pod == DONE for job in ever):
            return f"{direction} of {name} is recorded as a success, and no Pod of it has succeeded"
        ended = now.state in (StepState.FAILED, StepState.CANCELLED, StepState.RETRYING)
        if not ended or now.assumed_stopped or (old is not None and not old.state.in_flight):
            continue
        if any(job.exists and job.pod == DONE and (p.alone or not job.count) for job in ever):
            return f"{direction} of {name} is recorded as {now.state}, and its Pod has succeeded"
    return None


def an_approval_is_a_persons(p: Promised, w: Written) -> Found:
    """What asks a person has succeeded, or was denied, only where one said so."""
    for record in w.after.steps if p.approvals else ():
        said = {StepState.SUCCEEDED: "approve", StepState.FAILED: "reject"}.get(record.state)
        accepted = {one.verb for one in w.after.handled_requests if one.accepted and one.target == record.name}
        if record.name in p.approvals and said is not None and said not in accepted:
            return f"{record.name} is {record.state}, and nobody said so"
    return None


def a_failure_is_a_fact(p: Promised, w: Written) -> Found:
    """What is recorded as failed has a Job that ended, was deleted by somebody, or never was."""
    for key, now in executions(w.after).items():
        name, direction = key
        old = executions(w.before).get(key)
        if old is None or not old.state.in_flight or now.attempt != old.attempt or now.assumed_stopped:
            continue
        if now.state not in (StepState.FAILED, StepState.CANCELLED, StepState.RETRYING):
            continue
        job = next((j for j in p.job_of(name, direction, now, w.jobs) if j.exists), None)
        if job is not None and job.count and not p.alone:
            continue
        if job is not None and job.says == "" and now.reason != "Lost":
            return f"{direction} of {name} is recorded as {now.state} ({now.reason}), and {told(p, job)}"
        if now.reason == "Lost" and not any(j.says == GONE for j in p.job_of(name, direction, now, w.jobs)):
            return f"{direction} of {name} is recorded as Lost, and nobody has deleted its Job"
        if now.reason == "NameConflict" and p.configuration.stranger != "squatter":
            return f"{direction} of {name} is recorded as NameConflict, and nobody else has the name"
    return None


def an_end_is_the_truth(p: Promised, w: Written) -> Found:
    """Section 5: the phase at the end says what is left."""
    status = w.after
    if not status.ended or w.before.ended:
        return None
    for _, job in p.running(w.jobs, w.before):
        return f"the Workflow has {status.phase} while {told(p, job)}"
    states = {r.name: r.state for r in status.steps}
    left_out = [n for n in p.steps if states.get(n) not in WELL and not (n in p.optional and states.get(n) == "Failed")]
    if status.phase == "Succeeded" and left_out:
        return f"the Workflow has Succeeded, and its steps are {states}"
    last = {n: r.state for (n, of), r in executions(status).items() if of == FINALLY}
    if status.terminate_time is None and any(n not in last or not last[n].terminal for n in p.last):
        return f"the Workflow has {status.phase}, and its finally steps are {last}"
    if status.phase == "Succeeded" and any(state not in WELL for state in last.values()):
        return f"the Workflow has Succeeded, and its finally steps are {last}"
    if status.phase == "RolledBack":
        for name in p.to_undo(status):
            undo = executions(status).get((name, COMPENSATION))
            if undo is None or undo.state is not StepState.SUCCEEDED:
                return f"the Workflow has RolledBack, and {name} is not undone"
        for record in status.steps if p.fallbacks else ():
            done = [job for job in p.jobs_of(record.name, COMPENSATION, w.jobs) if job.pod == DONE]
            if len(done) < len(ways := p.ways_to_undo(record)):
                return f"the Workflow has RolledBack, and of {record.name} {len(done)} of {ways} are undone"
    reached = status.finally_ is not None and status.finally_.phase == "Succeeded"
    gave_up = reached or status.terminate_time or status.stop_time or p.configuration.spec.get("onFailure") == "Stop"
    gave_up = gave_up or status.reason == "PartiallyCompleted"
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


def _way(record: Execution | None) -> str:
    """Which way of a step a record is about."""
    return record.way.value if isinstance(record, StepStatus | CompensationStatus) else FORWARD


def _begun(p: Promised, w: Written, direction: str) -> Iterator[tuple[str, Execution]]:
    """The attempts that a write decides."""
    before = executions(w.before)
    for (name, of), record in executions(w.after).items():
        old = before.get((name, of))
        new = old is None or (old.attempt, old.epoch) != (record.attempt, record.epoch)
        starts = StepState.RUNNING if name in p.jobless else STARTS
        if of == direction and record.state is starts and new:
            yield name, record


def _accepted(w: Written) -> set[str]:
    """The verbs that a write accepts."""
    return {one.verb for one in w.after.handled_requests if one.accepted and one not in w.before.handled_requests}


def _answers(w: Written) -> bool:
    return w.after.handled_requests != w.before.handled_requests


def _newly_quiesced(w: Written) -> bool:
    quiesced = w.after.rollback is not None and w.after.rollback.quiesced_time is not None
    return quiesced and not (w.before.rollback is not None and w.before.rollback.quiesced_time is not None)


WRITES: Final[tuple[Callable[[Promised, Written], Found], ...]] = (
    a_name_stands_for_one_attempt,
    states_move_along_the_table,
    a_terminal_phase_changes_on_request_only,
    the_first_cause_is_kept,
    a_rollback_is_never_withdrawn,
    a_step_is_decided_after_all_it_depends_on,
    what_is_skipped_need_not_run,
    under_continue_everything_else_is_over_first,
    a_tolerated_failure_is_no_cause,
    nothing_forward_is_decided_after_an_end,
    attempts_keep_to_their_limit,
    a_fallback_begins_when_the_own_way_is_used_up,
    a_fallback_is_undone_before_the_own_way,
    the_next_attempt_is_decided_when_the_last_is_settled,
    a_rollback_quiesces_when_nothing_forward_runs,
    an_undo_is_decided_after_those_before_it,
    a_finally_step_is_decided_when_all_else_has_ended,
    what_was_reached_stays,
    success_is_a_fact,
    an_approval_is_a_persons,
    a_failure_is_a_fact,
    an_end_is_the_truth,
    an_answer_is_given_once,
)
