"""The line of one concurrency key: who stands in it, in the order of arrival, and who of them holds a place.

    name        uid   epoch  limit
    order-1     7f..  1      2       holds a place
    order-2     0a..  1      2       holds a place
    release-9   c3..  1      1       waits: the least limit so far is 1
    order-3     5e..  1      2       waits behind it: the least limit so far is still 1

Somebody holds a place while fewer stand before them than the least limit of all up to themselves. So nobody ever runs
beside more than their own limit allows. Whoever is in line only moves up, and who holds a place keeps it: all that
changes is that others leave, or come to the end.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kubesaga.api.limits import CONCURRENCY_LIMIT_MAX, LINE_BYTES_MAX

Holder = tuple[str, int]
"""Uid and epoch: a Workflow that runs again stands in line anew."""


@dataclass(frozen=True, slots=True)
class Place:
    """One Workflow in line."""

    name: str
    uid: str
    epoch: int
    limit: int
    """Beside how many others, itself included, it may run."""

    @property
    def holder(self) -> Holder:
        """Whose it is."""
        return self.uid, self.epoch

    def __str__(self) -> str:
        return f"{self.name} {self.uid} {self.epoch} {self.limit}"


@dataclass(frozen=True)
class Line:
    """Everybody in line, in order."""

    places: tuple[Place, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Line":
        """Read what `str` wrote; what somebody else wrote there is left out."""
        return cls(tuple(filter(None, map(_place, text.splitlines()))))

    def __str__(self) -> str:
        return "\n".join(map(str, self.places))

    @cached_property
    def standing(self) -> Mapping[Holder, bool]:
        """Everybody in line, and whether they hold a place."""
        least = CONCURRENCY_LIMIT_MAX
        found: dict[Holder, bool] = {}
        for before, place in enumerate(self.places):
            least = min(least, place.limit)
            found[place.holder] = before < least
        return found

    @cached_property
    def is_full(self) -> bool:
        """Whether there is no room for anybody more."""
        return len(str(self)) > LINE_BYTES_MAX

    @cached_property
    def _by_uid(self) -> Mapping[str, Mapping[int, bool]]:
        found: dict[str, dict[int, bool]] = {}
        for (uid, epoch), holds in self.standing.items():
            found.setdefault(uid, {})[epoch] = holds
        return found

    def join(self, place: Place, *, first: bool = False) -> "Line":
        """With somebody at the end, or with `first` at the head; the same where they are in line, or it is full.

        Who runs again before they have left keeps the place that they have.
        """
        if place.holder in self.standing or (self.is_full and not first):
            return self
        if self.epochs(place.uid):
            return Line(tuple(place if one.uid == place.uid else one for one in self.places))
        return Line((place, *self.places) if first else (*self.places, place))

    def join_if_free(self, place: Place) -> "Line":
        """With somebody at the end, if they hold a place there; else the same."""
        joined = self.join(place)
        return joined if joined.standing.get(place.holder) else self

    def leave(self, uid: str, epoch: int) -> "Line":
        """Without a Workflow, as far as its epochs go."""
        return Line(tuple(place for place in self.places if place.uid != uid or place.epoch > epoch))

    def without(self, uids: Collection[str]) -> "Line":
        """Without these Workflows."""
        return Line(tuple(place for place in self.places if place.uid not in uids))

    def epochs(self, uid: str) -> Mapping[int, bool]:
        """The epochs of a Workflow that are in line, and whether they hold a place."""
        return self._by_uid.get(uid, {})

    def holders(self) -> Iterator[Place]:
        """Those who hold a place."""
        return (place for place in self.places if self.standing[place.holder])


def _place(text: str) -> Place | None:
    match text.split():
        case [name, uid, epoch, limit] if epoch.isdecimal() and limit.isdecimal() and int(limit) > 0:
            return Place(name, uid, int(epoch), int(limit))
    return None
