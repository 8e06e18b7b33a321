"""An Ingress, as the spec says it: hosts, certificates, and what two controllers are told."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api.loadbalancer import ForwardedHops, Scheme, TargetType
from bookstore_operator.api.model import ApiModel, Union, rule, rules, unchanged
from bookstore_operator.api.scalars import Annotations, SecretName
from bookstore_operator.api.waynames import (
    AlbGroup,
    BodySize,
    CertificateArn,
    IngressClassName,
    IssuerName,
    PublicHost,
)

PublicHosts = Annotated[
    tuple[PublicHost, ...],
    Field(min_length=1, max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
]


class IssuerKind(StrEnum):
    """Where an issuer of cert-manager lives."""

    ISSUER = "Issuer"
    CLUSTER_ISSUER = "ClusterIssuer"


class IssuerRef(ApiModel):
    """An issuer of cert-manager."""

    name: IssuerName
    """The issuer's name."""

    kind: IssuerKind = IssuerKind.ISSUER
    """Issuer, in the store's namespace, or ClusterIssuer."""


class TlsSecretRef(ApiModel):
    """A certificate and its key in a Secret of the store's namespace."""

    name: SecretName
    """The Secret, of type kubernetes.io/tls, with the keys tls.crt and tls.key."""


class IngressTls(Union):
    """Where the certificate of the hosts comes from: exactly one member."""

    secret_ref: TlsSecretRef | None = None
    """A Secret that somebody else keeps."""

    issuer_ref: IssuerRef | None = None
    """An issuer of cert-manager, from which the operator orders a certificate."""

    certificate_arn: CertificateArn | None = None
    """A certificate of ACM, for an Application Load Balancer of AWS."""


class Alb(ApiModel):
    """Tell the AWS Load Balancer Controller to make an Application Load Balancer."""

    scheme: Scheme = Scheme.INTERNET_FACING
    """InternetFacing, or Internal to the network."""

    target_type: TargetType = TargetType.IP
    """IP sends requests to the pods themselves, Instance through the nodes."""

    group_name: AlbGroup | None = None
    """Ingresses of one group share a load balancer; a load balancer of its own where it is left
    out."""


class Nginx(ApiModel):
    """Tell ingress-nginx what the shop needs of it."""

    max_body_size: BodySize = "32m"
    """The largest request that is passed on, as NGINX writes it; pictures of books are the largest
    that the shop takes."""


_SAME_CLASS = unchanged("className")
_SAME_ALB = (
    "has(self.alb) == has(oldSelf.alb) && (!has(self.alb) || (self.alb.scheme == "
    "oldSelf.alb.scheme && self.alb.targetType == oldSelf.alb.targetType && "
    "has(self.alb.groupName) == has(oldSelf.alb.groupName) && (!has(self.alb.groupName) || "
    "self.alb.groupName == oldSelf.alb.groupName)))"
)


class Ingress(ApiModel):
    """Publish the shop by an Ingress, which a controller of the cluster follows."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.alb) || !has(self.nginx)",
                "one controller follows the Ingress: set alb or nginx, not both",
                field=".nginx",
            ),
            rule(
                "!has(self.tls) || !has(self.tls.certificateArn) || has(self.alb)",
                "a certificate of ACM is for an Application Load Balancer: set alb, or take "
                "tls.secretRef or tls.issuerRef",
                field=".tls.certificateArn",
            ),
            rule(
                "!has(self.tls) || has(self.tls.certificateArn) || !has(self.alb)",
                "an Application Load Balancer reads no Secrets: set tls.certificateArn to the ARN "
                "of a certificate of ACM",
                field=".tls",
            ),
            rule(
                f"!({_SAME_CLASS}) || ({_SAME_ALB})",
                "scheme, target type and group of a live Application Load Balancer cannot change, "
                "nor can alb be set or taken out, since AWS would replace it by one of another "
                "address; keep them, or pass through another way to the shop",
                field=".alb",
            ),
        )
    )

    class_name: IngressClassName | None = None
    """The IngressClass, such as alb or nginx; the cluster's default where it is left out. Each
    class gets an Ingress of its own, so that the one before serves until the new one can."""

    hosts: PublicHosts
    """The DNS names that shoppers open; links in mail begin with the first, and the shop answers to
    no other name."""

    tls: IngressTls | None = None
    """Where the certificate of the hosts comes from; plain http where it is left out."""

    alb: Alb | None = None
    """Settings of an Application Load Balancer, by the AWS Load Balancer Controller."""

    nginx: Nginx | None = None
    """Settings of ingress-nginx."""

    forwarded_hops: ForwardedHops = None
    """How many proxies stand before the pods and add to X-Forwarded-For: 1, the Ingress' own, where
    it is left out; one more for each before it, such as CloudFront."""

    annotations: Annotations | None = None
    """Annotations of the Ingress, for its controller to read. They win over those that alb and
    nginx make."""
