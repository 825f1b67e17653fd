"""The outcome table in the engine: whatever happened, phase, reason and conditions say it, and tools read it right."""

import pytest
from world import COMPENSATION, FINALLY, FORWARD, World, step

from kstatus import kstatus
from kubesaga.api.status import FailureReason, Phase
from kubesaga.engine.reason import Reason
from outcomes import ROWS, Row


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_workflow_says_how_it_stands(row: Row) -> None:
    world = play(row)
    status, conditions = world.status, {one.type: one for one in world.status.conditions}
    assert (status.phase, conditions["Succeeded"].status, status.reason) == (row.phase, row.succeeded, row.reason)
    assert conditions["Ready"].status == ("True" if row.phase == "Succeeded" else "False")
    assert conditions.keys() - {"Succeeded", "Ready"} == row.while_true
    assert (status.rollback_progress or "") == row.rollback
    assert row.message in conditions["Succeeded"].message
    raw = {"metadata": {"generation": 1}, "status": status.wire()}
    assert kstatus(raw) == row.kstatus


@pytest.mark.parametrize("row", [row for row in ROWS if row.fails and row.phase != "Succeeded"], ids=str)
def test_the_first_cause_is_never_overwritten(row: Row) -> None:
    failure = play(row).status.failure
    if row.reason != "ForwardRecovery":
        forward = row.fails & row.steps.keys()
        assert failure is None if not forward else failure.step in forward or failure.reason == "Stopped"


def test_every_phase_and_reason_has_a_row() -> None:
    passing = {Reason.STOPPING, Reason.POD_TERMINATION}  # Until Pods have ended; test_stop_requests, test_dead_node.
    causes = {FailureReason.ROLLBACK_REQUESTED, FailureReason.DELETED}  # What follows them has a reason of its own.
    assert {row.phase for row in ROWS} == set(Phase)
    assert {row.reason for row in ROWS} == {*Reason, *FailureReason} - passing - causes


def play(row: Row) -> World:
    """Let everything happen that happens."""
    before, steps = None, []
    for name, fields in row.steps.items():
        made = {**step(name, *([before] if before else [])), **fields}
        steps.append({key: value for key, value in made.items() if value is not None})
        before = name
    world = World(*steps, **row.spec)
    if row.beside:
        world.stand(row.beside)
    rest(world, row)
    for reason, verb, token in row.asked:
        assert world.status.reason == reason
        world.annotations[f"kubesaga.dev/{verb}"] = token
        rest(world, row)
    if seconds := row.spec.get("timeoutSeconds", row.passes_seconds):
        world.after(seconds)
        rest(world, row)
    return world


def rest(world: World, row: Row) -> None:
    """Until nothing happens any more: every Job ends as the row says, one that is stopped fails."""
    for _ in range(50):
        world.settles()
        open_ = [
            (name, direction)
            for direction in (FORWARD, COMPENSATION, FINALLY)
            for name in (*world.steps, *world.last_steps)
            if world.record(name, direction)
            and world.name(name, direction) in world.jobs
            and not world.jobs[world.name(name, direction)].terminal
        ]
        moved = [one for one in open_ if end(world, row, *one)]
        if not moved:
            return


def end(world: World, row: Row, name: str, direction: str) -> bool:
    """Let a Job end; False where it goes on."""
    job = world.jobs[world.name(name, direction)]
    way = "" if direction is FINALLY or world.record(name, direction).way is FORWARD else "fallback-"
    what = f"{'undo-' if direction is COMPENSATION else ''}{way}{name}"
    if job.tombstone:
        return False
    if job.active_deadline_seconds == 1:
        world.fail(name, direction=direction, reason="DeadlineExceeded")
    elif what in row.lasts:
        return False
    elif what in row.fails:
        world.fail(name, direction=direction)
    else:
        world.succeed(name, direction=direction)
    return True
