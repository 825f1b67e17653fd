"""The person whom some Workflows wait for, and who sees all of them to their end."""

import time
from collections.abc import Callable, Mapping

from cluster.faults.api_server import WORKFLOWS, ApiServer, ApiServerError, Raw
from cluster.faults.references import Reference

POLL_SECONDS = 0.2


def see_to_the_end(
    api: ApiServer,
    namespace: str,
    references: Mapping[str, Reference],
    seconds_max: float,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, Raw]:
    """Ask for what each of these Workflows waits for, until all have ended; returns them then, by name.

    `meanwhile` is called now and then. An API server that does not answer is asked again. An error names those that
    have not ended in time.
    """
    end = time.monotonic() + seconds_max
    while True:
        meanwhile()
        found: dict[str, Raw] = {}
        try:
            found = api.workflows(namespace)
            going = [name for name, one in references.items() if not one.has_ended(found.get(name, {}))]
            for name in going:
                _ask(api, namespace, found.get(name), references[name])
        except ApiServerError as error:
            going = [f"unknown: {error}"]
        if not going:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not ended in {seconds_max} s: {_stand(found, going)}")
        time.sleep(POLL_SECONDS)


def _ask(api: ApiServer, namespace: str, raw: Raw | None, reference: Reference) -> None:
    asked = reference.asked
    if raw is not None and asked is not None and asked.is_due(raw):
        annotations = {f"kubesaga.dev/{asked.verb}": "1"}
        path = f"{WORKFLOWS.format(namespace)}/{raw['metadata']['name']}"
        api.patch(path, {"metadata": {"annotations": annotations}})


def _stand(found: Mapping[str, Raw], going: list[str]) -> str:
    """How they stand that have not ended."""
    told = []
    for name in going[:5]:
        status = found.get(name, {}).get("status", {})
        steps = [(step["name"], step["state"]) for step in status.get("steps", ())]
        told.append(f"{name} is {status.get('phase')} ({status.get('reason')}), {steps}")
    return "; ".join(told)
