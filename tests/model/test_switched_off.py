"""Each rule that is switched off is missed: the checker prints how it comes to harm."""

import pytest

from model.explorer import Explorer
from model.model import Model
from model.story import replay, story
from model.switched_off import SWITCHED_OFF, SwitchedOff


@pytest.mark.parametrize("missing", SWITCHED_OFF, ids=str)
def test_a_rule_that_is_switched_off_is_missed(missing: SwitchedOff) -> None:
    with missing.off():
        found = Explorer(Model(missing.configuration, missing.rules)).explore().violation
        assert found is not None, "nothing breaks without it"
        assert found.broken.partition(":")[0] == missing.breaks, story(missing.configuration, found, missing.rules)


def test_with_every_rule_the_same_configurations_keep_their_promises() -> None:
    chosen = [one.configuration for one in SWITCHED_OFF]
    for place, configuration in enumerate(chosen):
        if configuration not in chosen[:place]:
            assert Explorer(Model(configuration)).explore().violation is None, configuration.name


def test_a_story_says_what_was_seen_decided_written_and_broken_and_can_be_played_again() -> None:
    missing = next(one for one in SWITCHED_OFF if one.what == "effects come before the status")
    with missing.off():
        found = Explorer(Model(missing.configuration, missing.rules)).explore().violation
        assert found is not None
        told = story(missing.configuration, found, missing.rules)
        _, _, broken = replay(missing.configuration, found.moves, missing.rules)
    assert told.splitlines() == [
        "switched off: two steps:",
        "  1. operator A passes acts before it writes",
        "       sees    None/None; no step | no Job",
        "       will    create a-f1, create b-f1",
        "  2. operator A create a-f1",
        "       Jobs    a-f1 (goes on, Pod runs)",
        "broken: the_status_is_written_first: the Job a-f1 is created, and the status says nothing of it",
        "  status: None/None; no step",
        "  Jobs:   a-f1 (goes on, Pod runs)",
        "moves = [",
        "    ('operator A', 'passes', 'acts before it writes'),",
        "    ('operator A', 'create', 'a-f1'),",
        "]",
    ]
    assert broken == found.broken
