"""What a container must keep beyond its structure."""

from collections.abc import Collection, Iterator, Sequence

from pydantic import BaseModel

from kubesaga.api.container import Container, EnvVar
from kubesaga.api.names import ENV_PREFIX, ENV_TRACEPARENT
from kubesaga.engine.spec_error import SpecError
from kubesaga.engine.structure import shorten
from kubesaga.engine.suggestion import Suggestions


def container_errors(
    path: str, container: Container, volumes: Collection[str] | None, suggestions: Suggestions
) -> Iterator[SpecError]:
    """Errors of a container as written at `path`. `volumes` are the names of the volumes there are, if known."""
    if container.image is not None and container.image != "".join(container.image.split()):
        yield SpecError(f"{path}.image", f"found {shorten(container.image)}", "must not contain white space")
    if container.env:
        yield from _env_errors(f"{path}.env", container.env)
    for index, source in enumerate(container.env_from or ()):
        if source is not None:
            kinds = [kind for kind in given(source) if kind != "prefix"]
            yield from exactly_one(f"{path}.envFrom[{index}]", kinds, ("configMapRef", "secretRef"))
    if container.volume_mounts:
        yield from _mount_errors(f"{path}.volumeMounts", container, volumes, suggestions)


def exactly_one(path: str, found: Collection[str], allowed: Sequence[str]) -> Iterator[SpecError]:
    """An error unless exactly one of the allowed fields was found."""
    if len(found) != 1:
        choice = f"{', '.join(allowed[:-1])} and {allowed[-1]}"
        yield SpecError(path, f"found {' and '.join(found) or 'none'}", f"must have exactly one of {choice}")


def duplicates(path: str, names: Sequence[str | None], field: str = "") -> Iterator[SpecError]:
    """An error for each name of a list that stood there before."""
    if len(names) < 2 or len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is not None and first.setdefault(name, index) != index:
            place = f"{path}[{index}].{field}" if field else f"{path}[{index}]"
            yield SpecError(place, f"found {shorten(name)}", f"is at {path}[{first[name]}] already")


def given(model: BaseModel) -> list[str]:
    """The wire names of the fields that have a value."""
    fields = type(model).model_fields
    return [str(fields[name].alias) for name, value in model if value is not None]


def _env_errors(path: str, env: Sequence[EnvVar]) -> Iterator[SpecError]:
    yield from duplicates(path, [None if variable is None else variable.name for variable in env], "name")
    for index, variable in enumerate(env):
        if variable is None:
            continue
        name, source = variable.name, variable.value_from
        if name is not None and (name.startswith(ENV_PREFIX) or name == ENV_TRACEPARENT):
            yield SpecError(f"{path}[{index}].name", f"found {shorten(name)}", "is reserved: kubesaga sets it")
        if source is None:
            continue
        if variable.value is not None:
            yield SpecError(f"{path}[{index}]", "found value and valueFrom", "must have one of them")
        allowed = [str(field.alias) for field in type(source).model_fields.values()]
        yield from exactly_one(f"{path}[{index}].valueFrom", given(source), allowed)


def _mount_errors(
    path: str, container: Container, volumes: Collection[str] | None, suggestions: Suggestions
) -> Iterator[SpecError]:
    mounts = container.volume_mounts or ()
    yield from duplicates(path, [None if mount is None else mount.mount_path for mount in mounts], "mountPath")
    for index, mount in enumerate(mounts):
        if mount is None or mount.name is None or volumes is None or mount.name in volumes:
            continue
        expected = f"is no volume of spec.defaults.pod.volumes; {suggestions.did_you_mean(mount.name, volumes)}"
        yield SpecError(f"{path}[{index}].name", f"found {shorten(mount.name)}", expected)
