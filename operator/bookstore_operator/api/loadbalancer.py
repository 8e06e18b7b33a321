"""A load balancer, as the spec says it, and what one that lives forbids."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from bookstore_operator.api.model import ApiModel, rule, rules
from bookstore_operator.api.scalars import Annotations, Port
from bookstore_operator.api.waynames import CertificateArn, LoadBalancerClass, NodePort, PublicHost

HTTP, HTTPS = 80, 443
AWS = "service.beta.kubernetes.io/aws-load-balancer-"
LOAD_BALANCER_TYPE = f"{AWS}type"
AWS_CLASSES = ("service.k8s.aws/nlb", "eks.amazonaws.com/nlb")
"""The classes of the AWS Load Balancer Controller, and of EKS Auto Mode, which is one too."""

SAID_BY_AWS = tuple(
    f"{AWS}{name}"
    for name in ("type", "scheme", "internal", "nlb-target-type", "ssl-cert", "ssl-ports")
)
"""What ``aws`` says in place of these annotations."""

ForwardedHops = Annotated[int | None, Field(ge=0, le=10)]


class Scheme(StrEnum):
    """Who reaches a load balancer of AWS."""

    INTERNET_FACING = "InternetFacing"
    INTERNAL = "Internal"


class TargetType(StrEnum):
    """Where a load balancer of AWS sends requests: to the pods themselves, or through nodes."""

    IP = "IP"
    INSTANCE = "Instance"


class TrafficPolicy(StrEnum):
    """Which pods a node sends requests to. Source: Kubernetes, "Service", traffic policies."""

    CLUSTER = "Cluster"
    LOCAL = "Local"


class AwsLoadBalancer(ApiModel):
    """Have a Network Load Balancer of AWS: checked at /healthz, drained, with a certificate."""

    scheme: Scheme = Scheme.INTERNET_FACING
    """InternetFacing, or Internal to the network. Immutable on a live load balancer."""

    target_type: TargetType | None = None
    """IP sends requests to the pods themselves, Instance through the nodes. IP where it is left out
    and loadBalancerClass is set, otherwise Instance. Immutable on a live load balancer."""

    certificate_arn: CertificateArn | None = None
    """The ACM certificate of host. Port 443 then takes https, and who comes by http is sent
    there."""


class LoadBalancer(ApiModel):
    """Publish the shop by a Service of type LoadBalancer."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.aws) || !has(self.loadBalancerClass) || self.loadBalancerClass in "
                f"{list(AWS_CLASSES)}",
                f"aws is for the classes {' and '.join(AWS_CLASSES)}, and for clusters whose cloud "
                "provider is AWS; set one of these classes, or take aws out",
                field=".aws",
            ),
            rule(
                "!has(self.aws) || !has(self.aws.targetType) || self.aws.targetType != 'IP' || "
                "has(self.loadBalancerClass)",
                "the cloud provider cannot send requests to the pods themselves: set "
                f"loadBalancerClass: {AWS_CLASSES[0]}, or aws.targetType: Instance",
                field=".aws.targetType",
            ),
            rule(
                "!has(self.aws) || !has(self.aws.certificateArn) || has(self.host)",
                "a certificate is one of a name: set host to the DNS name that it is for",
                field=".aws.certificateArn",
            ),
            rule(
                "!has(self.aws) || !has(self.aws.certificateArn) || self.port != 443",
                "port is that of plain http, which leads to https, and 443 is that of https: take "
                "port out",
                field=".port",
            ),
            rule(
                "!has(self.aws) || !has(self.annotations) || "
                f"!self.annotations.exists(key, key in {list(SAID_BY_AWS)})",
                "aws says the type, scheme, target type and certificate of the load balancer: take "
                f"the annotations {AWS}type, scheme, internal, nlb-target-type, ssl-cert and "
                "ssl-ports out",
                field=".annotations",
            ),
        )
    )

    host: PublicHost | None = None
    """The DNS name that shoppers open, for example books.example.com. Links in mail begin with it,
    and the shop answers to it and to the load balancer's own name alone. ExternalDNS, where it
    runs, points it at the load balancer."""

    port: Port = HTTP
    """The port of plain http that shoppers use; it leads to port 5000 of the pods."""

    load_balancer_class: LoadBalancerClass | None = None
    """The load balancer's class, such as service.k8s.aws/nlb; the cluster's default where it is
    left out. Immutable on a live load balancer."""

    aws: AwsLoadBalancer | None = None
    """Settings of a Network Load Balancer of AWS, by the AWS Load Balancer Controller where
    loadBalancerClass is set, otherwise by the cluster's cloud provider."""

    external_traffic_policy: TrafficPolicy | None = None
    """Local keeps the shoppers' addresses, by which failed logins are counted: a node then sends
    requests to its own pods alone. Cluster sends them to any pod, from the node's address. Where it
    is left out it is Local for aws with targets of type Instance, otherwise Kubernetes' default,
    Cluster."""

    forwarded_hops: ForwardedHops = None
    """How many proxies of http, such as CloudFront, stand before the pods and add to
    X-Forwarded-For; 0 where it is left out, since a load balancer of this kind adds nothing."""

    annotations: Annotations | None = None
    """Annotations of the Service, for the cloud's load balancer controller to read. They win over
    those that aws makes."""

    node_port: NodePort | None = None
    """The port on every node that leads to the port of plain http; the cluster picks one where it
    is left out."""

    @property
    def targets(self) -> TargetType:
        """Return where a load balancer of AWS sends requests."""
        chosen = self.aws.target_type if self.aws else None
        return chosen or (TargetType.IP if self.load_balancer_class else TargetType.INSTANCE)

    @property
    def certificate(self) -> str | None:
        """Return the certificate by which the load balancer ends TLS."""
        return self.aws.certificate_arn if self.aws else None


