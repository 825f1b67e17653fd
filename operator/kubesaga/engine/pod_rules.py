"""What the settings of all Pods must keep beyond their structure."""

from collections.abc import Iterator

from kubesaga.api.group import GROUP
from kubesaga.api.pod import PodSettings
from kubesaga.engine.container_rules import duplicates, exactly_one, given
from kubesaga.engine.outline import Outline
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import shorten


def pod_errors(path: str, pod: PodSettings) -> Iterator[SpecError]:
    """Errors of the settings as written at `path`."""
    for field, keys in (("labels", pod.labels), ("annotations", pod.annotations)):
        for key in keys or ():
            prefix = key.partition("/")[0]
            if "/" in key and (prefix == GROUP or prefix.endswith(f".{GROUP}")):
                yield SpecError(f"{path}.{field}", f"found {shorten(key)}", f"keys of {GROUP} are reserved")
    volumes = pod.volumes or ()
    yield from duplicates(f"{path}.volumes", [None if volume is None else volume.name for volume in volumes], "name")
    for index, volume in enumerate(volumes):
        if volume is not None:
            allowed = [str(field.alias) for name, field in type(volume).model_fields.items() if name != "name"]
            found = [source for source in given(volume) if source != "name"]
            yield from exactly_one(f"{path}.volumes[{index}]", found, allowed)


def volume_names(outlined: Outline) -> frozenset[str] | None:
    """The names of the volumes that containers may mount; None where they cannot be read."""
    if outlined.is_unsure("spec.defaults.pod.volumes"):
        return None
    pod = outlined.spec.defaults.pod if outlined.spec.defaults is not None else None
    return frozenset(volume.name for volume in (pod and pod.volumes) or ())
