"""The scalar types of the spec: what a name, an ID or a quantity looks like, and what to say."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from bookstore_operator.api import formats
from bookstore_operator.api.model import ApiModel, Format, rule, rules, text


def _quantity_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _quantity(pattern: str, says: str, at_most: str = "") -> Any:
    """Return the schema of a quantity, which is an integer or a text.

    Args:
        pattern: The form of the text.
        says: What the value must be.
        at_most: The largest quantity, where the pattern does not bound it.
    """
    check = Format(pattern, says).cel("string(self)")
    if at_most:
        check += f" && !quantity(string(self)).isGreaterThan(quantity('{at_most}'))"
    return WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "minimum": 1,
            "maxLength": 32,
            "pattern": pattern,
            **rules(rule(check, says)),
        }
    )


Bytes = Annotated[
    str,
    BeforeValidator(_quantity_text),
    _quantity(
        formats.BYTES,
        "must be a positive quantity of whole bytes, at most 1Ei, such as 512Mi or 10Gi",
        at_most="1Ei",
    ),
]

Cpu = Annotated[
    str,
    BeforeValidator(_quantity_text),
    _quantity(
        formats.CPU, "must be a positive quantity of CPU, no finer than 1m, such as 250m or 2"
    ),
]


def less(small: str, large: str) -> str:
    """Return CEL that compares the texts of two quantities; false where one is none.

    A field that may be an integer is given as ``string(self.size)``; ``string`` around what is one
    already has no cost bound within a macro.
    """
    both = f"isQuantity({small}) && isQuantity({large})"
    return f"({both} && quantity({small}).isLessThan(quantity({large})))"


Port = Annotated[int, Field(ge=1, le=65535)]

Image = Annotated[
    str,
    text(
        520,
        Format(
            formats.IMAGE,
            "must be a container image without scheme or spaces, [host/]name[:tag][@digest] with "
            "a name in lower case of at most 255 characters, for example bookstore/app:1.0.0",
            also=formats.IMAGE_OF_SHORT_NAME,
            never=formats.IMAGE_ID,
        ),
    ),
]

StorageClassName = Annotated[
    str,
    text(
        253,
        Format(
            formats.SUBDOMAIN,
            "must name a StorageClass: lower case letters, digits, - and .; leave it out for the "
            "cluster's default",
        ),
    ),
]

SecretName = Annotated[
    str,
    text(
        253,
        Format(
            formats.SUBDOMAIN,
            "must name a Secret in the store's own namespace: lower case letters, digits, - and "
            "., with no namespace before it",
        ),
    ),
]


class ImagePullSecret(ApiModel):
    """Name a Secret of type kubernetes.io/dockerconfigjson."""

    name: SecretName
    """The Secret, in the store's namespace."""


ImagePullSecrets = Annotated[
    tuple[ImagePullSecret, ...],
    Field(
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    ),
]

SecretKey = Annotated[
    str,
    text(
        253,
        Format(
            formats.DATA_KEY,
            "must be a key of a Secret: letters, digits, -, _ and ., and no .. at the beginning, "
            "for example password",
        ),
    ),
]


ConfigMapName = Annotated[
    str,
    text(
        253,
        Format(
            formats.SUBDOMAIN,
            "must name a ConfigMap in the store's own namespace: lower case letters, digits, - "
            "and ., with no namespace before it",
        ),
    ),
]

DataKey = Annotated[
    str,
    text(
        253,
        Format(
            formats.DATA_KEY,
            "must be a key of a ConfigMap: letters, digits, -, _ and ., and no .. at the "
            "beginning, for example greeting",
        ),
    ),
]


class CaSecretRef(ApiModel):
    """A certificate authority in a Secret of the store's namespace."""

    name: SecretName
    """The Secret, in the store's namespace."""

    key: SecretKey = "ca.crt"
    """The key that holds the PEM bundle."""


Host = Annotated[
    str,
    text(
        253,
        Format(
            formats.HOST,
            "must be a DNS name or an IPv4 address without scheme or port, for example "
            "db.example.com; the port goes into the field port",
            never=formats.NUMERIC,
            unless=formats.IPV4,
        ),
    ),
]

SchemaName = Annotated[
    str,
    text(
        64,
        Format(
            formats.SCHEMA_NAME,
            "must be the name of a MySQL schema: letters, digits, _, $ and -, and none of MySQL's "
            "own (mysql, sys, information_schema, performance_schema)",
            never=formats.SYSTEM_SCHEMA,
        ),
    ),
]

FileSystemId = Annotated[
    str,
    text(
        43,
        Format(
            formats.FILE_SYSTEM_ID,
            "must be the ID of an EFS file system, fs- and 8 to 40 hexadecimal digits, for "
            "example fs-0123456789abcdef0",
        ),
    ),
]

AccessPointId = Annotated[
    str,
    text(
        45,
        Format(
            formats.ACCESS_POINT_ID,
            "must be the ID of an EFS access point, fsap- and 8 to 40 hexadecimal digits, for "
            "example fsap-0123456789abcdef0",
        ),
    ),
]

EfsPath = Annotated[
    str,
    text(
        100,
        Format(
            formats.EFS_PATH,
            "must be an absolute path on the file system, with no / or . at the end of a part, "
            "for example /bookstore",
        ),
    ),
]

NamespaceName = Annotated[
    str,
    text(
        63,
        Format(
            formats.LABEL,
            "must name a namespace: lower case letters, digits and -, at most 63 of them",
        ),
    ),
]

MailSender = Annotated[
    str,
    text(
        320,
        Format(
            formats.MAIL_SENDER,
            "must be an address to send from, alone or as Name <address>, for example BookStore "
            "<books@example.com>",
        ),
    ),
]

ANNOTATION_KEY = Format(
    formats.ANNOTATION_KEY,
    "must be a name of at most 63 letters, digits, -, _ and ., with an optional DNS name and / "
    "before it, for example example.com/name",
    never=formats.LONG_PREFIX,
)

Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]],
    Field(
        max_length=32,
        json_schema_extra=rules(
            rule(
                f"self.all(key, {ANNOTATION_KEY.cel('key')})",
                f"keys of annotations {ANNOTATION_KEY.says}",
                expression=f"self.map(key, !({ANNOTATION_KEY.cel('key')}), 'the key \"' + key + "
                f"'\" {ANNOTATION_KEY.says}')[0]",
            ),
            rule(
                "self.map(key, key.size() + bytes(self[key]).size()).sum() <= 131072",
                "annotations must have at most 128 KiB together, half of what Kubernetes allows an "
                "object, since controllers add their own",
            ),
            rule(
                "self.all(key, !key.startsWith('bookstore.dev/'))",
                "the prefix bookstore.dev/ is the operator's own; take those keys out",
            ),
        ),
    ),
]