def _balancer(of: str) -> str:
    return f"{of}.exposure.loadBalancer"


def _has_balancer(of: str) -> str:
    """Return CEL for whether a spec has a load balancer; one without exposure has one too."""
    return f"(!has({of}.exposure) || has({_balancer(of)}))"


def _has(of: str, field: str) -> str:
    steps = [f"{of}.exposure", _balancer(of)]
    parts = field.split(".")
    steps += [f"{_balancer(of)}.{'.'.join(parts[: n + 1])}" for n in range(len(parts))]
    return f"({' && '.join(f'has({step})' for step in steps)})"


def _annotation(of: str, name: str) -> str:
    """Return CEL for an annotation of the Service, empty where it is not set."""
    there = f"{_has(of, 'annotations')} && '{AWS}{name}' in {_balancer(of)}.annotations"
    return f"({there} ? {_balancer(of)}.annotations['{AWS}{name}'] : '')"


def _class(of: str) -> str:
    has = _has(of, "loadBalancerClass")
    return f"({has} ? {_balancer(of)}.loadBalancerClass : '')"


def _type(of: str) -> str:
    by_aws = f"{_has(of, 'loadBalancerClass')} ? '' : 'nlb'"
    return f"({_has(of, 'aws')} ? ({by_aws}) : {_annotation(of, 'type')})"


def _scheme(of: str) -> str:
    """Return CEL for the scheme that a controller of AWS makes of a spec.

    The AWS Load Balancer Controller takes internal where nothing is said, the cloud provider
    internet-facing.
    """
    said = _annotation(of, "scheme")
    internal = f"{_annotation(of, 'internal')} == 'true' || {_has(of, 'loadBalancerClass')}"
    implied = f"({internal} ? 'internal' : 'internet-facing')"
    by_aws = f"{_balancer(of)}.aws.scheme == 'Internal' ? 'internal' : 'internet-facing'"
    return f"({_has(of, 'aws')} ? ({by_aws}) : ({said} != '' ? {said} : {implied}))"


def _targets(of: str) -> str:
    said = _annotation(of, "nlb-target-type")
    chosen = f"{_balancer(of)}.aws.targetType == 'IP' ? 'ip' : 'instance'"
    default = f"{_has(of, 'loadBalancerClass')} ? 'ip' : 'instance'"
    by_aws = f"{_has(of, 'aws.targetType')} ? ({chosen}) : ({default})"
    return f"({_has(of, 'aws')} ? ({by_aws}) : ({said} != '' ? {said} : 'instance'))"


def _stays(value: str, before: str, says: str, field: str) -> dict[str, str]:
    """Return the rule that holds what a load balancer is for as long as it lives.

    It stands on the spec, since a store without exposure has a load balancer too, and is written
    out, since optionals have no cost bound.
    """
    both = f"{_has_balancer('self')} && {_has_balancer('oldSelf')}"
    return rule(f"!({both}) || {value} == {before}", says, field=f".exposure.loadBalancer{field}")


LIVE_LOAD_BALANCER = (
    _stays(
        _class("self"),
        _class("oldSelf"),
        "loadBalancerClass cannot be set, changed or removed on a live load balancer, as "
        "Kubernetes forbids it; create a new BookStore",
        ".loadBalancerClass",
    ),
    _stays(
        _type("self"),
        _type("oldSelf"),
        f"the annotation {LOAD_BALANCER_TYPE} cannot change on a live load balancer, and aws sets "
        "it to nlb where there is no class; create a new BookStore",
        "",
    ),
    _stays(
        _scheme("self"),
        _scheme("oldSelf"),
        "the scheme of a live load balancer cannot change, since AWS would replace it by one of "
        "another address; keep it, or create a new BookStore",
        "",
    ),
    _stays(
        _targets("self"),
        _targets("oldSelf"),
        "the target type of a live load balancer cannot change, since AWS would take all targets "
        "out; keep it, or create a new BookStore",
        "",
    ),
)
