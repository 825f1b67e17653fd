"""DependencyResolver: every pending step is ready, waiting or blocked."""

from world import World, step

from kubesaga.api.status import StepStatus
from kubesaga.engine.resolver import DependencyResolver


def test_steps_are_sorted_by_what_they_wait_for() -> None:
    plan = World(step("a"), step("b", "a"), step("c"), step("d", "c"), step("e", "d"), step("f", "c", "a")).plan()
    steps = {"a": StepStatus(name="a", state="Running"), "c": StepStatus(name="c", state="Failed")}
    resolution = DependencyResolver().resolve(plan, steps)
    assert resolution.ready == ()
    assert resolution.waiting == {"b": ("a",)}
    assert resolution.blocked == {"d": ("c",), "e": ("d",), "f": ("c",)}
