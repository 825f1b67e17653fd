"""Tokens that the commands give: each is new to the operator, whatever was asked before."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import Result

from fake_cluster import WATCH_ENDS, FakeCluster, ago
from fake_cluster import workflow as fake_workflow
from kubesaga.cli.request_command import new_token, unanswered_for_another
from kubesaga.cli.verb_commands import verb_commands
from kubesaga.controller.errors import Conflict
from kubesaga.engine.request import Request
from kubesaga.engine.verb import Scope, Verb
from order_story import shipping

NOW = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
RETRY = Verb.RETRY_COMPENSATION


def workflow(annotation: str | None = None, *handled: str) -> dict[str, Any]:
    annotations = {RETRY.annotation: annotation} if annotation else {}
    answers = [{"verb": RETRY.value, "token": token} for token in handled]
    return {"metadata": {"annotations": annotations}, "status": {"handledRequests": answers}}


def test_the_first_token_is_the_time() -> None:
    assert new_token(RETRY, None, {"metadata": {}}, NOW) == "2026-01-01T12:00:00.123+00:00"
    assert new_token(RETRY, "ship", {"metadata": {}}, NOW) == "ship@2026-01-01T12:00:00.123+00:00"


@pytest.mark.parametrize(
    "found",
    [
        workflow("2026-01-01T12:00:00.123Z"),
        workflow("2030-01-01T00:00:00Z"),
        workflow("99999999999999"),
        workflow(None, "7", "2030-01-01T00:00:00Z"),
        workflow("garbage", "12"),
    ],
)
def test_a_token_is_greater_than_all_before_it(found: dict[str, Any]) -> None:
    token = Request.parse(RETRY, new_token(RETRY, None, found, NOW))
    asked = [found["metadata"]["annotations"].get(RETRY.annotation)]
    asked += [one["token"] for one in found["status"]["handledRequests"]]
    before = [Request.parse(RETRY, one).number for one in asked if one]
    assert token.number is not None
    assert all(token.number > number for number in before if number is not None)


def test_what_was_asked_for_another_step_does_not_count() -> None:
    assert new_token(RETRY, "a", workflow("b@999999999999999"), NOW).startswith("a@2026-")


def test_an_answer_is_waited_for_also_where_the_watch_ends_meanwhile(saga: Callable[..., Result]) -> None:
    class Answers(FakeCluster):
        async def patch_workflow(self, *called: Any) -> dict[str, Any]:
            token = called[-1]["metadata"]["annotations"][Verb.CANCEL.annotation]
            answer = {"verb": "cancel", "token": token, "accepted": True, "message": "done", "time": ago(0)}
            going = shipping().last
            answered = {**going["status"], "handledRequests": [answer]}
            self._story.append(WATCH_ENDS)
            self._story.append(fake_workflow(answered, going["spec"], 70))
            return going

    result = saga(Answers(shipping().last), "cancel", "order")
    assert (result.exit_code, result.stdout) == (0, "workflow.kubesaga.dev/order: cancel accepted: done\n")


def with_annotation(value: str, *handled: dict[str, Any]) -> dict[str, Any]:
    found = shipping().last
    found["metadata"].setdefault("annotations", {})[Verb.RETRY_STEP.annotation] = value
    found["status"]["handledRequests"] = list(handled)
    return found


def test_what_was_asked_for_another_step_and_not_answered_is_not_overwritten(saga: Callable[..., Result]) -> None:
    result = saga(FakeCluster(with_annotation("reserve@1")), "retry-step", "order", "ship")
    said = "kubesaga: retry-step reserve@1 waits for the operator's answer: ask again when it is there\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", said)


@pytest.mark.parametrize("standing", ["ship@1", "nonsense"])
def test_the_same_step_and_nonsense_may_be_overwritten(standing: str) -> None:
    assert unanswered_for_another(Verb.RETRY_STEP, "ship", with_annotation(standing)) is None


def test_what_was_answered_may_be_overwritten() -> None:
    answered = {"verb": "retry-step", "target": "reserve", "token": "reserve@1", "accepted": False}
    assert unanswered_for_another(Verb.RETRY_STEP, "ship", with_annotation("reserve@1", answered)) is None


def test_a_request_that_another_one_overtook_has_the_answer_of_that_one(saga: Callable[..., Result]) -> None:
    class Overtaken(FakeCluster):
        async def patch_workflow(self, *_: Any) -> dict[str, Any]:
            answer = {"verb": "cancel", "token": "2999-01-01T00:00:00Z", "accepted": True, "message": "done"}
            going = shipping().last
            answered = {**going["status"], "handledRequests": [{**answer, "time": ago(0)}]}
            self._story.append(fake_workflow(answered, going["spec"], 70))
            return going

    result = saga(Overtaken(shipping().last), "cancel", "order")
    assert (result.exit_code, result.stdout) == (0, "workflow.kubesaga.dev/order: cancel accepted: done\n")


def test_a_request_that_met_a_change_is_made_anew(saga: Callable[..., Result]) -> None:
    class Changing(FakeCluster):
        calls = 0

        async def patch_workflow(self, *_: Any) -> dict[str, Any]:
            Changing.calls += 1
            if Changing.calls == 1:
                raise Conflict(409, "Conflict", "it changed")
            return shipping().last

    result = saga(Changing(shipping().last), "suspend", "order", "--timeout", "0")
    assert (result.exit_code, result.stdout) == (0, "workflow.kubesaga.dev/order: suspend requested\n")


def test_outputs_and_note_go_with_the_request(saga: Callable[..., Result]) -> None:
    said: dict[str, Any] = {}

    class Recording(FakeCluster):
        async def patch_workflow(self, *called: Any) -> dict[str, Any]:
            said.update(called[-1]["metadata"]["annotations"])
            return shipping().last

    arguments = ("skip-step", "order", "ship", "--output", "id=r-17", "--note", "by hand", "--timeout", "0")
    assert saga(Recording(shipping().last), *arguments).exit_code == 0
    assert said[Verb.SKIP_STEP.outputs] == '{"id": "r-17"}'
    assert said[Verb.SKIP_STEP.note] == "by hand"


def test_every_verb_is_a_command_that_asks_for_a_step_where_it_needs_one() -> None:
    commands = {command.name: command for command in verb_commands()}
    assert set(commands) == {verb.value for verb in Verb}
    for verb in Verb:
        steps = [p.required for p in commands[verb.value].params if p.name == "step"]
        assert steps == {Scope.WORKFLOW: [], Scope.STEP: [True], Scope.EITHER: [False]}[verb.scope]


def test_after_the_greatest_token_there_is_none(saga: Callable[..., Result]) -> None:
    found = with_annotation("ship@999999999999999")
    result = saga(FakeCluster(found), "retry-step", "order", "ship")
    said = (
        "kubesaga: retry-step cannot be asked for any more: 999999999999999, its last token, is the greatest there is\n"
    )
    assert (result.exit_code, result.stderr) == (1, said)
