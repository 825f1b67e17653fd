"""The cache: never an older version over a newer one, and nothing comes back from the dead."""

import time
from dataclasses import dataclass, field

from kubesaga.controller.object_cache import GONE_MAX, ObjectCache


@dataclass(frozen=True)
class Thing:
    uid: str
    resource_version: str = field(compare=False)
    state: str = ""


def test_a_newer_version_replaces_an_older_and_never_the_other_way() -> None:
    cache: ObjectCache[Thing] = ObjectCache()
    assert cache.put("w", Thing("u", "9"))
    assert not cache.put("w", Thing("u", "9"))
    assert cache.put("w", Thing("u", "10", "changed")), "versions are numbers, not texts"
    assert not cache.put("w", Thing("u", "9"))
    assert cache.group("w")["u"].resource_version == "10"
    assert len(cache) == len(list(cache)) == 1


def test_a_newer_version_that_says_the_same_is_kept_and_is_no_news() -> None:
    cache: ObjectCache[Thing] = ObjectCache()
    cache.put("w", Thing("u", "1", "running"))
    assert not cache.put("w", Thing("u", "3", "running"))
    assert not cache.put("w", Thing("u", "2", "pending")), "it is older than what says the same"
    assert cache.put("w", Thing("u", "4", "ended"))


def test_what_is_gone_does_not_come_back_with_a_late_event() -> None:
    cache: ObjectCache[Thing] = ObjectCache()
    cache.put("w", Thing("u", "1"))
    assert cache.remove("u") == "w"
    assert not cache.put("w", Thing("u", "2"))
    assert cache.group("w") == {}
    assert cache.remove("u") is None


def test_a_read_that_began_later_proves_alive_what_a_watch_lost_sight_of() -> None:
    cache: ObjectCache[Thing] = ObjectCache()
    cache.put("w", Thing("u", "1"))
    before = time.monotonic()
    cache.remove("u")
    assert not cache.put("w", Thing("u", "2"), asked_at=before), "it may have been deleted while it was read"
    assert cache.put("w", Thing("u", "2"), asked_at=time.monotonic())


def test_what_is_remembered_as_gone_is_bounded() -> None:
    cache: ObjectCache[Thing] = ObjectCache()
    for index in range(GONE_MAX + 1):
        cache.remove(str(index))
    assert cache.put("w", Thing("0", "1"))
    assert not cache.put("w", Thing(str(GONE_MAX), "1"))
