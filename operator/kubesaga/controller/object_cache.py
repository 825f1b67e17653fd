"""What the watches have shown, and what our own calls have returned: whichever is newer.

A watch may lag behind our own writes, repeat itself, or end and begin anew at an older state. So an object is never
replaced by an older version of itself, and one that was seen deleted does not come back.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

GONE_MAX: Final = 50_000
"""Uids remembered as deleted; a watch lags by seconds, in which no cluster deletes more."""


class Versioned(Protocol):
    """An object with an identity and a version, which is equal to another where they differ in the version only."""

    @property
    def uid(self) -> str:
        """Uid of the object."""

    @property
    def resource_version(self) -> str:
        """Its version; within a resource, versions grow."""


T = TypeVar("T", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A cached object and the key it is listed under."""

    group: str
    value: T


class ObjectCache(Generic[T]):
    """Objects by uid, listed by group (the uid of their Workflow)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        """Seconds that never go back: what tells whether a read began after an object was told to be gone."""
        self._entries: dict[str, Entry[T]] = {}
        self._groups: dict[str, dict[str, T]] = {}
        self._gone: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """Group and object of everything."""
        return iter([(entry.group, entry.value) for entry in self._entries.values()])

    def group(self, group: str) -> dict[str, T]:
        """The objects of a group by uid; not to be changed."""
        return self._groups.get(group, {})

    def put(self, group: str, value: T, *, asked_at: float | None = None) -> bool:
        """Take an object in; False where what is known says the same, is newer, or the object is gone.

        `asked_at`: when a live read of it began, by `clock`. It proves an object alive that was told to be
        gone before: a watch by label says so also where somebody removed the label.
        """
        if asked_at is not None and self._gone.get(value.uid, asked_at) < asked_at:
            del self._gone[value.uid]
        known = self._entries.get(value.uid)
        if value.uid in self._gone or (
            known is not None and int(known.value.resource_version) >= int(value.resource_version)
        ):
            return False
        self._entries[value.uid] = Entry(group, value)
        self._groups.setdefault(group, {})[value.uid] = value
        return known is None or known.value != value

    def remove(self, uid: str) -> str | None:
        """Forget an object for good; returns its group if it was known."""
        self._gone[uid] = self.clock()
        if len(self._gone) > GONE_MAX:
            self._gone.popitem(last=False)
        entry = self._entries.pop(uid, None)
        if entry is None:
            return None
        members = self._groups[entry.group]
        del members[uid]
        if not members:
            del self._groups[entry.group]
        return entry.group
