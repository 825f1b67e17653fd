"""The keyed queue: a key never runs twice at once, and nothing that asks for it is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kubesaga.controller.queue import BACKOFF_SECONDS_MIN, Key, KeyedQueue

A, B = ("ns", "a"), ("ns", "b")


async def running(work: Callable[[Key], Awaitable[None]], *keys: Key, concurrency: int = 64) -> KeyedQueue:
    queue = KeyedQueue(work, concurrency)
    for key in keys:
        queue.add(key)
    return queue


async def test_a_key_that_is_added_while_it_runs_runs_again_and_never_beside_itself() -> None:
    at_once = runs = 0

    async def work(key: Key) -> None:
        nonlocal at_once, runs
        at_once += 1
        runs += 1
        assert at_once == 1
        if runs == 1:
            queue.add(key)
            queue.add(key)
        else:
            queue.stop()
        await asyncio.sleep(0)
        at_once -= 1

    queue = await running(work, A)
    await queue.run()
    assert runs == 2


async def test_keys_run_beside_each_other_up_to_the_bound() -> None:
    most = now = done = 0

    async def work(_: Key) -> None:
        nonlocal most, now, done
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        done += 1
        if done == 10:
            queue.stop()

    queue = await running(work, *(("ns", str(i)) for i in range(10)), concurrency=3)
    await queue.run()
    assert most == 3


async def test_of_several_wake_ups_the_earliest_wins() -> None:
    began = asyncio.get_running_loop().time()
    ran: list[float] = []

    async def work(_: Key) -> None:
        ran.append(asyncio.get_running_loop().time() - began)
        queue.stop()

    queue = await running(work)
    queue.add(A, 3600)
    queue.add(A, 0.01)
    queue.add(A, 1800)
    await queue.run()
    assert ran[0] < 1


async def test_a_key_that_fails_backs_off_by_itself_and_holds_up_no_other() -> None:
    order: list[Key] = []

    async def work(key: Key) -> None:
        order.append(key)
        if key == A and order.count(A) == 1:
            raise ValueError("broken")
        if order.count(A) == 2:
            queue.stop()

    queue = await running(work, A, B)
    begun = asyncio.get_running_loop().time()
    await queue.run()
    assert order == [A, B, A]
    assert asyncio.get_running_loop().time() - begun >= BACKOFF_SECONDS_MIN


async def test_a_forgotten_key_does_not_run() -> None:
    ran: list[Key] = []

    async def work(key: Key) -> None:
        ran.append(key)
        queue.stop()

    queue = await running(work, A, B)
    queue.forget(A)
    await queue.run()
    assert ran == [B]


async def test_stopping_waits_for_the_runs_in_progress() -> None:
    finished = False
    began = asyncio.Event()

    async def work(_: Key) -> None:
        nonlocal finished
        began.set()
        await asyncio.sleep(0.01)
        finished = True

    queue = await running(work, A)
    task = asyncio.create_task(queue.run())
    await began.wait()
    assert queue.oldest_run() is not None
    assert len(queue) == 1
    queue.stop()
    await task
    assert finished
    assert queue.oldest_run() is None


async def test_its_depth_counts_what_is_due() -> None:
    queue = await running(lambda _: pytest.fail("not run"), A)
    queue.add(B, 60)
    assert queue.ready(asyncio.get_running_loop().time()) == 1
