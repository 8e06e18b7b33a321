"""A bucket of S3, or of a server that speaks it, for copies of backups."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from bookstore_operator.api import formats
from bookstore_operator.api.model import ApiModel, Format, rule, rules, text
from bookstore_operator.api.scalars import CaSecretRef, SecretKey, SecretName

HTTPS = 443

BucketName = Annotated[
    str,
    text(
        63,
        Format(
            formats.S3_BUCKET,
            "must be a bucket of 3 to 63 lower case letters, digits, - and ., without s3:// and "
            "folder, for example bookstore-backups; the folder goes into the field prefix",
            never=formats.NO_S3_BUCKET,
        ),
    ),
]

Prefix = Annotated[
    str,
    text(
        256,
        Format(
            formats.RELATIVE_PATH,
            "must be a folder in the bucket: letters, digits, -, _ and . between single /, with "
            "none at the beginning or end, for example bookstore/prod",
        ),
    ),
]

Region = Annotated[str, text(40, Format(formats.LABEL, "must be a region, for example us-east-1"))]

Endpoint = Annotated[
    str,
    text(
        300,
        Format(
            formats.HTTPS_URL,
            "must be the https URL of a server that speaks S3, without path, for example "
            "https://s3.example.com:9000; leave it out for Amazon S3",
        ),
    ),
]


class BucketCredentialsSecretRef(ApiModel):
    """The keys of a bucket, in a Secret of the store's namespace."""

    name: SecretName
    """The Secret, in the store's namespace. It may come later; backups stay in the store's folder
    until then."""

    access_key_id_key: SecretKey = "accessKeyId"
    """The key of the Secret that holds the access key's ID."""

    secret_access_key_key: SecretKey = "secretAccessKey"  # noqa: S105 - the name of a key
    """The key of the Secret that holds the secret access key."""


class S3Bucket(ApiModel):
    """A bucket of S3, or of a server that speaks it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.caSecretRef) || has(self.endpoint)",
                "Amazon's certificates are known: set endpoint, or take caSecretRef out",
                field=".caSecretRef",
            )
        )
    )

    bucket: BucketName
    """The bucket, which must exist."""

    prefix: Prefix | None = None
    """The folder in the bucket, which must be one store's alone; NAMESPACE/NAME of the store where
    it is left out."""

    region: Region | None = None
    """The bucket's region, for example eu-west-1; us-east-1 where it is left out."""

    endpoint: Endpoint | None = None
    """The server, where it is not Amazon's, for example https://s3.example.com."""

    credentials_secret_ref: BucketCredentialsSecretRef | None = None
    """The Secret that holds the keys, for example {name: backup-s3}. Without it the pod's own
    identity is used: IAM roles for service accounts, EKS Pod Identity or the node's role."""

    ca_secret_ref: CaSecretRef | None = None
    """The certificate authority that signed the server's certificate, where it is no public one."""

    force_path_style: bool | None = None
    """Whether the bucket stands in the path of the URL and not in its host; it does where endpoint
    is set, unless this is false."""

    @property
    def port(self) -> int:
        """Return the server's TCP port."""
        return (urlsplit(self.endpoint).port if self.endpoint else None) or HTTPS


class BackupCopy(ApiModel):
    """What became of copying a backup into the bucket."""

    location: Annotated[str | None, Field(max_length=512)] = None
    """Where the copy lies, for example s3://bookstore-backups/prod/20261124-125800-123456; none
    where there is none."""

    error: Annotated[str | None, Field(max_length=63)] = None
    """The kind of what stood in the way, for this backup or one before it."""

    message: Annotated[str | None, Field(max_length=1024)] = None
    """What that was, in the shop's own sentence."""

    @classmethod
    def of(cls, word: object) -> "BackupCopy | None":
        """Return what the shop told of it; None where it told nothing."""
        if not isinstance(word, dict):
            return None
        told = {name: str(word[name]) for name in cls.model_fields if word.get(name)}
        if "message" in told:
            told["message"] = told["message"][:1024]
        return cls.model_validate(told)
