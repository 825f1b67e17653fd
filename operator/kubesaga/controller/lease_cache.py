"""The lines of concurrency keys, as the Leases that keep them were last seen."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubesaga.api.names import ANNOTATION_LINE, LABEL_CONCURRENCY_KEY, LABEL_MANAGED_BY, MANAGED_BY, lease_name
from kubesaga.controller.cluster import Raw
from kubesaga.controller.object_cache import ObjectCache
from kubesaga.engine.line import Line

LineKey = tuple[str, str]
"""Namespace and concurrency key."""


@dataclass(frozen=True, slots=True)
class LeaseObservation:
    """One Lease that keeps a line."""

    namespace: str
    key: str
    name: str
    uid: str
    resource_version: str = field(compare=False)
    line: Line

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "LeaseObservation":
        """Read a coordination.k8s.io/v1 Lease as the API server stores it."""
        metadata = raw["metadata"]
        return cls(
            namespace=metadata["namespace"],
            key=(metadata.get("labels") or {}).get(LABEL_CONCURRENCY_KEY, ""),
            name=metadata["name"],
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
            line=Line.parse((metadata.get("annotations") or {}).get(ANNOTATION_LINE, "")),
        )


Changed = Callable[[LineKey, Line, Line], None]
"""Called with a line before and after it changed, whoever changed it."""


class LeaseCache:
    """Leases by namespace and key; tells of every line that changed."""

    def __init__(self, clock: Callable[[], float], changed: Changed) -> None:
        self._leases: ObjectCache[LeaseObservation] = ObjectCache(clock)
        self._changed = changed

    def __iter__(self) -> Iterator[LeaseObservation]:
        return (lease for _, lease in self._leases)

    def get(self, key: LineKey) -> LeaseObservation | None:
        """The Lease of that key; of two, one of which is gone as its watch will tell, the newer one."""
        found = self._leases.group(_group(key)).values()
        return max(found, key=lambda lease: int(lease.resource_version), default=None)

    def put(self, raw: Raw) -> LeaseObservation:
        """Take a Lease in, unless what is known is newer."""
        lease = LeaseObservation.parse(raw)
        key = (lease.namespace, lease.key)
        if lease.name == lease_name(lease.key):  # Else it is not one that we made.
            before = self._line(key)
            self._leases.put(_group(key), lease)
            self._tell(key, before)
        return lease

    def remove(self, uid: str) -> None:
        """Forget a Lease for good."""
        key = next(((one.namespace, one.key) for one in self if one.uid == uid), None)
        before = self._line(key) if key is not None else Line()
        self._leases.remove(uid)
        if key is not None:
            self._tell(key, before)

    def _line(self, key: LineKey) -> Line:
        lease = self.get(key)
        return lease.line if lease is not None else Line()

    def _tell(self, key: LineKey, before: Line) -> None:
        after = self._line(key)
        if after != before:
            self._changed(key, before, after)


def lease_manifest(key: LineKey, line: Line) -> Raw:
    """The Lease that keeps a line."""
    patch = line_patch(key, line)
    metadata = {"name": lease_name(key[1]), "namespace": key[0], **patch["metadata"]}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": patch["spec"]}


def line_patch(key: LineKey, line: Line) -> Raw:
    """What a Lease says of its line; whoever stands first is shown as the holder. Labels that were lost come back."""
    labels = {LABEL_CONCURRENCY_KEY: key[1], LABEL_MANAGED_BY: MANAGED_BY}
    return {
        "metadata": {"labels": labels, "annotations": {ANNOTATION_LINE: str(line)}},
        "spec": {"holderIdentity": line.places[0].name},
    }


def _group(key: LineKey) -> str:
    return "/".join(key)
