"""The request `resubmit`: a new Workflow of the same spec, made once per token."""

from world import UID, World, step

from kubesaga.engine.decision import Write
from kubesaga.engine.observation import ResubmissionObservation

RESUBMIT = "kubesaga.dev/resubmit"


def asked(token: str = "1") -> World:
    world = World(step("a"))
    world.passes()
    world.succeed("a").passes()
    world.annotations[RESUBMIT] = token
    world.passes()
    return world


def seen(world: World, observation: ResubmissionObservation | None) -> World:
    world.resubmission = observation
    world.passes()
    world.resubmission = None
    return world


def test_the_new_one_has_the_spec_and_says_where_it_comes_from() -> None:
    world = asked()
    [action] = world.last.actions
    assert action.manifest["spec"] == world.spec
    assert action.manifest["metadata"]["annotations"] == {"kubesaga.dev/resubmission-of": f"order/{UID}"}
    assert action.name.startswith("order-")
    assert world.status.handled_requests[-1].message == f"Workflow {action.name} is made of it"
    assert world.status.phase == "Succeeded"


def test_it_is_written_down_before_it_is_made_and_made_until_it_was_seen() -> None:
    world = asked()
    assert world.last.write is Write.NOW
    assert [a.name for a in world.passes().actions] == [world.status.resubmission.name]
    seen(world, ResubmissionObservation("new-uid"))
    assert world.status.resubmission.uid == "new-uid"
    assert (world.passes().actions, world.last.write) == ((), Write.NONE)


def test_each_token_makes_one_of_its_own() -> None:
    world = seen(asked(), ResubmissionObservation("first"))
    before = world.status.resubmission.name
    world.annotations[RESUBMIT] = "2"
    world.passes()
    assert world.status.resubmission.name not in (before, None)


def test_a_refusal_is_told_and_ends_it() -> None:
    world = seen(asked(), ResubmissionObservation(None, "exceeded quota"))
    assert [event.reason for event in world.last.events] == ["ResubmissionRefused"]
    assert (world.status.resubmission, world.passes().actions) == (None, ())


def test_one_that_has_not_ended_is_not_made_anew() -> None:
    world = World(step("a"))
    world.passes()
    world.annotations[RESUBMIT] = "1"
    world.passes()
    message = "only a Workflow that has ended is made anew: it is Running"
    assert (world.status.handled_requests[-1].message, world.status.resubmission) == (message, None)


def test_a_long_name_stays_a_name() -> None:
    world = asked()
    assert len(world.last.actions[0].name) == len("order-xxxxx")
