"""Settings of the Pods of all steps, as `defaults.pod` says them, field for field as core/v1 PodSpec names them."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from kubesaga.api.container import ObjectName, Path, Quantity, SeccompProfile
from kubesaga.api.limits import LIST_MAX, NAME_LENGTH_MAX, SECONDS_MAX
from kubesaga.api.model import ApiModel, Flag

LabelValue = Annotated[str, StringConstraints(max_length=NAME_LENGTH_MAX)]
Mode = Annotated[int, Field(strict=True, ge=0, le=0o777)]
VolumeName = Annotated[str, StringConstraints(max_length=NAME_LENGTH_MAX, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]


class Toleration(ApiModel):
    """Lets the Pod onto nodes with a matching taint."""

    key: ObjectName | None = None
    """The taint's key; all keys by default."""
    operator: Literal["Exists", "Equal"] | None = None
    """How value is compared."""
    value: LabelValue | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; all effects by default."""
    toleration_seconds: Annotated[int, Field(strict=True, ge=0, le=SECONDS_MAX)] | None = None
    """How long a NoExecute taint is tolerated."""


class KeyToPath(ApiModel):
    """One key of a ConfigMap or Secret as a file."""

    key: ObjectName
    """The key."""
    path: Path
    """Path of the file in the volume."""
    mode: Mode | None = None
    """Permission bits."""


class ConfigMapVolume(ApiModel):
    """A ConfigMap as files."""

    name: ObjectName
    """Name of the ConfigMap."""
    items: Annotated[tuple[KeyToPath, ...], Field(max_length=LIST_MAX)] | None = None
    """The keys; all by default."""
    default_mode: Mode | None = None
    """Permission bits."""
    optional: Flag | None = None
    """Whether it may be absent."""


class SecretVolume(ApiModel):
    """A Secret as files."""

    secret_name: ObjectName
    """Name of the Secret."""
    items: Annotated[tuple[KeyToPath, ...], Field(max_length=LIST_MAX)] | None = None
    """The keys; all by default."""
    default_mode: Mode | None = None
    """Permission bits."""
    optional: Flag | None = None
    """Whether it may be absent."""


class EmptyDirVolume(ApiModel):
    """A folder that lives as long as the Pod."""

    medium: Literal["", "Memory"] | None = None
    """Where it is kept."""
    size_limit: Quantity | None = None
    """Most that may be stored."""


class PersistentVolumeClaimVolume(ApiModel):
    """A PersistentVolumeClaim."""

    claim_name: ObjectName
    """Name of the claim."""
    read_only: Flag | None = None
    """Whether it is mounted read-only."""


class HostPathVolume(ApiModel):
    """A path of the machine."""

    path: Path
    """The path."""
    type: (
        Literal["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"]
        | None
    ) = None
    """What has to be there."""


class Volume(ApiModel):
    """A volume that containers may mount; exactly one source."""

    name: VolumeName
    """Name of the volume."""
    config_map: ConfigMapVolume | None = None
    """A ConfigMap."""
    secret: SecretVolume | None = None
    """A Secret."""
    empty_dir: EmptyDirVolume | None = None
    """An empty folder."""
    persistent_volume_claim: PersistentVolumeClaimVolume | None = None
    """A PersistentVolumeClaim."""
    host_path: HostPathVolume | None = None
    """A path of the machine."""


class PodSecurityContext(ApiModel):
    """Security settings of the Pod."""

    fs_group: Annotated[int, Field(strict=True, ge=0)] | None = None
    """Group that owns the volumes."""
    run_as_group: Annotated[int, Field(strict=True, ge=0)] | None = None
    """Group id of the processes."""
    run_as_non_root: Flag | None = None
    """Whether the kubelet refuses to run them as root."""
    run_as_user: Annotated[int, Field(strict=True, ge=0)] | None = None
    """User id of the processes."""
    seccomp_profile: SeccompProfile | None = None
    """The seccomp profile."""
    supplemental_groups: (
        Annotated[tuple[Annotated[int, Field(strict=True, ge=0)], ...], Field(max_length=64)] | None
    ) = None
    """Further groups."""


class LocalReference(ApiModel):
    """An object of the same namespace."""

    name: ObjectName
    """Name of the object."""


class PodSettings(ApiModel):
    """Settings of the Pods of all steps and undos."""

    labels: Annotated[dict[str, LabelValue], Field(max_length=64)] | None = None
    """Labels of the Pods. Keys of kubesaga.dev are reserved."""
    annotations: (
        Annotated[dict[str, Annotated[str, StringConstraints(max_length=4096)]], Field(max_length=64)] | None
    ) = None
    """Annotations of the Pods."""
    service_account_name: ObjectName | None = None
    """Service account of the Pods. Without one they get no API token."""
    node_selector: Annotated[dict[str, LabelValue], Field(max_length=64)] | None = None
    """Labels that a node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=64)] | None = None
    """Taints that are tolerated."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=64)] | None = None
    """Volumes that containers may mount."""
    security_context: PodSecurityContext | None = None
    """Security settings."""
    image_pull_secrets: Annotated[tuple[LocalReference, ...], Field(max_length=64)] | None = None
    """Secrets for pulling images."""
    priority_class_name: ObjectName | None = None
    """Priority class."""
    runtime_class_name: ObjectName | None = None
    """Runtime class."""
    scheduler_name: ObjectName | None = None
    """Scheduler."""
    termination_grace_period_seconds: Annotated[int, Field(strict=True, ge=0, le=SECONDS_MAX)] | None = None
    """Time between the signal to end and the kill."""
