"""Places under a concurrency key, over a store with the API server's semantics: two operators, crashes, deletions."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from test_controller import FEEDS, Cluster
from virtual_time import run, virtual_now

from kubesaga.api.names import ANNOTATION_LINE, LABEL_CONCURRENCY_KEY, lease_name
from kubesaga.api.workflow import Workflow
from kubesaga.controller.controller import Controller
from kubesaga.controller.errors import Unavailable
from kubesaga.engine.action import ClaimPlace, ReleasePlace
from kubesaga.engine.line import Line, Place

COUNT, LIMIT = 50, 3
KEY = {"key": "till", "limit": LIMIT}
FORBID = {"key": "till", "policy": "Forbid"}
ENDED = ("Succeeded", "Failed", "Cancelled", "RolledBack")


class Shop(Cluster):
    """A cluster in which Jobs do their work, and in which operators come and go. What they see lags."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[tuple[Controller, asyncio.Task[None]]] = []
        self.running: set[str] = set()
        self.most = 0
        """Most Jobs that ran at once."""
        self.order: list[str] = []
        """The Workflows in the order in which they began."""
        self.works = True
        self.listen(self._happens)

    def start(self) -> Controller:
        """One more operator."""
        controller = Controller(self, now=virtual_now)
        self.operators.append((controller, asyncio.create_task(controller.run())))
        return controller

    async def kill(self) -> None:
        """End all operators wherever they are."""
        for _, running in self.operators:
            running.cancel()
        await asyncio.gather(*(running for _, running in self.operators), return_exceptions=True)
        self.operators.clear()

    def _happens(self, resource: str, change: str, raw: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        for number, (controller, _) in enumerate(self.operators):
            lag = 0.001 + 0.037 * number + (0.05 if resource == "leases" else 0.0)
            loop.call_later(lag, getattr(controller, FEEDS[resource, change]), raw)
        if resource == "jobs" and change == "changed" and "status" not in raw:
            self.running.add(raw["metadata"]["name"])
            self.order.append(raw["metadata"]["ownerReferences"][0]["name"])
            self.most = max(self.most, len(self.running))
            if self.works:
                loop.call_later(2.0, self.ends, raw["metadata"]["name"])

    def ends(self, job: str) -> None:
        """A Job has done its work."""
        self.running.discard(job)
        if self.get("jobs", job):
            self.succeed(job)

    def line(self) -> list[str]:
        """The names in line."""
        raw = self.get("leases", lease_name("till"))
        return [one.name for one in Line.parse(raw["metadata"]["annotations"][ANNOTATION_LINE]).places] if raw else []

    def phases(self) -> Mapping[str, str]:
        """By name of the Workflow."""
        return {raw["metadata"]["name"]: (raw["status"] or {}).get("phase") for raw in self.all("workflows")}


def in_shop(story: Callable[[Shop], Coroutine[Any, Any, None]]) -> None:
    """Play a story in virtual time."""

    async def main() -> None:
        shop = Shop()
        await story(shop)
        await shop.kill()

    run(main)


def test_two_operators_let_no_more_run_at_once_than_are_allowed_and_everybody_has_their_turn() -> None:
    async def story(shop: Shop) -> None:
        for number in range(COUNT // 2):
            shop.saga(f"w{number}", concurrency=KEY)
        shop.start()
        shop.start()
        await asyncio.sleep(1.0)
        for number in range(COUNT // 2, COUNT):
            shop.saga(f"w{number}", concurrency=KEY)
        await asyncio.sleep(300.0)
        assert set(shop.phases().values()) == {"Succeeded"}
        assert shop.most == LIMIT
        assert sorted(shop.order) == sorted(f"w{number}" for number in range(COUNT))
        assert shop.all("leases") == []

    in_shop(story)


def test_the_line_lasts_as_long_as_somebody_stands_in_it_and_shows_who_is_first() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        await asyncio.sleep(1.0)
        for name in ("first", "second"):
            shop.saga(name, concurrency={"key": "till"})
            await asyncio.sleep(1.0)
        (lease,) = shop.all("leases")
        assert lease["metadata"]["name"] == lease_name("till")
        assert lease["metadata"]["labels"][LABEL_CONCURRENCY_KEY] == "till"
        assert (lease["spec"]["holderIdentity"], shop.line()) == ("first", ["first", "second"])
        assert shop.phases() == {"first": "Running", "second": "Queued"}
        shop.ends(next(iter(shop.running)))
        await asyncio.sleep(1.0)
        assert (shop.phases()["second"], shop.line()) == ("Running", ["second"])

    in_shop(story)


def test_nobody_looks_at_the_line_by_the_clock() -> None:
    """What waits is woken by an event: without one nothing is asked or written in a day."""

    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        for number in range(5):
            shop.saga(f"w{number}", concurrency={"key": "till"})
        await asyncio.sleep(10.0)
        shop.calls.clear()
        version = shop._version
        await asyncio.sleep(86_400.0)
        assert (shop.calls, shop._version) == ([], version)

    in_shop(story)


def test_an_operator_that_dies_after_any_claim_is_followed_by_one_that_goes_on_from_it() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.failing["patch_status"] = [Unavailable(503, "ServiceUnavailable", "a fault")] * 3
        shop.saga("w", concurrency={"key": "till"})
        shop.start()
        await asyncio.sleep(0.01)
        assert (shop.line(), shop.phases()) == (["w"], {"w": None})
        await shop.kill()
        shop.failing.clear()
        shop.start()
        await asyncio.sleep(1.0)
        assert (shop.line(), shop.phases()) == (["w"], {"w": "Running"})

    in_shop(story)


def test_a_workflow_that_is_deleted_makes_room() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        await asyncio.sleep(1.0)
        for name in ("first", "second", "third"):
            shop.saga(name, concurrency={"key": "till"})
            await asyncio.sleep(1.0)
        shop.delete("workflows", "second")
        await asyncio.sleep(1.0)
        assert shop.line() == ["first", "third"]
        shop.delete("workflows", "first")
        await asyncio.sleep(1.0)
        assert (shop.line(), shop.phases()) == (["third"], {"third": "Running"})
        shop.delete("workflows", "third")
        await asyncio.sleep(1.0)
        assert shop.all("leases") == []

    in_shop(story)


def test_one_that_was_deleted_while_no_operator_was_there_makes_room_when_there_is_one() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        await asyncio.sleep(1.0)
        for name in ("first", "second"):
            shop.saga(name, concurrency={"key": "till"})
            await asyncio.sleep(1.0)
        await shop.kill()
        shop.delete("workflows", "first")
        shop.saga("first")  # Another one of that name, which has no key.
        shop.start()
        await asyncio.sleep(1.0)
        assert (shop.line(), shop.phases()) == (["second"], {"first": "Running", "second": "Running"})

    in_shop(story)


def test_one_that_changes_its_key_before_it_began_leaves_the_line() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        await asyncio.sleep(1.0)
        for name in ("first", "second", "third"):
            shop.saga(name, concurrency={"key": "till"})
            await asyncio.sleep(1.0)
        shop.patch("workflows", "second", {"spec": {"concurrency": {"key": "other"}}})
        shop.patch("workflows", "third", {"spec": {"concurrency": None}})
        await asyncio.sleep(1.0)
        assert (shop.line(), set(shop.phases().values())) == (["first"], {"Running"})

    in_shop(story)


def test_a_lease_that_somebody_deletes_is_made_again_and_whoever_runs_is_first_in_it() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        await asyncio.sleep(1.0)
        for name in ("first", "second"):
            shop.saga(name, concurrency={"key": "till"})
            await asyncio.sleep(1.0)
        shop.delete("leases", lease_name("till"))
        await asyncio.sleep(1.0)
        assert sorted(shop.line()) == ["first", "second"]

    in_shop(story)


def test_one_that_may_not_wait_fails_only_where_one_that_runs_is_there() -> None:
    async def story(shop: Shop) -> None:
        shop.start()
        await asyncio.sleep(1.0)
        shop.saga("first", concurrency=FORBID)
        await asyncio.sleep(1.0)
        shop.saga("second", concurrency=FORBID)
        await asyncio.sleep(0.5)
        assert shop.phases() == {"first": "Running", "second": "Failed"}
        assert (shop.status("second")["reason"], shop.line()) == ("ConcurrencyForbidden", ["first"])
        await asyncio.sleep(5.0)
        shop.saga("third", concurrency=FORBID)
        await asyncio.sleep(5.0)
        assert shop.phases()["third"] == "Succeeded"

    in_shop(story)


def test_one_that_may_not_wait_waits_for_one_that_has_ended_to_leave() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        await asyncio.sleep(1.0)
        raw = shop.saga("first", concurrency=FORBID)
        await asyncio.sleep(1.0)
        (job,) = shop.all("jobs")
        labels = {**job["metadata"]["labels"], "batch.kubernetes.io/job-name": job["metadata"]["name"]}
        owner = {"kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"], "controller": True}
        pod = shop.create("pods", {"metadata": {"name": "pod", "labels": labels, "ownerReferences": [owner]}})
        shop.set_status("pods", pod["metadata"]["name"], {"phase": "Succeeded"})
        await asyncio.sleep(1.0)
        assert (shop.status("first")["phase"], shop.line()) == ("Succeeded", ["first"])
        shop.saga("second", concurrency=FORBID)
        await asyncio.sleep(1.0)
        assert shop.phases()["second"] == "Queued"
        shop.ends(job["metadata"]["name"])
        await asyncio.sleep(1.0)
        assert (shop.phases()["second"], shop.line()) == ("Running", ["second"])
        assert raw["metadata"]["name"] == "first"

    in_shop(story)


def test_a_lease_that_has_lost_its_label_gets_it_back_at_the_next_claim() -> None:
    async def story(shop: Shop) -> None:
        shop.works = False
        shop.start()
        await asyncio.sleep(1.0)
        shop.saga("first", concurrency=KEY)
        await asyncio.sleep(1.0)
        shop.patch("leases", lease_name("till"), {"metadata": {"labels": None}})
        await shop.kill()
        shop.start()
        for name, concurrency in (("second", KEY), ("third", FORBID)):
            shop.saga(name, concurrency=concurrency)
        await asyncio.sleep(10.0)
        assert (shop.line(), shop.phases()["third"]) == (["first", "second"], "Failed")
        (lease,) = shop.all("leases")
        assert lease["metadata"]["labels"][LABEL_CONCURRENCY_KEY] == "till"
        assert len(shop.calls) < 100

    in_shop(story)


def test_what_bears_our_label_and_is_no_line_of_ours_is_left_alone() -> None:
    async def story(shop: Shop) -> None:
        labels = {LABEL_CONCURRENCY_KEY: "till"}
        shop.create("leases", {"metadata": {"name": "another", "labels": labels, "annotations": {}}, "spec": {}})
        shop.start()
        shop.saga("w", concurrency={"key": "till"})
        await asyncio.sleep(10.0)
        assert [raw["metadata"]["name"] for raw in shop.all("leases")] == ["another"]
        assert shop.phases() == {"w": "Succeeded"}

    in_shop(story)


def test_a_line_that_another_has_changed_is_read_before_it_is_changed() -> None:
    """What each operator knows of the line is old: nobody's place is lost, nor given back."""

    async def story(shop: Shop) -> None:
        sagas = {name: Workflow.parse(shop.saga(name, concurrency={"key": "till"})) for name in "abcd"}
        first, second = Controller(shop).places, Controller(shop).places

        def claims(name: str) -> ClaimPlace:
            return ClaimPlace("till", Place(name, sagas[name].uid, 1, 1))

        await first.claim(sagas["a"], claims("a"))
        await second.claim(sagas["b"], claims("b"))  # It knows of no Lease.
        await first.claim(sagas["c"], claims("c"))  # It knows of the first one only.
        assert shop.line() == ["a", "b", "c"]
        await second.release(sagas["a"], ReleasePlace("till", 1))
        await first.release(sagas["b"], ReleasePlace("till", 1))
        assert shop.line() == ["c"]
        await first.release(sagas["c"], ReleasePlace("till", 1))
        await second.claim(sagas["d"], claims("d"))  # It knows of a Lease that is gone.
        await first.release(sagas["c"], ReleasePlace("till", 1))
        assert shop.line() == ["d"]

    in_shop(story)
