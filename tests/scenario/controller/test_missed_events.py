"""What happens while nobody watches, no watch tells: lists and live reads find it soon, and nothing waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from test_controller import FEEDS, Cluster, until
from virtual_time import run, virtual_now

from kubesaga.api.names import LABEL_WORKFLOW_UID
from kubesaga.controller.controller import Controller
from kubesaga.controller.errors import Unavailable
from kubesaga.controller.settings import HEAL_SECONDS
from kubesaga.runner.job_status import job_running

SOON_SECONDS = HEAL_SECONDS / 20


class Shaky(Cluster):
    """A cluster whose next answers may be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.lists_lost = 0
        self.creates_lost = 0

    async def list(self, resource: Any) -> AsyncIterator[dict[str, Any]]:
        if self.lists_lost:
            self.lists_lost -= 1
            raise Unavailable(503, "ServiceUnavailable", "a fault")
        async for raw in super().list(resource):
            yield raw

    async def create_job(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        raw = await super().create_job(namespace, manifest)
        if self.creates_lost:
            self.creates_lost -= 1
            self.set_status("jobs", raw["metadata"]["name"], job_running("2026-01-01T00:00:00Z"))
            raise Unavailable(0, "TimeoutError", "no answer in time")
        return raw


class World:
    """A cluster with a Workflow, a Job and a Pod, and a controller that may not be watching."""

    def __init__(self) -> None:
        self.cluster = Shaky()
        self.saga = self.cluster.saga()
        labels = {LABEL_WORKFLOW_UID: self.saga["metadata"]["uid"]}
        self.cluster.create("pods", {"metadata": {"name": "pod", "labels": labels}, "spec": {}})
        self.watched = True
        self.controller = Controller(self.cluster, now=virtual_now)
        self.cluster.listen(self._tell)

    def _tell(self, resource: Any, change: Any, raw: Any) -> None:
        if self.watched:
            getattr(self.controller, FEEDS[resource, change])(raw)

    def delete_unwatched(self) -> None:
        """The Pod goes, and no watch tells."""
        self.watched = False
        self.cluster.remove("pods", "pod")
        self.watched = True


def in_world(story: Callable[[World], Awaitable[None]]) -> None:
    """Play the story in virtual time."""

    async def main() -> None:
        world = World()
        running = asyncio.create_task(world.controller.run())
        await world.controller.primed.wait()
        assert len(world.controller.pods) == 1
        await story(world)
        world.controller.stop()
        await running

    run(main)


def test_what_is_deleted_just_after_the_caches_were_primed_is_found_soon() -> None:
    """The watches begin a moment later, with lists that do not show it any more."""

    async def story(world: World) -> None:
        world.delete_unwatched()
        await asyncio.sleep(SOON_SECONDS)
        assert len(world.controller.pods) == 0

    in_world(story)


def test_what_is_deleted_before_a_watch_begins_anew_is_found_soon() -> None:
    async def story(world: World) -> None:
        await asyncio.sleep(SOON_SECONDS)
        world.delete_unwatched()
        world.controller.listed()
        await asyncio.sleep(SOON_SECONDS)
        assert len(world.controller.pods) == 0

    in_world(story)


def test_what_is_deleted_unnoticed_is_found_in_time() -> None:
    async def story(world: World) -> None:
        await asyncio.sleep(SOON_SECONDS)
        world.delete_unwatched()
        await asyncio.sleep(HEAL_SECONDS + SOON_SECONDS)
        assert len(world.controller.pods) == 0

    in_world(story)


def test_a_list_that_fails_is_made_again_soon() -> None:
    async def story(world: World) -> None:
        world.delete_unwatched()
        world.cluster.lists_lost = 2
        await asyncio.sleep(2 * SOON_SECONDS)
        assert len(world.controller.pods) == 0

    in_world(story)


def test_a_job_that_was_created_without_an_answer_is_recorded_soon() -> None:
    """The watch may have told of it before anybody asked: no other event follows while it runs."""

    async def story(world: World) -> None:
        world.watched = False
        world.cluster.creates_lost = 1
        await asyncio.sleep(SOON_SECONDS / 3)
        [step] = world.cluster.status()["steps"]
        [job] = world.cluster.all("jobs")
        assert (step["state"], step["jobUID"]) == ("Running", job["metadata"]["uid"])

    in_world(story)


def test_an_intent_that_was_closed_holds_nothing_up_though_the_watch_tells_of_it_last() -> None:
    """The answer to its create has told all that there is to tell: the watch has no news of a Job that never runs."""

    async def story(world: World) -> None:
        world.cluster.failing["create_job"] = [Unavailable(503, "ServiceUnavailable", "a fault")] * 3
        await until(lambda: len(world.cluster.failing["create_job"]) == 1)
        world.cluster.patch("workflows", "order", {"metadata": {"annotations": {"kubesaga.dev/cancel": "1"}}})
        world.watched = False
        await asyncio.sleep(SOON_SECONDS / 3)
        [job] = world.cluster.all("jobs")
        assert job["spec"]["suspend"] is True
        assert world.cluster.status()["phase"] == "Cancelled"

    in_world(story)
