"""What an API server was asked: its audit log, one JSON object a line, read from a mark on."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """One request that was answered."""

    user: str
    verb: str
    resource: str
    """The plural with its subresource, such as `jobs` or `workflows/status`; empty for a bare path such as /version."""
    namespace: str
    name: str
    code: int
    path: str
    agent: str
    """The user agent; the operator's is `kubesaga`."""
    time: datetime
    """When it was answered."""
    allowed: bool
    """Whether the user had the right to ask for it."""

    @property
    def writes(self) -> bool:
        """Whether it asked for a change."""
        return self.verb in ("create", "update", "patch", "delete", "deletecollection")


class AuditLog:
    """The audit log at `path`. The API server writes a line just after it has answered, so waiting may be needed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mark(self) -> int:
        """The end of the log as it is now, to read from later."""
        return self.path.stat().st_size

    def requests(self, since: int = 0, **wanted: object) -> list[Request]:
        """The requests since a mark whose fields are as wanted, such as `verb="create", resource="jobs"`."""
        place = str(wanted.get("namespace", "")).encode()
        with self.path.open("rb") as log:
            log.seek(since)
            # Decoding is what takes time, and the log of a whole session is long.
            lines = [line for line in log if line.endswith(b"\n") and place in line]
        found = (_request(json.loads(line)) for line in lines)
        return [one for one in found if all(getattr(one, field) == value for field, value in wanted.items())]

    def jobs_created(self, namespace: str, standing: Collection[str] = ()) -> list[str]:
        """The names of all Jobs ever created in a namespace, sorted; one created twice stands twice.

        A caller that is killed while it waits leaves a 504, whether or not the Job was created. The Jobs `standing`
        now that no 201 accounts for were created so.
        """
        asked = self.requests(verb="create", resource="jobs", namespace=namespace)
        created = [request.name for request in asked if request.code == 201]
        unanswered = {request.name for request in asked if request.code == 504}
        return sorted(created + list((unanswered & set(standing)) - set(created)))

    def wait_for(self, count: int, since: int = 0, seconds_max: float = 10, **wanted: object) -> list[Request]:
        """The requests, as soon as there are at least `count`; an error if they do not come."""
        end = time.monotonic() + seconds_max
        while len(found := self.requests(since, **wanted)) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {count} requests with {wanted} in {seconds_max} s")
            time.sleep(0.05)
        return found


def _request(event: dict) -> Request:
    reference = event.get("objectRef", {})
    resource = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
    return Request(
        user=event["user"]["username"],
        verb=event["verb"],
        resource=resource,
        namespace=reference.get("namespace", ""),
        name=reference.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        path=event["requestURI"],
        agent=event.get("userAgent", ""),
        time=datetime.fromisoformat(event["stageTimestamp"]),
        allowed=event.get("annotations", {}).get("authorization.k8s.io/decision") != "forbid",
    )
