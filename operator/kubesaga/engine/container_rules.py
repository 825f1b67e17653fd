"""What a container must keep beyond its structure."""

from collections.abc import Iterable, Iterator, Sequence

from kubesaga.api.container import Container, EnvVar
from kubesaga.api.names import ENV_PREFIX, ENV_TRACEPARENT
from kubesaga.api.pod import PodSettings, Volume
from kubesaga.api.workflow import GROUP
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import did_you_mean, shorten


def container_errors(path: str, own: Container, merged: Container, pod: PodSettings) -> Iterator[SpecError]:
    """Errors of a container as written at `path`, and of what became of it with the defaults merged."""
    if not merged.image:
        yield SpecError(f"{path}.image", "missing", "is required here or in spec.defaults.container.image")
    elif own.image is not None and own.image != "".join(own.image.split()):
        yield SpecError(f"{path}.image", f"found {shorten(own.image)}", "must not contain white space")
    yield from env_errors(f"{path}.env", own.env or ())
    yield from _mount_errors(f"{path}.volumeMounts", own, pod)


def env_errors(path: str, env: Sequence[EnvVar]) -> Iterator[SpecError]:
    """Errors of a list of environment variables."""
    yield from duplicates(path, [variable.name for variable in env], "name")
    for index, variable in enumerate(env):
        place = f"{path}[{index}]"
        if variable.name.startswith(ENV_PREFIX) or variable.name == ENV_TRACEPARENT:
            yield SpecError(f"{place}.name", f'found "{variable.name}"', "is reserved: kubesaga sets it")
        if variable.value is not None and variable.value_from is not None:
            yield SpecError(place, "found value and valueFrom", "must have one of them")
        if variable.value_from is not None:
            yield from exactly_one(f"{place}.valueFrom", variable.value_from.wire(), "source")


def pod_errors(path: str, pod: PodSettings) -> Iterator[SpecError]:
    """Errors of the settings of Pods."""
    for key in [*(pod.labels or ()), *(pod.annotations or ())]:
        if key.partition("/")[0] == GROUP:
            field = "labels" if key in (pod.labels or ()) else "annotations"
            yield SpecError(f"{path}.{field}", f'found "{key}"', f"keys of {GROUP} are reserved")
    volumes = pod.volumes or ()
    yield from duplicates(f"{path}.volumes", [volume.name for volume in volumes], "name")
    for index, volume in enumerate(volumes):
        yield from exactly_one(f"{path}.volumes[{index}]", _sources(volume), "source")


def exactly_one(path: str, sources: Iterable[str], noun: str) -> Iterator[SpecError]:
    """An error unless there is exactly one source."""
    names = list(sources)
    if len(names) != 1:
        found = f"found {' and '.join(names)}" if names else f"found no {noun}"
        yield SpecError(path, found, f"must have exactly one {noun}")


def duplicates(path: str, names: Sequence[str], field: str) -> Iterator[SpecError]:
    """An error for each name that stood in the list before."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in first:
            place = f"{path}[{index}].{field}" if field else f"{path}[{index}]"
            yield SpecError(place, f'found "{name}"', f"is used by {path}[{first[name]}] already")
        first.setdefault(name, index)


def _mount_errors(path: str, container: Container, pod: PodSettings) -> Iterator[SpecError]:
    volumes = [volume.name for volume in pod.volumes or ()]
    mounts = container.volume_mounts or ()
    yield from duplicates(path, [mount.mount_path for mount in mounts], "mountPath")
    for index, mount in enumerate(mounts):
        if mount.name not in volumes:
            expected = f"is no volume of spec.defaults.pod.volumes; {did_you_mean(mount.name, volumes)}"
            yield SpecError(f"{path}[{index}].name", f'found "{mount.name}"', expected)


def _sources(volume: Volume) -> list[str]:
    return [name for name in volume.wire() if name != "name"]
