"""The cache of Workflows: what is gone does not come back, and whoever has taken its name stays."""

from typing import Any

import pytest

from kubesaga.controller import workflow_cache
from kubesaga.controller.workflow_cache import WorkflowCache

KEY = ("default", "order")


def workflow(uid: str, version: int, key: str | None = None) -> dict[str, Any]:
    metadata = {"namespace": "default", "name": "order", "uid": uid, "resourceVersion": str(version)}
    spec = {"steps": [], **({"concurrency": {"key": key}} if key else {})}
    return {"metadata": metadata, "spec": spec, "status": {}}


def uid_of(cache: WorkflowCache) -> str | None:
    found = cache.get(KEY)
    return found.uid if found is not None else None


def test_a_newer_version_replaces_an_older_and_never_the_other_way() -> None:
    cache = WorkflowCache()
    assert [cache.put(workflow("a", version)) for version in (9, 10, 9, 10)] == [True, True, False, False]
    assert len(cache) == 1


def test_what_is_gone_does_not_come_back_with_a_late_answer() -> None:
    cache = WorkflowCache()
    cache.put(workflow("a", 1))
    assert cache.remove(KEY, "a")
    assert not cache.put(workflow("a", 2))
    assert (uid_of(cache), cache.key_of("a")) == (None, None)
    assert not cache.remove(KEY, "a")


def test_what_was_told_to_be_gone_before_it_was_known_is_gone() -> None:
    cache = WorkflowCache()
    assert not cache.remove(KEY, "a")
    assert not cache.put(workflow("a", 1))


def test_another_of_the_same_name_stays_whatever_is_told_of_the_one_before() -> None:
    """That the one before was deleted need not have been told."""
    cache = WorkflowCache()
    cache.put(workflow("a", 1, "till"))
    assert cache.put(workflow("b", 5, "till"))
    assert not cache.put(workflow("a", 4))
    assert not cache.put(workflow("a", 6))
    assert not cache.remove(KEY, "a")
    assert (uid_of(cache), cache.key_of("a"), cache.key_of("b")) == ("b", None, KEY)
    assert [key for key, _ in cache.in_line(("default", "till"))] == [KEY]


def test_an_older_one_of_the_same_name_is_not_taken_for_the_newer() -> None:
    """A watch that begins anew at an older state shows what was there before."""
    cache = WorkflowCache()
    cache.put(workflow("b", 5))
    assert not cache.put(workflow("a", 4))
    assert uid_of(cache) == "b"


def test_no_more_are_remembered_than_a_watch_may_lag_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_cache, "GONE_MAX", 2)
    cache = WorkflowCache()
    for uid in "abc":
        cache.remove(KEY, uid)
    assert [cache.put(workflow(uid, 1)) for uid in "cba"] == [False, False, True]
