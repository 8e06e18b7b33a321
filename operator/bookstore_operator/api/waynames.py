"""The scalar types of how shoppers reach the store: names, classes, certificates."""

from typing import Annotated

from pydantic import Field

from bookstore_operator.api import formats
from bookstore_operator.api.model import Format, text

NodePort = Annotated[int, Field(ge=30000, le=32767)]

PublicHost = Annotated[
    str,
    text(
        253,
        Format(
            formats.PUBLIC_HOST,
            "must be a DNS name in lower case without scheme, port, path or *, for example "
            "books.example.com",
            never=formats.NUMERIC,
        ),
    ),
]

CertificateArn = Annotated[
    str,
    text(
        200,
        Format(
            formats.CERTIFICATE_ARN,
            "must be the ARN of a certificate of ACM, for example "
            "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
        ),
    ),
]

IngressClassName = Annotated[
    str,
    text(
        200,
        Format(
            formats.SUBDOMAIN,
            "must name an IngressClass: lower case letters, digits, - and .; leave it out for the "
            "cluster's default",
        ),
    ),
]

IssuerName = Annotated[
    str,
    text(
        253,
        Format(
            formats.SUBDOMAIN,
            "must name an issuer of cert-manager: lower case letters, digits, - and ., for "
            "example letsencrypt",
        ),
    ),
]

AlbGroup = Annotated[
    str,
    text(
        63,
        Format(
            formats.ALB_GROUP,
            "must be a name of at most 63 lower case letters, digits, - and ., beginning and "
            "ending with a letter or digit",
        ),
    ),
]

BodySize = Annotated[
    str,
    text(
        8,
        Format(
            formats.BODY_SIZE,
            "must be a size as NGINX writes it, a number with k, m or g, for example 32m",
        ),
    ),
]

GatewayName = Annotated[
    str,
    text(
        253,
        Format(
            formats.SUBDOMAIN,
            "must name a Gateway: lower case letters, digits, - and ., with no namespace before it",
        ),
    ),
]

ListenerName = Annotated[
    str,
    text(
        253,
        Format(
            formats.SUBDOMAIN,
            "must name a listener of the Gateway: lower case letters, digits, - and ., for example "
            "https",
        ),
    ),
]

LoadBalancerClass = Annotated[
    str,
    text(
        317,
        Format(
            formats.QUALIFIED_NAME,
            "must be a load balancer class, a name of at most 63 characters with an optional DNS "
            "name and / before it, for example service.k8s.aws/nlb",
            never=formats.LONG_PREFIX,
        ),
    ),
]
