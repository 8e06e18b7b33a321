"""The observed state of a BookStore: the typed status, its conditions and their reasons."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema

from bookstore_operator.api.model import ApiModel

Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class _Documented(StrEnum):
    """A name in the resource that carries its meaning for the reference."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class ConditionType(_Documented):
    """The conditions of a store: four on the whole, and one for each part."""

    READY = "Ready", "Every part is as the spec wants it, and the shop serves."
    AVAILABLE = "Available", "The shop serves: a pod of a good version is ready."
    PROGRESSING = "Progressing", "The operator, or the cluster for it, is at work."
    DEGRADED = "Degraded", "Something stands in the way that does not pass by itself soon."
    CREDENTIALS_READY = "CredentialsReady", "All Secrets are there and complete."
    STORAGE_READY = "StorageReady", "The volume for uploads and backups is bound."
    DATABASE_READY = "DatabaseReady", "The database is there and takes connections."
    SCHEMA_MIGRATED = "SchemaMigrated", "The database's schema is that of the wanted image."
    WEB_READY = "WebReady", "All wanted pods run the wanted image and are ready."
    EXPOSED = "Exposed", "The shop has an address."


class Reason(_Documented):
    """Why a condition is what it is."""

    RECONCILED = "Reconciled", "All is as it should be."
    PAUSED = "Paused", "spec.state is Paused; the operator changes nothing."
    PROGRESSING = "Progressing", "Work is under way."
    SECRET_NOT_FOUND = "SecretNotFound", "A Secret that the spec names is not there; create it."
    SECRET_KEY_MISSING = "SecretKeyMissing", "A Secret lacks a key; add it, or name another."
    SECRET_INVALID = "SecretInvalid", "A Secret's value cannot be used; correct it."
    VOLUME_NOT_BOUND = "VolumeNotBound", "The volume is not bound, or cannot be."
    VOLUME_TERMINATING = "VolumeTerminating", "The volume's claim is being deleted."
    VOLUME_LOST = (
        "VolumeLost",
        "A volume that held data is gone; restore it, or accept the loss as the message says.",
    )
    VOLUME_NOT_RESIZED = "VolumeNotResized", "The volume cannot have the wanted size."
    CREDENTIALS_LOST = (
        "CredentialsLost",
        "A generated credential of a living database is gone; restore it as the message says.",
    )
    DATABASE_UNREACHABLE = "DatabaseUnreachable", "The database does not answer."
    DATABASE_STARTING = "DatabaseStarting", "The embedded database is starting."
    MIGRATION_RUNNING = "MigrationRunning", "The migration Job is running."
    MIGRATION_FAILED = "MigrationFailed", "The migration failed; the message says why."
    IMAGE_PULL_FAILED = "ImagePullFailed", "A node cannot pull an image."
    PODS_NOT_READY = "PodsNotReady", "Fewer pods are ready than wanted."
    ROLLOUT_IN_PROGRESS = "RolloutInProgress", "Pods are being replaced."
    ROLLOUT_STALLED = "RolloutStalled", "New pods do not get ready; the old ones serve."
    ADDRESS_PENDING = "AddressPending", "The load balancer has no address yet."
    CONFLICT = "Conflict", "An object of the wanted name belongs to somebody else."
    PODS_REFUSED = "PodsRefused", "A quota or an admission policy refuses the pods."
    TERMINATING = "Terminating", "The store is being deleted; the message says what it waits for."
    QUOTA_EXCEEDED = "QuotaExceeded", "A quota of the namespace is used up."
    FORBIDDEN = "Forbidden", "The operator lacks a right; the message names it."
    INVALID = "Invalid", "The API server refused an object; the message says why."
    API_ERROR = "ApiError", "The API server failed; the operator tries again."
    WAITING_FOR_CREDENTIALS = "WaitingForCredentials", "This part begins after CredentialsReady."
    WAITING_FOR_STORAGE = "WaitingForStorage", "This part begins after StorageReady."
    WAITING_FOR_DATABASE = "WaitingForDatabase", "This part begins after DatabaseReady."
    WAITING_FOR_MIGRATION = "WaitingForMigration", "This part begins after SchemaMigrated."
    WAITING_FOR_WEB = "WaitingForWeb", "This part begins after WebReady."


class Condition(ApiModel):
    """Tell one aspect of the store, in the form of ``metav1.Condition``."""

    type: Annotated[str, Field(max_length=316)]
    """The condition's name."""

    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""

    reason: Annotated[str, Field(max_length=1024)]
    """Why, as one CamelCase word."""

    message: Annotated[str, Field(max_length=32768)]
    """Why, as a sentence, with the fix where there is one."""

    observed_generation: Annotated[int, WithJsonSchema({"type": "integer", "format": "int64"})]
    """The generation of the spec that the condition was judged for."""

    last_transition_time: Timestamp
    """When status last changed."""


class DatabaseStatus(ApiModel):
    """Tell what database the store uses."""

    mode: str | None = None
    """The member of spec.database that is set."""

    host: str | None = None
    """The server's name as the pods see it."""

    schema_revision: str | None = None
    """The revision that the last successful migration reached."""


class VolumeStatus(ApiModel):
    """Tell what volume the store was seen to have, so that its loss is noticed."""

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


class BookStoreStatus(ApiModel):
    """Tell what the operator observed; nobody else writes it."""

    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """Ready, Progressing, Degraded, and one condition for each part."""

    observed_generation: Annotated[
        int | None, WithJsonSchema({"type": "integer", "format": "int64"})
    ] = None
    """The generation of the spec that this status tells of."""

    url: str | None = None
    """Where shoppers reach the store."""

    image: str | None = None
    """The image that the pods run."""

    replicas: int | None = None
    """How many pods there are; read by the scale subresource."""

    ready_replicas: int | None = None
    """How many pods are ready."""

    replica_summary: str | None = None
    """Ready and wanted pods, such as 2/2, for the column Replicas."""

    selector: str | None = None
    """The label selector of the pods; read by the scale subresource."""

    database: DatabaseStatus | None = None
    """What database the store uses."""

    volumes: Annotated[list[VolumeStatus] | None, Field(max_length=8)] = Field(
        default=None,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    """The volumes of the store's files and of its embedded database."""
