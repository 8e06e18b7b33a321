"""Containers that a person adds to the shop's pods: allowed fields, restricted by themselves."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from bookstore_operator.api import formats
from bookstore_operator.api.model import ApiModel, Format, rule, rules, text
from bookstore_operator.api.resources import Resources
from bookstore_operator.api.scalars import Image, Port
from bookstore_operator.api.variables import Variable

ContainerName = Annotated[
    str,
    text(
        63,
        Format(
            formats.LABEL,
            "must be the name of a container other than web, which is the shop: lower case "
            "letters, digits and -",
            never=formats.WEB_NAME,
        ),
    ),
]
VolumeName = Annotated[
    str,
    text(63, Format(formats.LABEL, "must name a volume: lower case letters, digits and -")),
]
MountPath = Annotated[
    str,
    text(
        128,
        Format(
            formats.ABSOLUTE_PATH,
            "must be an absolute path without .., : and / at the end, for example /etc/shop",
        ),
    ),
]
VolumePath = Annotated[
    str,
    text(
        128,
        Format(
            formats.RELATIVE_PATH,
            "must be a path within the volume, without .. and without / at either end",
        ),
    ),
]
PortName = Annotated[
    str,
    text(
        15,
        Format(
            formats.PORT_NAME,
            "must be the name of a port other than http, https and metrics, which are the shop's: "
            "at most 15 lower case letters, digits and single -, with a letter first",
            never=formats.OWN_PORT,
        ),
    ),
]
Word = Annotated[str, Field(max_length=4096)]
Words = Annotated[tuple[Word, ...] | None, Field(max_length=32)]


def by(*keys: str, most: int) -> Any:
    """Return the constraints of a list whose entries are known by keys."""
    extra: dict[str, Any] = {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
    }
    return Field(max_length=most, json_schema_extra=extra)


class VolumeMount(ApiModel):
    """Where a container has a volume."""

    name: VolumeName
    """The volume: one of podTemplate.volumes, or files, the shop's uploads and backups, or tmp."""

    mount_path: MountPath
    """The path in the container."""

    sub_path: VolumePath | None = None
    """The path within the volume; its root where it is left out."""

    read_only: bool | None = None
    """Whether it is mounted for reading alone."""


class Protocol(StrEnum):
    """What a port speaks."""

    TCP = "TCP"
    UDP = "UDP"


class ContainerPort(ApiModel):
    """A port at which a container listens; the pods' containers share their ports."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!(self.containerPort in [5000, 5443, 9100])",
                "ports 5000, 5443 and 9100 are the shop's; choose another one",
                field=".containerPort",
            )
        )
    )

    name: PortName | None = None
    """The port's name."""

    container_port: Port
    """The port."""

    protocol: Protocol = Protocol.TCP
    """TCP or UDP."""


class ContainerSecurity(ApiModel):
    """What of a container's security context may differ; the rest is restricted."""

    run_as_user: Annotated[
        int | None, Field(ge=1, le=2**31 - 1, json_schema_extra={"format": "int64"})
    ] = None
    """The user; 10001 where it is left out, and never root."""

    run_as_group: Annotated[
        int | None, Field(ge=1, le=2**31 - 1, json_schema_extra={"format": "int64"})
    ] = None
    """The group; 10001 where it is left out."""

    read_only_root_filesystem: bool = True
    """Whether the image's files cannot be written."""


class HttpGet(ApiModel):
    """Ask for a page of the container, which answers 200 to 399."""

    path: Annotated[
        str,
        text(
            253,
            Format(formats.URL_PATH, "must be a path that begins with /, for example /healthz"),
        ),
    ] = "/"
    """The path."""

    port: Port
    """The port."""


class TcpSocket(ApiModel):
    """Open a connection to the container."""

    port: Port
    """The port."""


class Exec(ApiModel):
    """Run a program in the container, which ends with 0."""

    command: Annotated[tuple[Word, ...], Field(min_length=1, max_length=32)]
    """The program and its arguments."""


class Probe(ApiModel):
    """How the kubelet asks a container. Source: Kubernetes, "Container probes"."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.httpGet), has(self.tcpSocket), has(self.exec)].exists_one(one, one)",
                "a probe asks in one way: set exactly one of httpGet, tcpSocket and exec",
            )
        )
    )

    http_get: HttpGet | None = None
    """By a page."""

    tcp_socket: TcpSocket | None = None
    """By a connection."""

    exec: Exec | None = None
    """By a program."""

    period_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """Seconds between two questions."""

    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 1
    """Seconds after which no answer counts as a failure."""

    failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 3
    """Failures in a row that count."""


class AddedContainer(ApiModel):
    """A container beside the shop. Source: Kubernetes, "Pods", containers."""

    name: ContainerName
    """The container's name."""

    image: Image
    """Its image."""

    command: Words = None
    """What is run in the place of the image's entry point."""

    args: Words = None
    """The arguments."""

    env: Annotated[tuple[Variable, ...] | None, by("name", most=16)] = None
    """Its variables."""

    ports: Annotated[tuple[ContainerPort, ...] | None, by("containerPort", "protocol", most=4)] = (
        None
    )
    """The ports at which it listens."""

    resources: Resources = Resources()
    """What it is given."""

    volume_mounts: Annotated[tuple[VolumeMount, ...] | None, by("mountPath", most=8)] = None
    """Where it has volumes."""

    startup_probe: Probe | None = None
    """Until it succeeds the container counts as not started."""

    readiness_probe: Probe | None = None
    """While it fails the whole pod gets no requests."""

    liveness_probe: Probe | None = None
    """When it fails the container is restarted."""

    security_context: ContainerSecurity | None = None
    """What of its security context may differ."""


class InitContainer(AddedContainer):
    """A container that starts before the shop."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.restartPolicy) || "
                "!(has(self.startupProbe) || has(self.readinessProbe) || has(self.livenessProbe))",
                "an init container that ends has no probes: take them out, or set restartPolicy: "
                "Always",
                field=".restartPolicy",
            )
        )
    )

    restart_policy: Literal["Always"] | None = None
    """Always: it runs on beside the shop; otherwise it must end before the shop starts."""
