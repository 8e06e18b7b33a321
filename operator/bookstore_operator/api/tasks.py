"""The contract of what is done to a store once: BookStoreBackup and BookStoreRestore."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from bookstore_operator.api.conditions import Condition, Timestamp
from bookstore_operator.api.formats import BACKUP_NAME, STORE_NAME, SUBDOMAIN
from bookstore_operator.api.model import ApiModel, Format, Union, rule, rules, text
from bookstore_operator.api.objectstore import BackupCopy, S3Bucket

Count = Annotated[int | None, WithJsonSchema({"type": "integer", "format": "int64"})]

StoreName = Annotated[
    str,
    text(40, Format(STORE_NAME, "must name a BookStore of the same namespace, for example shop")),
]

BackupName = Annotated[
    str,
    text(
        22,
        Format(
            BACKUP_NAME,
            "must be the name of a backup, such as 20261124-125800-123456, or latest",
        ),
    ),
]

ObjectName = Annotated[
    str,
    text(253, Format(SUBDOMAIN, "must name a BookStoreBackup of the same namespace")),
]


class Phase(StrEnum):
    """How far something is that is done once."""

    PENDING = "Pending"
    RUNNING = "Running"
    VERIFYING = "Verifying"
    STOPPING = "Stopping"
    RESTORING = "Restoring"
    RESUMING = "Resuming"
    COMPLETE = "Complete"
    FAILED = "Failed"


ENDED = (Phase.COMPLETE, Phase.FAILED)


class BackupDeletion(StrEnum):
    """What happens to the backup when the BookStoreBackup is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


class BookStoreBackupSpec(ApiModel):
    """One backup of a store."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.store == oldSelf.store",
                "store cannot change; make another BookStoreBackup",
                field=".store",
            )
        )
    )

    store: StoreName
    """The BookStore, in the same namespace."""

    deletion_policy: BackupDeletion = BackupDeletion.RETAIN
    """Retain leaves the backup in the store's folder when the BookStoreBackup is deleted; Delete
    removes it."""


class RestoreSource(Union):
    """Which backup is restored: exactly one member."""

    name: BackupName | None = None
    """Its name, as status.lastBackup.name and `bookstore backups` tell it, or latest."""

    book_store_backup: ObjectName | None = None
    """The BookStoreBackup that made it, which is waited for."""


class BookStoreRestoreSpec(ApiModel):
    """One restore of a store from a backup."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("self == oldSelf", "a restore is done once; make another BookStoreRestore")
        )
    )

    store: StoreName
    """The BookStore that is restored, in the same namespace."""

    backup: RestoreSource
    """The backup, for example {name: 20261124-125800-123456}."""

    from_store: StoreName | None = None
    """The store in whose volume the backup lies, where that is another one of the same namespace;
    its volume is enough. With s3, the store whose folder of the bucket is meant where s3.prefix is
    left out."""

    s3: S3Bucket | None = None
    """The bucket out of which the backup is brought back, if the store's folder of backups does not
    have it whole; latest is then the bucket's."""

    replace: bool = False
    """Whether the rows that the store has now may go; one that has rows is refused otherwise."""


class TaskStatus(ApiModel):
    """What the operator observed."""

    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """Ready once it is done, Progressing, Degraded, and one for the work itself."""

    observed_generation: Annotated[
        int | None, WithJsonSchema({"type": "integer", "format": "int64"})
    ] = None
    """The generation of the spec that this status tells of."""

    phase: Phase | None = None
    """How far it is."""

    backup: Annotated[str | None, Field(max_length=63)] = None
    """The backup's name."""

    checksum: Annotated[str | None, Field(max_length=64)] = None
    """The SHA-256 of the backup's manifest, which holds those of all of its files."""

    rows: Count = None
    """The rows that the backup has."""

    uploads: Count = None
    """The uploaded files that the backup has."""


class BookStoreBackupStatus(TaskStatus):
    """What the operator observed of a backup."""

    bytes: Count = None
    """The backup's size."""

    completion_time: Timestamp | None = None
    """When it was whole."""

    s3: BackupCopy | None = None
    """Its copy in the bucket of the store's spec.backup.s3, if there is one."""


class BookStoreRestoreStatus(TaskStatus):
    """What the operator observed of a restore."""

    stopped: bool | None = None
    """Whether the store stands still for it."""

    failure: Annotated[str | None, Field(max_length=4096)] = None
    """Why it is given up; the store serves again first."""
