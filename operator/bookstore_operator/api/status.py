"""The observed state of a BookStore."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from bookstore_operator.api.conditions import Condition, Timestamp
from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.move import Move
from bookstore_operator.api.services import Topology

LONGEST_HISTORY = 10
"""The rollouts that are remembered."""


class DatabaseStatus(ApiModel):
    """The database that the store uses."""

    mode: str | None = None
    """The member of spec.database that is set."""

    host: str | None = None
    """The server's name as the pods see it."""

    schema_revision: str | None = None
    """The revision that the last successful migration reached."""


class VolumeStatus(ApiModel):
    """A volume that the store was seen to have, so that its loss is noticed."""

    name: Annotated[str, Field(max_length=63)]
    """What the volume holds: files or database."""

    claim: Annotated[str | None, Field(max_length=253)] = None
    """The PersistentVolumeClaim."""

    claim_uid: Annotated[str | None, Field(max_length=128, alias="claimUID")] = None
    """The claim's uid, by which one that was made again is told from it."""

    volume: Annotated[str | None, Field(max_length=253)] = None
    """The PersistentVolume that the claim is bound to."""

    capacity: Annotated[str | None, Field(max_length=32)] = None
    """The size that the volume has, below which spec cannot go."""

    storage_class_name: Annotated[str | None, Field(max_length=253)] = None
    """The StorageClass that the claim was made with; empty for a volume made by hand."""


class Rollout(ApiModel):
    """An image that all pods of the shop ran."""

    image: Annotated[str, Field(max_length=512)]
    """The image."""

    rolled_out_at: Timestamp
    """When all pods were first seen to be ready with it."""

    schema_revision: Annotated[str | None, Field(max_length=512)] = None
    """The revision of the database's schema at that time."""


class ServiceStatus(ApiModel):
    """A service of a store of topology Microservices."""

    name: Annotated[str, Field(max_length=63)]
    """auth, catalogue or orders."""

    image: Annotated[str | None, Field(max_length=512)] = None
    """The image that all of its pods ran last."""

    replicas: int | None = None
    """How many pods there are."""

    ready_replicas: int | None = None
    """How many pods are ready."""

    schema_revision: Annotated[str | None, Field(max_length=512)] = None
    """The revision that its last successful migration reached."""

    history: Annotated[list[Rollout] | None, Field(max_length=LONGEST_HISTORY)] = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """The images that served last, the newest last."""

    reason: Annotated[str | None, Field(max_length=128)] = None
    """Reconciled, or the reason why it is not as it is wanted."""

    message: Annotated[str | None, Field(max_length=4096)] = None
    """The same as a sentence."""


class BookStoreStatus(ApiModel):
    """What the operator observed."""

    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """Ready, Progressing, Degraded, and one condition for each part."""

    observed_generation: Annotated[
        int | None, WithJsonSchema({"type": "integer", "format": "int64"})
    ] = None
    """The generation of the spec that this status tells of."""

    topology: Topology | None = None
    """What the store serves as; while it moves, what it served as before."""

    move: Move | None = None
    """How far the store is on its way to another topology; absent where it is on none."""

    image: str | None = None
    """The image that the pods run."""

    history: Annotated[list[Rollout] | None, Field(max_length=LONGEST_HISTORY)] = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """The images that served last, the newest last."""

    replicas: int | None = None
    """How many pods there are; read by the scale subresource."""

    ready_replicas: int | None = None
    """How many pods are ready."""

    replica_summary: str | None = None
    """Ready and wanted pods, such as 2/2, for the column Replicas."""

    selector: str | None = None
    """The label selector of the pods; read by the scale subresource."""

    services: Annotated[list[ServiceStatus] | None, Field(max_length=8)] = Field(
        default=None,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    """The services of a store that runs as such, or is on its way there or back."""

    database: DatabaseStatus | None = None
    """What database the store uses."""

    volumes: Annotated[list[VolumeStatus] | None, Field(max_length=8)] = Field(
        default=None,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    """The volumes of the store's files and of its embedded database."""
