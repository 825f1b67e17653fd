"""Rules switched off, one at a time: the checker has to find each of them. A promise that nothing tests is none."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

from kubesaga.api import names
from kubesaga.api.names import Direction
from kubesaga.api.status import Phase
from kubesaga.engine import (
    answer,
    attempt,
    effects,
    ending,
    executor,
    failure,
    forward,
    outcome,
    quiescence,
    reconcile,
    resolver,
    settlement,
    standing,
    state,
    way,
)
from kubesaga.engine.attempt import Judgement, Verdict
from kubesaga.engine.outcome import Outcome
from kubesaga.engine.reason import Reason
from kubesaga.engine.resolver import DependencyResolver, Sweep
from kubesaga.engine.state import StateManager
from model.calls import Rules
from model.configuration import CHAIN2, LAST, LEFT, ONE, OPTIONAL, TWO, Configuration, spec

Patch = tuple[Any, str, Any]
"""A module or class of the engine, the name in it, and what stands there instead."""


@dataclass(frozen=True)
class SwitchedOff:
    """A rule that is missing, in words, and where its absence has to show."""

    what: str
    configuration: Configuration
    breaks: str
    """The invariant that is broken first."""
    patches: tuple[Patch, ...] = ()
    rules: type[Rules] = Rules

    def __str__(self) -> str:
        return self.what

    @contextmanager
    def off(self) -> Iterator[None]:
        """The engine without the rule."""
        with ExitStack() as stack:
            for where, name, instead in self.patches:
                stack.enter_context(patch.object(where, name, instead))
            names.job_name.cache_clear() if hasattr(names.job_name, "cache_clear") else None
            yield


def _without(**rules: bool) -> type[Rules]:
    return type("WithoutSome", (Rules,), rules)


# Names


def _named(**fixed: Any) -> tuple[Patch, ...]:
    """Job names that do not tell some of what they stand for."""
    real = names.job_name

    def name(uid: str, step: str, direction: Direction, attempt_: int, epoch: int = 1, item: str = "") -> str:
        told = {"uid": uid, "direction": direction, "attempt": attempt_, "epoch": epoch} | fixed
        return real(told["uid"], step, told["direction"], told["attempt"], told["epoch"], item)

    return (names, "job_name", name), (executor, "job_name", name)


def _key_of_the_attempt(*identity: Any) -> Any:
    step, direction, attempt_, epoch, keys = identity
    return _JobIdentity(step, direction, attempt_, epoch, replace(keys, own=f"{keys.own}-{attempt_}"))


def _key_for_ever(uid: str, step: str, direction: Any, incarnation: int, **way: Any) -> str:
    del incarnation
    return _idempotency_key(uid, step, direction, 1, **way)


_JobIdentity: Final[Callable[..., Any]] = executor.JobIdentity
_idempotency_key: Final[Callable[..., str]] = executor.idempotency_key


# Judgement


def _job_before_pod(*given: Any, **more: Any) -> Judgement:
    """What a Job says is believed before what its Pod did."""
    name, record, _, observed = given
    job = observed.jobs.get(name)
    if job is not None and job.failed:
        return attempt._judge_failure(job, (), None, record.message)
    return attempt.judge(*given, **more)


def _lost_unseen(name: str, record: Any, observed: Any) -> Judgement:
    """What the cache lacks is taken for gone."""
    return _real_absent(name, record, replace(observed, confirmed=frozenset({name})))


_real_absent = attempt._judge_absent
_real_judge = StateManager._judge


def _closed_without_tombstone(self: StateManager, step: str, direction: Direction, name: str, record: Any) -> Judgement:
    """An intent is closed without its name being taken."""
    judgement = _real_judge(self, step, direction, name, record)
    if judgement.verdict is Verdict.INTENDED and self.status.failure is not None:
        return Judgement(Verdict.NEVER, attempt.StepReason.NOT_STARTED, attempted=False)
    return judgement


# Order


def _quiesced_at_once(manager: StateManager) -> bool:
    if manager.status.rollback is not None:
        changed = manager.status.rollback.model_copy(update={"quiesced_time": manager.second})
        manager.set(rollback=changed)
    return True


def _everything_is_ready(self: Sweep, planned: Any) -> resolver.Verdict:
    return resolver.Verdict.READY


def _every_undo_may_start(self: DependencyResolver, plan: Any, undo_set: Any, undone: Any) -> tuple[str, ...]:
    return tuple(name for name in plan.order if name in undo_set and name not in undone)


def _settled(*given: Any) -> settlement.Settlement:
    return settlement.Settlement.SETTLED


def _latched_anew(manager: StateManager) -> None:
    found = failure._request(manager) or failure._step_failure(manager)
    if found is not None:
        manager.set(failure=found)


def _only_success_is_undone(undo: Any, record: Any, of: Any) -> bool:
    return undo is not None and record.state is state.StepState.SUCCEEDED


def _stops_by_deletion(self: executor.StepExecutor, job: Any) -> Any:
    return self.delete(job)


def _not_answered(*given: Any) -> bool:
    return False


def _no_answer(*given: Any) -> None:
    return None


def _true(*given: Any) -> bool:
    return True


def _false(*given: Any) -> bool:
    return False


def _nothing(*given: Any) -> tuple[()]:
    return ()


def _passed(manager: StateManager) -> tuple[str, ...]:
    return ("a",)


def _configuration(name: str, spec_: Any, **fields: Any) -> Configuration:
    return Configuration(f"switched off: {name}", spec_, **{"crashes": False, **fields})


_CHAIN: Final = _configuration("a chain", spec(CHAIN2, "ab"))
_PAIR: Final = _configuration("two steps", spec(TWO, "ab"))
_RETRY: Final = _configuration("a retry", spec(ONE, "a", 1), undos_fail=True)
_CANCEL: Final = _configuration("cancel", spec(ONE, "a"), requests=(("cancel", "1"),), apart=True)
_AGAIN: Final = _configuration("retry", spec(CHAIN2, "a"), requests=(("retry", "1"),))
_LED: Final = _configuration("two leaders", spec(ONE, "a"), operators=2, passes_of_the_second=3)
_LED_CANCEL: Final = replace(_LED, passes_of_the_second=1, requests=(("cancel", "1"),))
_LINGERS: Final = _configuration("Pods linger", spec(TWO, "ab", 1, inFlight="Cancel"), lingers=True)
_BACK: Final = _configuration("a journey back", spec(ONE, "a", 1), journeys=1)
_HELD: Final = _configuration("held", spec(ONE, "a", deletionPolicy="RollbackUnfinished"), deletes_workflow=True)
_DELETED: Final = _configuration("a Job is deleted", spec(ONE, "a", 1), deletions=1)
_CRASH: Final = _configuration("crash", spec(TWO, "ab"), crashes=True)


def _finally_failed(state: StateManager) -> Outcome:
    return Outcome(Phase.FAILED, Reason.FINALLY_FAILED)


Row = tuple[str, Configuration, str, tuple[Patch, ...]]

_ENGINE: Final[tuple[Row, ...]] = (
    (
        "Job names without the uid of the Workflow",
        _configuration("a twin", spec(ONE, "a"), stranger="twin"),
        "a_failure_is_a_fact",
        _named(uid="one for all"),
    ),
    ("Job names without the attempt", _RETRY, "a_name_stands_for_one_attempt", _named(attempt=1)),
    ("Job names without the direction", _RETRY, "a_name_stands_for_one_attempt", _named(direction=Direction.FORWARD)),
    ("Job names without the epoch", _AGAIN, "a_name_stands_for_one_attempt", _named(epoch=1)),
    (
        "an idempotency key that changes with the attempt",
        _RETRY,
        "the_key_changes_only_after_an_undo",
        ((executor, "JobIdentity", _key_of_the_attempt),),
    ),
    (
        "an idempotency key that stays after an undo",
        _AGAIN,
        "the_key_changes_only_after_an_undo",
        ((executor, "idempotency_key", _key_for_ever),),
    ),
    (
        "a step starts without waiting for what it depends on",
        _CHAIN,
        "a_step_is_decided_after_all_it_depends_on",
        ((Sweep, "_verdict", _everything_is_ready),),
    ),
    (
        "a trigger rule is taken for met when all is over",
        _configuration("a rule", spec(CHAIN2, each={"a": OPTIONAL, "b": {"triggerRule": "AllFailed"}})),
        "a_step_is_decided_after_all_it_depends_on",
        ((resolver, "_is_met", _true),),
    ),
    (
        "a rule gives up while it may still be met",
        _configuration("a rule in doubt", spec(CHAIN2, each={"a": OPTIONAL, "b": {"triggerRule": "AnyFailed"}})),
        "what_is_skipped_need_not_run",
        ((Sweep, "_is_over", _true),),
    ),
    (
        "under Continue a failure is recorded at once",
        _configuration("Continue", spec(TWO, onFailure="Continue")),
        "under_continue_everything_else_is_over_first",
        ((failure, "_is_exhausted", _true),),
    ),
    (
        "an optional step fails the run",
        _configuration("optional", spec(ONE, each={"a": OPTIONAL})),
        "a_tolerated_failure_is_no_cause",
        ((standing, "tolerated", _false),),
    ),
    (
        "steps start after a failure",
        _configuration("one at a time", spec(TWO, "a", parallelism=1)),
        "nothing_forward_is_decided_after_an_end",
        ((forward, "halted", _false),),
    ),
    (
        "undos start before everything forward is quiet",
        _PAIR,
        "the_next_attempt_is_decided_when_the_last_is_settled",
        ((reconcile, "quiesce", _quiesced_at_once),),
    ),
    (
        "undos start in any order",
        _configuration("undos fail", spec(CHAIN2, "ab"), undos_fail=True),
        "an_undo_is_decided_after_those_before_it",
        ((DependencyResolver, "compensations", _every_undo_may_start),),
    ),
    (
        "a run ends while a Pod of a finally step runs",
        _configuration("finally, a Job is deleted", spec(ONE, **LAST), deletions=1),
        "an_end_is_the_truth",
        ((ending, "unsettled_steps", _nothing),),
    ),
    (
        "a rollback ends while a Pod of an undo runs",
        _configuration("undos are left", spec(ONE, "a", **LEFT), undos_fail=True, deletions=1),
        "an_end_is_the_truth",
        ((outcome, "unsettled_undos", _nothing),),
    ),
    (
        "a finally step that fails hides what the run came to",
        _configuration("finally", spec(ONE, "a", **LAST)),
        "what_was_reached_stays",
        ((ending, "_ended", _finally_failed),),
    ),
    (
        "a retry does not wait for the Pod before it",
        _DELETED,
        "the_next_attempt_is_decided_when_the_last_is_settled",
        ((forward, "settlement", _settled),),
    ),
    (
        "quiescence does not wait for Pods",
        _LINGERS,
        "the_next_attempt_is_decided_when_the_last_is_settled",
        ((quiescence, "settlement", _settled),),
    ),
    (
        "Pods that have not ended are overlooked",
        _LINGERS,
        "the_next_attempt_is_decided_when_the_last_is_settled",
        ((settlement, "unended", _nothing),),
    ),
    (
        "an intent is closed without a tombstone",
        _CRASH,
        "a_rollback_quiesces_when_nothing_forward_runs",
        ((StateManager, "_judge", _closed_without_tombstone),),
    ),
    (
        "Jobs of ended Workflows are created for real",
        _CRASH,
        "no_forward_job_after_the_first_undo",
        ((effects, "halted", _false),),
    ),
    (
        "what the cache lacks is taken for gone",
        _BACK,
        "a_failure_is_a_fact",
        ((attempt, "_judge_absent", _lost_unseen),),
    ),
    (
        "a Job is believed before its Pod",
        replace(_CANCEL, name="switched off: believed"),
        "success_is_a_fact",
        ((state, "judge", _job_before_pod),),
    ),
    (
        "a Job is deleted to stop it",
        _CANCEL,
        "a_job_is_never_deleted_to_stop_it",
        ((executor.StepExecutor, "stop", _stops_by_deletion),),
    ),
    (
        "Jobs are stopped where nothing has ended",
        _CHAIN,
        "only_what_has_to_end_is_stopped",
        ((effects, "stops", _true),),
    ),
    (
        "retries without a limit",
        _RETRY,
        "attempts_keep_to_their_limit",
        ((state, "may_retry", _true),),
    ),
    (
        "the cause is recorded anew",
        replace(_CANCEL, spec=spec(TWO, "ab"), apart=False),
        "the_first_cause_is_kept",
        ((reconcile, "latch_failure", _latched_anew),),
    ),
    (
        "only what succeeded is undone",
        _CHAIN,
        "an_end_is_the_truth",
        ((way, "_needs_undo", _only_success_is_undone),),
    ),
    (
        "a request is answered again and again",
        _CANCEL,
        "an_answer_is_given_once",
        ((answer, "is_answered", _not_answered), (answer, "idle_answer", _no_answer)),
    ),
    (
        "the finalizer is let go at once",
        _HELD,
        "a_workflow_is_let_go_when_nothing_is_left",
        ((reconcile, "passed_pivots", _passed),),
    ),
    (
        "a Workflow that has ended is passed over like any other",
        _AGAIN,
        "every_run_can_come_to_its_end",
        ((reconcile, "_ended", lambda manager: reconcile._pass(manager)),),
    ),
)

_SHELL: Final[tuple[tuple[str, Configuration, str, type[Rules]], ...]] = (
    ("effects come before the status", _PAIR, "the_status_is_written_first", _without(status_first=False)),
    (
        "a write is not bound to a version",
        _LED_CANCEL,
        "a_terminal_phase_changes_on_request_only",
        _without(bound_to_version=False),
    ),
    (
        "a decision is carried out in spite of a conflict",
        _LED_CANCEL,
        "the_status_is_written_first",
        _without(decision_dropped_on_conflict=False),
    ),
    (
        "a Job of another owner is taken for ours",
        _configuration("a stranger", spec(ONE, "a"), stranger="squatter"),
        "every_run_can_come_to_its_end",
        _without(owner_checked=False),
    ),
    (
        "a live read looks into the cache",
        _BACK,
        "a_failure_is_a_fact",
        _without(confirmed_live=False),
    ),
    ("what was found out calls for no pass", _DELETED, "at_rest_nothing_is_left_to_do", _without(passes_again=False)),
    (
        "what a call returned calls for no pass",
        _CRASH,
        "at_rest_nothing_is_left_to_do",
        _without(news_call_for_a_pass=False),
    ),
    ("tombstones are not created", _CRASH, "at_rest_nothing_is_left_to_do", _without(tombstones_wanted=False)),
)

SWITCHED_OFF: Final = (
    *(SwitchedOff(what, where, breaks, patches) for what, where, breaks, patches in _ENGINE),
    *(SwitchedOff(what, where, breaks, rules=rules) for what, where, breaks, rules in _SHELL),
)
