"""What is deleted while nobody watches is told by no watch: lists find it soon, and a rollback does not wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from test_controller import FEEDS, Cluster
from virtual_time import run, virtual_now

from kubesaga.api.names import LABEL_WORKFLOW_UID
from kubesaga.controller.controller import Controller
from kubesaga.controller.settings import HEAL_SECONDS

SOON_SECONDS = HEAL_SECONDS / 20


class World:
    """A cluster with a Workflow, a Job and a Pod, and a controller that may not be watching."""

    def __init__(self) -> None:
        self.cluster = Cluster()
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
