"""kopf as the entry: it watches the Workflows, and tells the controller what changed and what is gone.

Jobs and Pods, of which there are many more, have a watch of our own (`watch`).
"""

from collections.abc import Callable
from typing import Any, cast

import kopf

from kubesaga.api.group import GROUP, PLURAL, VERSION
from kubesaga.controller.cluster import Raw
from kubesaga.controller.controller import Controller


def registry_for(controller: Controller) -> kopf.OperatorRegistry:
    """Handlers that feed the controller. Events only: kopf's other handlers write annotations and finalizers."""
    registry = kopf.OperatorRegistry()

    def tell(event: kopf.RawEvent, changed: Callable[[Raw], None], gone: Callable[[Raw], None]) -> None:
        """Pass on one watch event; one without a type is of the list that a watch begins with."""
        if event["type"] is None:
            controller.listed()
        (gone if event["type"] == "DELETED" else changed)(dict(event["object"]))

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def workflow(event: kopf.RawEvent, **_: Any) -> None:
        tell(event, controller.workflow_changed, controller.workflow_gone)

    return registry


def settings_for() -> kopf.OperatorSettings:
    """kopf as a watcher: nothing posted, nothing scanned, nothing remembered in the objects."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.networking.error_backoffs = [0.1, 0.2, 0.5, 1, 2, 5, 10, *[15] * 100]
    settings.queueing.idle_timeout = 0.5  # An object's worker holds nothing that is worth more memory,
    settings.queueing.exit_timeout = 0.5  # and no work that has to be waited for.
    return settings


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-handled configuration, and copies no object to compare it with one."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:  # noqa: ARG002
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """Keeps no handler's progress."""

    def fetch(self, *, key: Any, body: kopf.Body) -> Any:  # noqa: ARG002
        return None

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        pass

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        pass

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        pass

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence
