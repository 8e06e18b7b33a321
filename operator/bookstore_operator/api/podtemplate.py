"""What a person adds to the shop's pods: an overlay of allowed fields, none of which weakens them.

Whatever would take the shop itself out of the operator's hand (its image, command, probes, ports,
selector) has no field here, and neither has what the restricted Pod Security Standard forbids.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api import formats
from bookstore_operator.api.containers import (
    AddedContainer,
    InitContainer,
    VolumeMount,
    VolumeName,
    VolumePath,
    by,
)
from bookstore_operator.api.model import ApiModel, Format, rule, rules, text
from bookstore_operator.api.placement import Labels
from bookstore_operator.api.scalars import Annotations, Bytes, ConfigMapName, DataKey, SecretName

OURS = ("files", "tmp", "database-ca", "service-key")
"""Volumes of the shop's pods that are there anyway."""

_OURS = "[" + ", ".join(f"'{name}'" for name in OURS) + "]"

DriverName = Annotated[
    str,
    text(
        63,
        Format(formats.SUBDOMAIN, "must name a CSI driver, for example secrets-store.csi.k8s.io"),
    ),
]
ClaimName = Annotated[
    str,
    text(
        253,
        Format(
            formats.SUBDOMAIN,
            "must name a PersistentVolumeClaim of the store's namespace: lower case letters, "
            "digits, - and .",
        ),
    ),
]


WebMountPath = Annotated[
    str,
    text(
        128,
        Format(
            formats.FOREIGN_PATH,
            "must be a path below /etc, /mnt, /run, /srv or /var, and not below /etc/bookstore, so "
            "that no file of the shop is hidden",
            never=formats.OWN_PATH,
        ),
    ),
]


class KeyToPath(ApiModel):
    """A key, and the file that it becomes."""

    key: DataKey
    """The key."""

    path: VolumePath
    """The file's path within the volume."""


Items = Annotated[tuple[KeyToPath, ...] | None, Field(max_length=8)]


class ConfigMapVolume(ApiModel):
    """The keys of a ConfigMap as files."""

    name: ConfigMapName
    """The ConfigMap, in the store's namespace."""

    items: Items = None
    """The keys; all of them where it is left out."""

    optional: bool | None = None
    """Whether pods start without it."""


class SecretVolume(ApiModel):
    """The keys of a Secret as files."""

    secret_name: SecretName
    """The Secret, in the store's namespace."""

    items: Items = None
    """The keys; all of them where it is left out."""

    optional: bool | None = None
    """Whether pods start without it."""


class Medium(StrEnum):
    """What an empty directory is kept on."""

    MEMORY = "Memory"


class EmptyDirVolume(ApiModel):
    """A directory that is empty at the pod's start and goes with it."""

    medium: Medium | None = None
    """Memory, or the node's disk where it is left out."""

    size_limit: Bytes | None = None
    """The most that it may hold."""


class ClaimVolume(ApiModel):
    """A volume of a PersistentVolumeClaim, which every pod of the shop must be able to mount."""

    claim_name: ClaimName
    """The claim, in the store's namespace."""

    read_only: bool | None = None
    """Whether it is mounted for reading alone."""


class CsiVolume(ApiModel):
    """A volume that a CSI driver makes for each pod, such as the Secrets Store's."""

    driver: DriverName
    """The driver."""

    read_only: bool | None = None
    """Whether it is mounted for reading alone."""

    volume_attributes: Annotated[
        dict[str, Annotated[str, Field(max_length=1024)]] | None, Field(max_length=16)
    ] = None
    """What the driver wants to know."""


_SOURCES = ("configMap", "secret", "emptyDir", "persistentVolumeClaim", "csi")


