"""The spec of a database instance on Amazon RDS that the operator has made."""

from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api import formats
from bookstore_operator.api.model import ApiModel, Format, rule, rules, text, unchanged
from bookstore_operator.api.scalars import CaSecretRef

_LIVE = "cannot change on a live instance; create a new BookStore and move the data"

InstanceClass = Annotated[
    str,
    text(
        40,
        Format(
            formats.DB_INSTANCE_CLASS,
            "must be a class of RDS instances, such as db.t4g.medium or db.r7g.large",
        ),
    ),
]

EngineVersion = Annotated[
    str,
    text(
        40,
        Format(
            formats.MYSQL_VERSION,
            "must be a version of MySQL 8 that RDS offers, such as 8.4 or 8.4.5",
        ),
    ),
]

Identifier = Annotated[
    str,
    text(
        63,
        Format(
            formats.DB_INSTANCE_IDENTIFIER,
            "must be an identifier of an RDS instance: at most 63 lower case letters, digits and "
            "single hyphens, a letter first and no hyphen last, for example bookstore-prod",
        ),
    ),
]

SubnetGroup = Annotated[
    str,
    text(
        255,
        Format(
            formats.DB_SUBNET_GROUP,
            "must name a DB subnet group of RDS in lower case, letters, digits, -, _ and ., for "
            "example bookstore-private",
        ),
    ),
]

SecurityGroupId = Annotated[
    str,
    text(
        20,
        Format(
            formats.SECURITY_GROUP_ID,
            "must be the ID of a security group, sg- and 8 or 17 hexadecimal digits, for example "
            "sg-0123456789abcdef0",
        ),
    ),
]

KmsKey = Annotated[
    str,
    text(
        320,
        Format(
            formats.KMS_KEY,
            "must be a key of KMS: its ID, its ARN, or an alias such as alias/bookstore",
        ),
    ),
]


class RdsDatabase(ApiModel):
    """Have the ACK controller make an instance of RDS for MySQL.

    The controller, and its rights in the AWS account, must be there.
    """

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.allocatedStorage >= oldSelf.allocatedStorage",
                "allocatedStorage cannot be lowered, as the storage of an RDS instance cannot "
                "shrink; set it back",
                field=".allocatedStorage",
            ),
            rule(
                "!has(self.maxAllocatedStorage) || self.maxAllocatedStorage > "
                "self.allocatedStorage",
                "maxAllocatedStorage must be more than allocatedStorage; raise it or leave it out",
                field=".maxAllocatedStorage",
            ),
            rule(
                "self.storageEncrypted == oldSelf.storageEncrypted",
                f"storageEncrypted {_LIVE}",
                field=".storageEncrypted",
            ),
            rule(
                "!has(self.kmsKeyId) || self.storageEncrypted",
                "kmsKeyId encrypts the storage: set storageEncrypted: true, or leave kmsKeyId out",
                field=".kmsKeyId",
            ),
            *(
                rule(unchanged(field), f"{field} {_LIVE}", field=f".{field}")
                for field in ("identifier", "subnetGroupName", "kmsKeyId")
            ),
        )
    )

    instance_class: InstanceClass
    """The instance's class, for example db.t4g.medium."""

    engine_version: EngineVersion = "8.4"
    """The version of MySQL: a major one, whose newest minor version RDS takes, or an exact one."""

    allocated_storage: Annotated[int, Field(ge=20, le=65536)] = 20
    """The storage in GiB. It may grow, and never shrinks."""

    max_allocated_storage: Annotated[int | None, Field(ge=22, le=65536)] = None
    """How far RDS may grow the storage by itself, in GiB; not at all where it is left out."""

    multi_az: Annotated[bool, Field(alias="multiAZ")] = False
    """Whether a standby in another zone takes over when the instance or its zone fails."""

    subnet_group_name: SubnetGroup | None = None
    """The DB subnet group, whose subnets the pods must reach; the account's default where it is
    left out. Immutable."""

    security_group_ids: Annotated[
        tuple[SecurityGroupId, ...] | None,
        Field(min_length=1, max_length=5, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = None
    """Security groups, which must let the pods in at port 3306; the VPC's default where they are
    left out."""

    storage_encrypted: bool = True
    """Whether the storage is encrypted. Immutable."""

    kms_key_id: KmsKey | None = None
    """The key that encrypts the storage; the account's default where it is left out. Immutable."""

    backup_retention_days: Annotated[int, Field(ge=0, le=35)] = 7
    """For how many days RDS keeps its daily backups; 0 makes none."""

    deletion_protection: bool = True
    """Whether RDS refuses to delete the instance. deletionPolicy Delete needs it to be false."""

    identifier: Identifier | None = None
    """What RDS calls the instance; made of namespace and name where it is left out, which two
    clusters in one account may both do. Immutable."""

    ca_secret_ref: CaSecretRef | None = None
    """The bundle of RDS' certificate authorities, as AWS publishes it. Where it is set, the
    server's certificate and name are checked; without it the connection is encrypted, and nobody
    checks with whom."""


PROTECTED = rule(
    "self.deletionPolicy != 'Delete' || !has(self.database.rds) || "
    "!self.database.rds.deletionProtection",
    "deletionPolicy Delete needs an instance that RDS lets go: set "
    "database.rds.deletionProtection: false, or deletionPolicy: Retain",
    field=".database.rds.deletionProtection",
)
