"""What the defaults of a spec must keep beyond their structure."""

from collections.abc import Iterator

from kubesaga.api.container import Container
from kubesaga.api.spec import Defaults
from kubesaga.engine.container_rules import container_errors
from kubesaga.engine.draft import container_draft
from kubesaga.engine.merge import ContainerDefaults
from kubesaga.engine.outline import Outline
from kubesaga.engine.plan import STEP_RETRY
from kubesaga.engine.pod_rules import pod_errors, volume_names
from kubesaga.engine.reference_rules import Known, default_reference_errors, misplaced_references, wire
from kubesaga.engine.retry_rules import retry_errors
from kubesaga.engine.spec_error import SpecError

_POD = "spec.defaults.pod"
_CONTAINER = "spec.defaults.container"


def default_errors(outlined: Outline, defaults: Defaults, known: Known) -> Iterator[SpecError]:
    """Errors of the defaults."""
    if defaults.pod is not None:
        yield from pod_errors(_POD, defaults.pod)
        yield from misplaced_references(_POD, wire(defaults.pod))
    if defaults.retry is not None:
        yield from retry_errors("spec.defaults.retry", defaults.retry, STEP_RETRY)
    if defaults.container is not None:
        yield from _container_errors(outlined, defaults.container, known)


def _container_errors(outlined: Outline, container: Container, known: Known) -> Iterator[SpecError]:
    for field, value in (("command", container.command), ("args", container.args)):
        if value is not None:
            yield SpecError(f"{_CONTAINER}.{field}", "found a value", "not in defaults: every step says its own")
    yield from container_errors(_CONTAINER, container, volume_names(outlined), known.suggestions)
    yield from default_reference_errors(container_draft(_CONTAINER, container, ContainerDefaults(None)), known)
