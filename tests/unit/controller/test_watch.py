"""A reflector tells everything that is so, whatever becomes of its watches, and asks no more often than it should."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest

from kubesaga.controller.errors import ClusterError, Refused, Unavailable
from kubesaga.controller.watch import BACKOFF_SECONDS_MAX, LIST_AFTER_FAILURES, Feed, Page, Reflector

Raw = dict[str, Any]
EXPIRED = Refused(410, "Expired", "too old resource version")
CUT = Unavailable(0, "ClientPayloadError", "cut")


def thing(uid: str, version: int) -> Raw:
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}}


def event(kind: str, uid: str, version: int) -> Raw:
    return {"type": kind, "object": thing(uid, version)}


def bookmark(version: int) -> Raw:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


def error(code: int) -> Raw:
    return {"type": "ERROR", "object": {"code": code, "reason": "Expired", "message": "why"}}


class Script:
    """Gives one list, or one watch, after the other; what they ask for is written down. At the end it hangs."""

    def __init__(self, lists: Sequence[Any], watches: Sequence[Any]) -> None:
        self.lists, self.watches = list(lists), list(watches)
        self.asked: list[str] = []
        self.waited: list[float] = []
        self.over = asyncio.Event()
        self.open = 0

    async def pages(self, resource: str, namespace: str | None) -> AsyncIterator[Page]:
        self.asked.append("list")
        for page in self.lists.pop(0) if self.lists else [await self.end()]:
            if isinstance(page, ClusterError):
                raise page
            yield page

    async def watch(self, resource: str, namespace: str | None, version: str) -> AsyncGenerator[Raw, None]:
        self.asked.append(version)
        self.open += 1
        try:
            for one in self.watches.pop(0) if self.watches else [await self.end()]:
                if isinstance(one, ClusterError):
                    raise one
                yield one
        finally:
            self.open -= 1

    async def end(self) -> Any:
        self.over.set()
        await asyncio.Event().wait()


class Told:
    """Holds what it is told of, and every word of it."""

    def __init__(self, *known: str) -> None:
        self.uids = set(known)
        self.words: list[str] = []

    def feed(self) -> Feed:
        return Feed(self.changed, self.gone, lambda _: set(self.uids))

    def changed(self, raw: Raw) -> None:
        self.uids.add(raw["metadata"]["uid"])
        self.words.append(f"{raw['metadata']['uid']} {raw['metadata']['resourceVersion']}")

    def gone(self, raw: Raw) -> None:
        self.uids.discard(raw["metadata"]["uid"])
        self.words.append(f"-{raw['metadata']['uid']}")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the reflector waits each time; it does not take that long."""
    seconds: list[float] = []
    sleep = asyncio.sleep

    async def wait(delay: float) -> None:
        seconds.append(delay)
        await sleep(0)

    monkeypatch.setattr("kubesaga.controller.watch.asyncio.sleep", wait)
    return seconds


async def play(script: Script, told: Told) -> Script:
    reflector = asyncio.create_task(Reflector(script, "jobs", None, told.feed(), lambda: 1.0).run())
    async with asyncio.timeout(5):
        over = asyncio.create_task(script.over.wait())
        await asyncio.wait({reflector, over}, return_when=asyncio.FIRST_COMPLETED)
    assert not reflector.done(), reflector
    reflector.cancel()
    await asyncio.wait({reflector})
    assert script.open == 0, "every watch was closed"
    return script


