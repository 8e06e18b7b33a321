"""The scalar types of the spec: what a name, an ID or a quantity looks like, and what to say."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from bookstore_operator.api.model import ApiModel, rule, rules, text

SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""What most objects of Kubernetes may be called: RFC 1123, as "Object Names and IDs" has it."""


def _quantity_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    BeforeValidator(_quantity_text),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 32,
            **rules(
                rule(
                    "isQuantity(string(self)) && "
                    "quantity(string(self)).isGreaterThan(quantity('0'))",
                    "must be a positive quantity, such as 250m or 2 for cpu, 512Mi or 10Gi for "
                    "memory and storage",
                )
            ),
        }
    ),
]


def at_most(small: str, large: str) -> str:
    """Return CEL that compares two quantities, and leaves one that is none to its own rule."""
    both = f"isQuantity(string({small})) && isQuantity(string({large}))"
    return f"!({both}) || !quantity(string({small})).isGreaterThan(quantity(string({large})))"


Port = Annotated[int, Field(ge=1, le=65535)]
NodePort = Annotated[int, Field(ge=30000, le=32767)]

Image = Annotated[
    str,
    text(
        512,
        r"^([A-Za-z0-9]+([.-]+[A-Za-z0-9]+)*(:[0-9]+)?/)?"
        r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
        r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@[a-z0-9]+:[a-f0-9]{32,128})?$",
        "must be a container image without scheme or spaces, [host/]name[:tag][@digest] with a "
        "name in lower case, for example bookstore/app:1.0.0",
    ),
]

StorageClassName = Annotated[
    str,
    text(
        253,
        SUBDOMAIN,
        "must name a StorageClass: lower case letters, digits, - and .; leave it out for the "
        "cluster's default",
    ),
]

SecretName = Annotated[
    str,
    text(
        253,
        SUBDOMAIN,
        "must name a Secret in the store's own namespace: lower case letters, digits, - and ., "
        "with no namespace before it",
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
        r"^[-._a-zA-Z0-9]+$",
        "must be a key of a Secret: letters, digits, -, _ and ., for example password",
    ),
]

Host = Annotated[
    str,
    text(
        253,
        r"^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$",
        "must be a DNS name or an IPv4 address without scheme or port, for example "
        "db.example.com; the port goes into the field port",
    ),
]

SchemaName = Annotated[
    str,
    text(
        64, r"^[A-Za-z0-9_$-]+$", "must be the name of a MySQL schema: letters, digits, _, $ and -"
    ),
]

FileSystemId = Annotated[
    str,
    text(
        43,
        r"^fs-[0-9a-f]{8,40}$",
        "must be the ID of an EFS file system, fs- and 8 to 40 hexadecimal digits, for example "
        "fs-0123456789abcdef0",
    ),
]

AccessPointId = Annotated[
    str,
    text(
        45,
        r"^fsap-[0-9a-f]{8,40}$",
        "must be the ID of an EFS access point, fsap- and 8 to 40 hexadecimal digits, for example "
        "fsap-0123456789abcdef0",
    ),
]

EfsPath = Annotated[
    str,
    text(
        100,
        r"^(/[A-Za-z0-9_.-]*[A-Za-z0-9_-])+$",
        "must be an absolute path on the file system, with no / or . at the end of a part, for "
        "example /bookstore",
    ),
]

LoadBalancerClass = Annotated[
    str,
    text(
        253,
        r"^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$",
        "must be a load balancer class, for example service.k8s.aws/nlb",
    ),
]

Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]],
    Field(
        max_length=32,
        json_schema_extra=rules(
            rule(
                "self.all(key, !key.startsWith('bookstore.dev/'))",
                "the prefix bookstore.dev/ is the operator's own; take those keys out",
            )
        ),
    ),
]
