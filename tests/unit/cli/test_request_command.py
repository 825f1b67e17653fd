"""Tokens that the commands give: each is new to the operator, whatever was asked before."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import Result

from fake_cluster import WATCH_ENDS, FakeCluster, ago
from fake_cluster import workflow as fake_workflow
from kubesaga.cli.request_command import new_token
from kubesaga.engine.request import Request, Verb
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
        async def annotate_workflow(self, *called: Any) -> dict[str, Any]:
            annotations = called[-1]
            token = annotations[Verb.CANCEL.annotation]
            answer = {"verb": "cancel", "token": token, "accepted": True, "message": "done", "time": ago(0)}
            going = shipping().last
            answered = {**going["status"], "handledRequests": [answer]}
            self._story.append(WATCH_ENDS)
            self._story.append(fake_workflow(answered, going["spec"], 70))
            return going

    result = saga(Answers(shipping().last), "cancel", "order")
    assert (result.exit_code, result.stdout) == (0, "workflow.kubesaga.dev/order: cancel accepted: done\n")
