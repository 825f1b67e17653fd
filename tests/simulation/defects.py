"""Defects, planted into the real code: each is one that the promises forbid, and that a seed has to show."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from kubesaga.api import names
from kubesaga.controller import controller, pass_, watch
from kubesaga.controller.controller import Controller
from kubesaga.controller.effects import Effects
from kubesaga.controller.errors import Conflict, Exists, NotFound
from kubesaga.controller.pass_ import Pass
from kubesaga.controller.places import Places
from kubesaga.engine import deletion, executor, forward, reconcile, rollback, state
from kubesaga.engine.line import Line
from kubesaga.engine.observation import JobObservation
from kubesaga.engine.settlement import Settlement
from simulation.watch_source import WatchSource

Defect = Callable[[ExitStack], None]
DEFECTS: Final[dict[str, Defect]] = {}


def defect(plant: Defect) -> Defect:
    """Add a defect under the name of its function."""
    DEFECTS[plant.__name__.replace("_", " ")] = plant
    return plant


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The defect is in the code, until the block ends."""
    with ExitStack() as stack:
        DEFECTS[name](stack)
        yield


@defect
def writes_are_not_bound_to_a_version(stack: ExitStack) -> None:
    original = pass_.status_patch

    def unbound(version: str, *rest: Any) -> list[Any]:
        return original(version, *rest)[1:]

    stack.enter_context(patch.object(pass_, "status_patch", unbound))


@defect
def a_conflict_is_taken_for_an_accepted_write(stack: ExitStack) -> None:
    original = Pass._write

    async def write(self: Any, *given: Any) -> None:
        try:
            await original(self, *given)
        except Conflict:
            return

    stack.enter_context(patch.object(Pass, "_write", write))


@defect
def effects_come_before_the_status(stack: ExitStack) -> None:
    original = Pass._write

    async def write(self: Any, key: Any, cached: Any, workflow: Any, decision: Any, memory: Any) -> None:
        await self._effects.carry_out(workflow, decision.actions)
        await original(self, key, cached, workflow, decision, memory)

    stack.enter_context(patch.object(Pass, "_write", write))


@defect
def an_existing_Job_is_an_error(stack: ExitStack) -> None:  # noqa: N802
    async def adopt(self: Any, workflow: Any, name: str, exists: Exists, aftermath: Any) -> None:
        aftermath.refusals[name] = self._refusal(exists)

    stack.enter_context(patch.object(Effects, "_adopt", adopt))


@defect
def names_of_Jobs_are_not_repeated_after_a_crash(stack: ExitStack) -> None:  # noqa: N802
    begun = 0
    begin, original = Controller.__init__, names.job_name.__wrapped__

    def count(self: Any, *given: Any, **more: Any) -> None:
        nonlocal begun
        begun += 1
        begin(self, *given, **more)

    stack.enter_context(patch.object(Controller, "__init__", count))
    for module in (names, executor):
        stack.enter_context(patch.object(module, "job_name", lambda *given: f"{original(*given)[:48]}-{begun}"))


@defect
def a_Job_that_the_cache_lacks_is_lost(stack: ExitStack) -> None:  # noqa: N802
    original = state.judge

    def judge(name: str, record: Any, owner: str, observed: Any, **more: Any) -> Any:
        every = frozenset({*observed.confirmed, name})
        return original(name, record, owner, state_replace(observed, confirmed=every), **more)

    stack.enter_context(patch.object(state, "judge", judge))


@defect
def the_next_attempt_does_not_wait_for_the_last_one_to_settle(stack: ExitStack) -> None:
    for module in (forward,):
        stack.enter_context(patch.object(module, "settlement", lambda *_: Settlement.SETTLED))


@defect
def undos_do_not_wait_for_quiescence(stack: ExitStack) -> None:
    from kubesaga.engine import quiescence

    stack.enter_context(patch.object(quiescence, "_settled", lambda *_: True))


@defect
def undos_run_in_no_order(stack: ExitStack) -> None:
    from kubesaga.engine.resolver import DependencyResolver

    def all_of_them(self: Any, plan: Any, undo_set: Any, undone: Any) -> tuple[str, ...]:
        return tuple(name for name in undo_set if name not in undone)

    stack.enter_context(patch.object(DependencyResolver, "compensations", all_of_them))


@defect
def an_intent_without_a_Job_is_not_closed(stack: ExitStack) -> None:  # noqa: N802
    stack.enter_context(patch.object(executor.StepExecutor, "tombstone", executor.StepExecutor.create))


@defect
def a_list_drops_nothing(stack: ExitStack) -> None:
    async def retell(feed: Any, objects: Any, namespace: Any) -> None:
        async for raw in objects:
            feed.changed(raw)

    for module in (controller, watch):
        stack.enter_context(patch.object(module, "retell", retell))


@defect
def a_watch_that_was_cut_goes_on_from_now(stack: ExitStack) -> None:
    """What happened meanwhile is told by nobody, nor by a list."""
    original = WatchSource.watch

    def watch_from_now(self: Any, version: str) -> Any:
        return original(self, str(self._server.version))

    stack.enter_context(patch.object(WatchSource, "watch", watch_from_now))
    stack.enter_context(patch.object(Controller, "_heal", lambda _: asyncio.sleep(10.0**9)))


@defect
def what_an_answer_shows_calls_for_no_pass(stack: ExitStack) -> None:
    def take(self: Any, workflow: Any, raw: Any, _: Any) -> None:
        self._jobs.put(workflow.uid, JobObservation.parse(raw))

    stack.enter_context(patch.object(Effects, "_take", take))


@defect
def a_deleted_Job_is_made_again_in_silence(stack: ExitStack) -> None:  # noqa: N802
    original = state.judge

    def judge(name: str, record: Any, *rest: Any, **more: Any) -> Any:
        return original(name, record.model_copy(update={"job_uid": None}), *rest, **more)

    stack.enter_context(patch.object(state, "judge", judge))


@defect
def failed_undos_are_forgotten(stack: ExitStack) -> None:
    original = rollback.undo_set

    def shorter(given: Any) -> tuple[str, ...]:
        return original(given)[:-1]

    stack.enter_context(patch.object(rollback, "undo_set", shorter))


@defect
def everybody_in_line_holds_a_place(stack: ExitStack) -> None:
    everybody = property(lambda self: dict.fromkeys((place.holder for place in self.places), True))
    stack.enter_context(patch.object(Line, "standing", everybody))


@defect
def nobody_leaves_the_line(stack: ExitStack) -> None:
    stack.enter_context(patch.object(reconcile, "leaves", lambda _: ()))


@defect
def whoever_waits_for_a_place_is_not_woken(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Controller, "_line_changed", lambda *_: None))


@defect
def whoever_is_gone_stays_in_line(stack: ExitStack) -> None:
    async def clear(self: Any, key: Any) -> None:
        return

    stack.enter_context(patch.object(Places, "clear", clear))


@defect
def an_undo_by_deletion_is_done_once_it_is_begun(stack: ExitStack) -> None:
    stack.enter_context(patch.object(deletion, "_gone", lambda *_: True))


def state_replace(observed: Any, **fields: Any) -> Any:
    """The observation with other fields."""
    from dataclasses import replace

    return replace(observed, **fields)


__all__ = ["DEFECTS", "NotFound", "planted"]