ONE = [Page([thing("a", 1)], "5")]
TABLE: dict[str, tuple[list[Any], list[Any], list[str], list[str]]] = {
    "a list, then a watch from its version": (
        [[Page([thing("a", 1)], "5"), Page([thing("b", 2)], "5")]],
        [],
        ["list", "5"],
        ["a 1", "b 2", "-old"],
    ),
    "an empty list says that all is gone": ([[Page([], "5")]], [], ["list", "5"], ["-old"]),
    "each kind of event is told, and a watch that ends goes on after the last": (
        [ONE],
        [[event("ADDED", "b", 6), event("MODIFIED", "a", 7), event("DELETED", "b", 8)]],
        ["list", "5", "8"],
        ["a 1", "-old", "b 6", "a 7", "-b"],
    ),
    "a bookmark is told to nobody, and the next watch goes on from it": (
        [ONE],
        [[bookmark(9)]],
        ["list", "5", "9"],
        ["a 1", "-old"],
    ),
    "a watch that is cut goes on where it was": (
        [ONE],
        [[event("MODIFIED", "a", 6), CUT]],
        ["list", "5", "6"],
        ["a 1", "-old", "a 6"],
    ),
    "a repeated event, or a late one, takes the version nowhere back": (
        [ONE],
        [[event("MODIFIED", "a", 7), event("MODIFIED", "a", 6), event("MODIFIED", "a", 7), CUT]],
        ["list", "5", "7"],
        ["a 1", "-old", "a 7", "a 6", "a 7"],
    ),
    "an answer of 410 leads to a list, and what that lacks is gone": (
        [ONE, [Page([thing("b", 8)], "9")]],
        [[EXPIRED]],
        ["list", "5", "list", "9"],
        ["a 1", "-old", "b 8", "-a"],
    ),
    "an event of 410 does so too": (
        [ONE, [Page([thing("a", 8)], "9")]],
        [[event("MODIFIED", "a", 6), error(410)]],
        ["list", "5", "list", "9"],
        ["a 1", "-old", "a 6", "a 8"],
    ),
    "any other error event does not": ([ONE], [[error(500)]], ["list", "5", "5"], ["a 1", "-old"]),
    "an event of a kind that nobody knows is no reason to go past it": (
        [ONE],
        [[event("MOVED", "a", 6)]],
        ["list", "5", "5"],
        ["a 1", "-old"],
    ),
    "an event without a version is told and not gone on from": (
        [ONE],
        [[{"type": "MODIFIED", "object": {"metadata": {"uid": "a", "resourceVersion": "x"}}}]],
        ["list", "5", "5"],
        ["a 1", "-old", "a x"],
    ),
    "an object that is not understood keeps nobody from the next": (
        [ONE],
        [[{"type": "ADDED", "object": {"metadata": {"resourceVersion": "6"}}}, event("ADDED", "b", 7)]],
        ["list", "5", "7"],
        ["a 1", "-old", "b 7"],
    ),
    "a list that breaks off says of nothing that it is gone": (
        [[Page([thing("a", 1)], "5"), EXPIRED], [Page([thing("a", 2), thing("old", 3)], "6")]],
        [],
        ["list", "list", "6"],
        ["a 1", "a 2", "old 3"],
    ),
    "a server that is away is asked again": ([[CUT], [CUT], ONE], [], ["list"] * 3 + ["5"], ["a 1", "-old"]),
    "a server that cannot be reached is no reason to list anew": (
        [ONE],
        [[CUT]] * 2 * LIST_AFTER_FAILURES,
        ["list", *["5"] * (2 * LIST_AFTER_FAILURES + 1)],
        ["a 1", "-old"],
    ),
    "where the server refuses again and again the version is not trusted any more": (
        [ONE, [Page([thing("a", 2)], "3")]],
        [[Unavailable(504, "Timeout", "Too large resource version")]] * LIST_AFTER_FAILURES,
        ["list", *["5"] * LIST_AFTER_FAILURES, "list", "3"],
        ["a 1", "-old", "a 2"],
    ),
}


@pytest.mark.parametrize("case", TABLE)
async def test_what_is_told_and_asked(case: str, waits: list[float]) -> None:
    lists, watches, asked, words = TABLE[case]
    told = Told("old")
    script = await play(Script(lists, watches), told)
    assert script.asked == asked
    assert told.words == words


@pytest.mark.parametrize(
    ("watches", "seconds"),
    [
        pytest.param([[]] * 3, [0.1, 0.2, 0.4], id="a server that closes at once is asked less and less often"),
        pytest.param([[event("MODIFIED", "a", 5)]] * 3, [0.1, 0.2, 0.4], id="also where it repeats what is known"),
        pytest.param(
            [[CUT], [CUT], [event("MODIFIED", "a", 6), CUT], [CUT]],
            [0.1, 0.2, 0.1, 0.2],
            id="news end the series of failures",
        ),
        pytest.param([[event("MODIFIED", "a", 6)], [bookmark(7)]], [], id="one that told something goes on at once"),
        pytest.param([[EXPIRED]], [0.1], id="a version that is too old is no reason for haste either"),
    ],
)
async def test_how_long_it_waits(watches: list[Any], seconds: list[float], waits: list[float]) -> None:
    await play(Script([ONE, ONE], watches), Told())
    assert waits == pytest.approx(seconds)


async def test_a_defect_is_told_and_stops_nothing(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    script = await play(Script([[Page([{}], "5")], ONE], []), Told())
    assert script.asked == ["list", "list", "5"]
    assert "Watch failed" in caplog.text


async def test_it_waits_no_longer_than_it_should(waits: list[float]) -> None:
    await play(Script([[CUT]] * 12, []), Told())
    assert max(waits) == BACKOFF_SECONDS_MAX


async def test_it_waits_as_long_as_the_server_asks_for(waits: list[float]) -> None:
    busy = Unavailable(429, "TooManyRequests", "later")
    busy.retry_after_seconds = 3.0
    await play(Script([[busy], ONE], []), Told())
    assert waits == [3.0]
