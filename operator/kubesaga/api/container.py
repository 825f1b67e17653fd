"""The subset of core/v1 Container that a step may say, field for field as Kubernetes names them."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from kubesaga.api.limits import LIST_MAX, NAME_LENGTH_MAX, OBJECT_NAME_LENGTH_MAX, VALUE_LENGTH_MAX
from kubesaga.api.model import ApiModel, Flag

Text = Annotated[str, StringConstraints(max_length=VALUE_LENGTH_MAX)]
ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=OBJECT_NAME_LENGTH_MAX)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_QUANTITY = r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$"
Quantity = Annotated[str, StringConstraints(max_length=32, pattern=_QUANTITY)] | Annotated[int, Field(strict=True)]
Quantities = Annotated[dict[str, Quantity], Field(max_length=16)]
EnvName = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^=\x00]+$")]


class KeySelector(ApiModel):
    """One key of a ConfigMap or Secret."""

    name: ObjectName
    """Name of the object, in the Workflow's namespace."""
    key: ObjectName
    """The key to select."""
    optional: Flag | None = None
    """Whether the object or its key may be absent."""


class FieldSelector(ApiModel):
    """A field of the step's own Pod."""

    field_path: Path
    """Path of the field, such as metadata.name."""
    api_version: ObjectName | None = None
    """Version of the schema that the path is written in; v1 by default."""


class ResourceFieldSelector(ApiModel):
    """A resource of the step's own container."""

    resource: ObjectName
    """The resource, such as limits.memory."""
    container_name: ObjectName | None = None
    """The container; the step's own by default."""
    divisor: Quantity | None = None
    """The unit that the value is given in."""


class EnvSource(ApiModel):
    """Where the value of an environment variable comes from; exactly one source."""

    config_map_key_ref: KeySelector | None = None
    """A key of a ConfigMap."""
    secret_key_ref: KeySelector | None = None
    """A key of a Secret."""
    field_ref: FieldSelector | None = None
    """A field of the Pod."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A resource of the container."""


class EnvVar(ApiModel):
    """An environment variable. $(params.x), $(steps.s.outputs.k), $(workflow.name) and $(attempt) are substituted."""

    name: EnvName
    """Name of the variable. Names that begin with KUBESAGA_ are reserved."""
    value: Text | None = None
    """The value."""
    value_from: EnvSource | None = None
    """Where the value comes from instead."""


class ObjectReference(ApiModel):
    """A ConfigMap or Secret as a whole."""

    name: ObjectName
    """Name of the object."""
    optional: Flag | None = None
    """Whether the object may be absent."""


class EnvFromSource(ApiModel):
    """All keys of a ConfigMap or Secret as environment variables."""

    prefix: Annotated[str, StringConstraints(max_length=256)] | None = None
    """Prepended to each key."""
    config_map_ref: ObjectReference | None = None
    """The ConfigMap."""
    secret_ref: ObjectReference | None = None
    """The Secret."""


class Resources(ApiModel):
    """Compute resources of the container."""

    limits: Quantities | None = None
    """Most that may be used."""
    requests: Quantities | None = None
    """What is reserved."""


class VolumeMount(ApiModel):
    """A volume of defaults.pod.volumes, mounted into the container."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH_MAX)]
    """Name of the volume."""
    mount_path: Path
    """Path in the container."""
    sub_path: Path | None = None
    """Path in the volume; its root by default."""
    read_only: Flag | None = None
    """Whether the volume is mounted read-only."""


class Capabilities(ApiModel):
    """Linux capabilities to add and drop."""

    add: Annotated[tuple[ObjectName, ...], Field(max_length=64)] | None = None
    """Capabilities to add."""
    drop: Annotated[tuple[ObjectName, ...], Field(max_length=64)] | None = None
    """Capabilities to drop."""


class SeccompProfile(ApiModel):
    """The seccomp profile of the container or Pod."""

    type: Literal["RuntimeDefault", "Localhost", "Unconfined"]
    """Kind of the profile."""
    localhost_profile: Path | None = None
    """Path of the profile on the machine, for Localhost."""


class SecurityContext(ApiModel):
    """Security settings of the container."""

    allow_privilege_escalation: Flag | None = None
    """Whether a process may gain more privileges than its parent."""
    capabilities: Capabilities | None = None
    """Linux capabilities."""
    privileged: Flag | None = None
    """Whether the container is privileged."""
    read_only_root_filesystem: Flag | None = None
    """Whether the root file system is read-only."""
    run_as_group: Annotated[int, Field(strict=True, ge=0)] | None = None
    """Group id of the process."""
    run_as_non_root: Flag | None = None
    """Whether the kubelet refuses to run it as root."""
    run_as_user: Annotated[int, Field(strict=True, ge=0)] | None = None
    """User id of the process."""
    seccomp_profile: SeccompProfile | None = None
    """The seccomp profile."""


class Container(ApiModel):
    """The one container of a step. `defaults.container` is merged under it; `env` by name, all else field by field."""

    image: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """The image. Substituted. Required here or in defaults.container."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When to pull the image."""
    command: Annotated[tuple[Text, ...], Field(max_length=LIST_MAX)] | None = None
    """Entrypoint of the container. Substituted, except the script of a shell."""
    args: Annotated[tuple[Text, ...], Field(max_length=LIST_MAX)] | None = None
    """Arguments of the entrypoint. Substituted, except the script of a shell."""
    working_dir: Path | None = None
    """Working directory."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=LIST_MAX)] | None = None
    """Environment variables. Values are substituted."""
    env_from: Annotated[tuple[EnvFromSource, ...], Field(max_length=LIST_MAX)] | None = None
    """Sources of further environment variables."""
    resources: Resources | None = None
    """Compute resources."""
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=LIST_MAX)] | None = None
    """Volumes of defaults.pod.volumes to mount."""
    security_context: SecurityContext | None = None
    """Security settings."""
    termination_message_path: Path | None = None
    """File that the step writes its outputs to, as a JSON object of strings; /dev/termination-log by default."""
