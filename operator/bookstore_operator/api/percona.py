"""The spec of a Percona XtraDB Cluster that the operator has made."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api import formats
from bookstore_operator.api.model import ApiModel, Format, rule, rules, text, unchanged
from bookstore_operator.api.objectstore import Region
from bookstore_operator.api.scalars import (
    Bytes,
    Cpu,
    Image,
    SecretName,
    StorageClassName,
    less,
)

_LIVE = "cannot change on a live store; create a new BookStore and move the data"

StorageName = Annotated[
    str,
    text(
        63,
        Format(
            formats.LABEL,
            "must name a backup storage: at most 63 lower case letters, digits and -, for example "
            "s3-us-east",
        ),
    ),
]

Bucket = Annotated[
    str,
    text(
        1024,
        Format(
            formats.BUCKET,
            "must be a bucket of S3, with an optional folder after /, for example "
            "bookstore-backups/prod",
        ),
    ),
]

Endpoint = Annotated[
    str,
    text(
        300,
        Format(
            formats.HTTP_URL,
            "must be the URL of a server that speaks S3, for example https://minio.example.com",
        ),
    ),
]

CrVersion = Annotated[
    str,
    text(
        12,
        Format(
            formats.RELEASE,
            "must be a version of Percona's operator that it works like, for example 1.18.0",
        ),
    ),
]


class Spread(StrEnum):
    """Over what the nodes of a cluster are spread, one on each."""

    HOST = "kubernetes.io/hostname"
    ZONE = "topology.kubernetes.io/zone"
    NONE = "none"


class PerconaVolume(ApiModel):
    """Take the volume of each node of the cluster from a StorageClass."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                unchanged("storageClassName"),
                f"storageClassName {_LIVE}",
                field=".storageClassName",
            ),
            rule(
                f"!{less('string(self.size)', 'string(oldSelf.size)')}",
                "size cannot be lowered, as a volume cannot shrink; set it back",
                field=".size",
            ),
        )
    )

    size: Bytes = "10Gi"
    """The size of each node's volume. It may grow, where the StorageClass allows it, and never
    shrinks."""

    storage_class_name: StorageClassName | None = None
    """The StorageClass; the cluster's default where it is left out. Immutable."""


class PerconaResources(ApiModel):
    """What each node of the cluster is given; its buffers follow the memory."""

    cpu: Cpu = "500m"
    """CPU, in cores, as a request."""

    memory: Bytes = "1Gi"
    """Memory, in bytes, as request and limit."""


class HaProxy(ApiModel):
    """The proxies that lead writes to one node, and to another when that one fails."""

    size: Annotated[int, Field(ge=2, le=5)] = 2
    """How many proxies there are."""

    image: Image = "percona/haproxy:2.8.17"
    """The image of HAProxy, as Percona's operator wants it."""


class S3Storage(ApiModel):
    """A bucket of S3, or of a server that speaks it."""

    bucket: Bucket
    """The bucket, with an optional folder after /."""

    region: Region | None = None
    """The bucket's region."""

    endpoint_url: Endpoint | None = None
    """The server, where it is not Amazon's."""

    credentials_secret: SecretName
    """The Secret that holds AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""


class BackupStorage(ApiModel):
    """Where backups of the cluster may go, by the name that a backup gives."""

    name: StorageName
    """The storage's name, as PerconaXtraDBClusterBackup states it."""

    s3: S3Storage
    """A bucket of S3."""


class PerconaDatabase(ApiModel):
    """Have Percona's operator run a replicated MySQL with proxies in front of it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.size % 2 == 1",
                "size must be odd, so that a majority goes on when the network parts the nodes: "
                "set 3 or 5",
                field=".size",
            ),
        )
    )

    size: Annotated[int, Field(ge=3, le=5)] = 3
    """How many nodes hold the data: 3 or 5."""

    image: Image = "percona/percona-xtradb-cluster:8.4.7-7.1"
    """The image of Percona XtraDB Cluster."""

    storage: PerconaVolume = PerconaVolume()
    """The volume of each node."""

    resources: PerconaResources = PerconaResources()
    """What each node is given."""

    spread_over: Spread = Spread.HOST
    """What each node of the cluster has of its own: kubernetes.io/hostname, a machine;
    topology.kubernetes.io/zone, a zone; none lets them share one, for trying things."""

    haproxy: HaProxy = HaProxy()
    """The proxies."""

    read_from_replicas: bool = False
    """Whether reads that may be a moment late, of the catalogue's pages for people who are not
    logged in, go to the nodes that are not written to. Each worker of the catalogue then opens up
    to as many connections again for them."""

    backup_image: Image = "percona/percona-xtrabackup:8.4.0-5.1"
    """The image that makes and restores backups."""

    backup_storages: Annotated[
        tuple[BackupStorage, ...] | None,
        Field(
            min_length=1,
            max_length=8,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = None
    """Where backups may go; a PerconaXtraDBClusterBackup of yours names one of them."""

    cr_version: CrVersion | None = None
    """The version of Percona's operator whose ways the cluster follows; that of the operator which
    makes it where it is left out."""
