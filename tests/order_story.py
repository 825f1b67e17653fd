"""An order that a real engine passed over: check, then charge and reserve with undos, then ship, which fails."""

from typing import Any

from world import COMPENSATION, World, step

from fake_cluster import NOW, workflow

Raw = dict[str, Any]

STEPS = (
    step("check"),
    step("charge", "check", undo={"container": {"image": "i"}, "retry": {"limit": 1}}),
    step("reserve", "check", undo=True, retry={"limit": 1, "backoffSeconds": 1}),
    step("ship", "charge", "reserve"),
    step("notify", "ship"),
)


class OrderStory:
    """Passes over the order; `seen` keeps each state that a watch would tell."""

    def __init__(self, *steps: Raw, **spec: Any) -> None:
        self.world = World(*(steps or STEPS), **spec)
        self.world.now = NOW
        self.seen = [workflow(None, self.world.spec, 0)]
        self.passes()

    @property
    def last(self) -> Raw:
        """As it is now."""
        return self.seen[-1]

    def passes(self) -> "OrderStory":
        self.world.settles()
        self.seen.append(workflow(self.world.status, self.world.spec, len(self.seen)))
        return self

    def succeeds(self, *steps: str) -> "OrderStory":
        self.world.after(3).succeed(*steps)
        return self.passes()

    def fails(self, *steps: str) -> "OrderStory":
        self.world.after(2).fail(*steps)
        return self.passes()

    def undoes(self, *steps: str) -> "OrderStory":
        self.world.after(3).succeed(*steps, direction=COMPENSATION)
        return self.passes()

    def fails_to_undo(self, step_: str) -> "OrderStory":
        """In every attempt that it has."""
        while self.world.status.phase == "RollingBack":
            self.world.after(400).fail(step_, direction=COMPENSATION)
            self.passes()
            self.world.after(400)
            self.passes()
        return self


def shipping() -> OrderStory:
    """All has succeeded before, one at the second attempt, and ship runs."""
    story = OrderStory().succeeds("check").succeeds("charge").fails("reserve")
    story.world.after(5)
    return story.passes().succeeds("reserve")


def rolled_back() -> OrderStory:
    return shipping().fails("ship").undoes("charge").undoes("reserve")


def succeeded() -> OrderStory:
    return shipping().succeeds("ship").succeeds("notify")


def blocked() -> OrderStory:
    return shipping().fails("ship").undoes("reserve").fails_to_undo("charge")