class Volume(ApiModel):
    """A volume for the containers of the pods. Source: Kubernetes, "Volumes"."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"[{', '.join(f'has(self.{one})' for one in _SOURCES)}].exists_one(one, one)",
                f"a volume has one source: set exactly one of {', '.join(_SOURCES)}",
            ),
            rule(
                f"!(self.name in {_OURS})",
                f"volumes {', '.join(OURS)} are the operator's; give this one another name",
                field=".name",
            ),
        )
    )

    name: VolumeName
    """The volume's name."""

    config_map: ConfigMapVolume | None = None
    """The keys of a ConfigMap."""

    secret: SecretVolume | None = None
    """The keys of a Secret."""

    empty_dir: EmptyDirVolume | None = None
    """An empty directory."""

    persistent_volume_claim: ClaimVolume | None = None
    """A claim that is there."""

    csi: CsiVolume | None = None
    """What a CSI driver makes."""


class WebMount(VolumeMount):
    """Where the shop's own container has a volume: beside the image's files, not over them."""

    mount_path: WebMountPath
    """The path in the container."""


class GroupChangePolicy(StrEnum):
    """When the volumes' files are given to the pods' group."""

    ON_ROOT_MISMATCH = "OnRootMismatch"
    ALWAYS = "Always"


class PodSecurity(ApiModel):
    """What of the pods' security context may differ; user and group stay 10001."""

    supplemental_groups: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2**31 - 1, json_schema_extra={"format": "int64"})], ...]
        | None,
        Field(max_length=16),
    ] = None
    """Further groups of the containers, such as that of files on a shared volume."""

    fs_group_change_policy: GroupChangePolicy | None = None
    """OnRootMismatch, where it is left out, or Always."""


_KNOWN = f"({_OURS} + (has(self.volumes) ? self.volumes.map(one, one.name) : []))"


def _mounted(container: str) -> str:
    """Return CEL for whether all volumes that a container mounts are there."""
    mounts = f"{container}.volumeMounts"
    return f"!has({mounts}) || {mounts}.all(mount, mount.name in {_KNOWN})"


class PodTemplate(ApiModel):
    """What a person adds to the shop's pods."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                _mounted("self"),
                "a volumeMount names a volume that is not there; add it to podTemplate.volumes",
                field=".volumeMounts",
            ),
            *(
                rule(
                    f"!has(self.{kind}) || self.{kind}.all(one, {_mounted('one')})",
                    "a volumeMount of a container names a volume that is not there; add it to "
                    "podTemplate.volumes",
                    field=f".{kind}",
                )
                for kind in ("containers", "initContainers")
            ),
            rule(
                "!has(self.containers) || !has(self.initContainers) || "
                "self.containers.all(one, self.initContainers.all(other, one.name != other.name))",
                "a container and an init container have the same name; give one another name",
                field=".initContainers",
            ),
            rule(
                "!has(self.labels) || self.labels.all(key, !key.startsWith('bookstore.dev/') && "
                "!key.startsWith('app.kubernetes.io/') && key != 'pod-template-hash')",
                "labels app.kubernetes.io/…, bookstore.dev/… and pod-template-hash are the "
                "operator's and Kubernetes' own, by which the pods are selected; take them out",
                field=".labels",
            ),
        )
    )

    labels: Labels | None = None
    """More labels of the pods."""

    annotations: Annotations | None = None
    """Annotations of the pods."""

    init_containers: Annotated[tuple[InitContainer, ...] | None, by("name", most=4)] = None
    """Containers that end before the shop starts; with restartPolicy: Always, ones that start
    before it and run beside it."""

    containers: Annotated[tuple[AddedContainer, ...] | None, by("name", most=4)] = None
    """Containers that run beside the shop."""

    volumes: Annotated[tuple[Volume, ...] | None, by("name", most=8)] = None
    """More volumes of the pods."""

    volume_mounts: Annotated[tuple[WebMount, ...] | None, by("mountPath", most=8)] = None
    """Where the shop's own container has them."""

    security_context: PodSecurity | None = None
    """What of the pods' security context may differ."""
