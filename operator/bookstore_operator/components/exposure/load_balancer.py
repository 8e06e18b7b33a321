"""The load balancer: a Service that a controller of the cluster or the cloud gives an address."""

from typing import ClassVar

from bookstore_operator.api.loadbalancer import (
    AWS,
    HTTPS,
    LoadBalancer,
    Scheme,
    TargetType,
    TrafficPolicy,
)
from bookstore_operator.components.exposure import controller
from bookstore_operator.components.exposure.address import (
    ADDRESS_PENDING,
    AWS_DRAIN,
    EXTERNAL_DNS_HOST,
    ExposureStatus,
    addresses,
    judged,
    url_of,
)
from bookstore_operator.components.exposure.change import Change
from bookstore_operator.components.exposure.controller import LOAD_BALANCER_FAILED
from bookstore_operator.components.exposure.way import Way
from bookstore_operator.components.manifests import DRAIN, child
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.components.shop import HTTPS_PORT, PORT, WEB, front
from bookstore_operator.engine.verdict import Verdict
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import EVENT, SERVICE
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3. Source: AWS, "TLS listeners for your Network Load Balancer"."""

HEALTH = {"healthcheck-protocol": "HTTP", "healthcheck-path": "/healthz"}
"""Whether a process is there to take requests. Whether the shop can serve is Kubernetes' question,
by /readyz: it takes the pod out of the Service, and with it out of the load balancer. Were that
asked twice, a database that was away for seconds would keep all targets out for the many more that
a load balancer needs to find them well again."""

CHECKS = {
    "healthcheck-interval": "10",
    "healthcheck-healthy-threshold": "2",
    "healthcheck-unhealthy-threshold": "2",
}


class LoadBalancerExposure(Way):
    """Publish the shop by a load balancer."""

    status_fields: ClassVar = ExposureStatus
    kinds: ClassVar = (SERVICE,)
    reads: ClassVar = (EVENT,)
    reasons: ClassVar = (ADDRESS_PENDING, LOAD_BALANCER_FAILED)

    def active(self, root: Store) -> bool:
        """Return whether the spec chose this way, or none."""
        return root.spec.load_balancer is not None

    def references(self, root: Store, view: View) -> list[Ref]:
        """Return the Gateways that led here before."""
        return self.change(root, view).references()

    def change(self, root: Store, view: View) -> Change:
        """Return what is left of former ways."""
        host = _balancer(root).host
        return Change(root, view, root.service, (host,) if host else ())

    def url(self, root: Store, view: View) -> str | None:
        """Return where shoppers reach the store, or None while it has no address."""
        balancer = _balancer(root)
        given = addresses(view.get(root.service))
        return (_named(balancer) or url_of(given[0], balancer.port)) if given else None

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the public address."""
        balancer = _balancer(root)
        return (
            PublicAddress(
                url=_named(balancer),
                hosts=self.change(root, view).names(),
                hops=balancer.forwarded_hops or 0,
                drain=AWS_DRAIN if balancer.aws else DRAIN,
            ),
        )

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return the Service; fields that a load balancer's controller fills in are not named."""
        balancer = _balancer(root)
        spec: Manifest = {
            "type": "LoadBalancer",
            "selector": front(root),
            "ports": _ports(balancer),
        }
        if balancer.load_balancer_class:
            spec["loadBalancerClass"] = balancer.load_balancer_class
        policy = _traffic_policy(balancer)
        if policy:
            spec["externalTrafficPolicy"] = policy.value
        manifest = child(root, root.service, WEB, spec=spec)
        annotations = {
            **({EXTERNAL_DNS_HOST: balancer.host} if balancer.host else {}),
            **_aws(balancer),
            **(balancer.annotations or {}),
        }
        if annotations:
            manifest["metadata"]["annotations"] = annotations
        return [manifest]

    def queries(self, root: Store, view: View) -> list[Query]:
        """Return the Events of the Service while there is something to explain."""
        return controller.queries(root, view, root.service, cloud=_balancer(root).aws is not None)

    def is_known(self, root: Store, view: View) -> bool:
        """Return whether the load balancer has an address, to which a shop with a host answers."""
        return _balancer(root).host is None or bool(addresses(view.get(root.service)))

    def found(self, root: Store, view: View) -> Verdict:
        """Judge whether the load balancer has an address, and is as it is wanted."""
        verdict = judged(root, root.service, self.url(root, view))
        cloud = _balancer(root).aws is not None
        return controller.judged(root, view, root.service, verdict, cloud=cloud)


def _balancer(store: Store) -> LoadBalancer:
    return store.spec.load_balancer or LoadBalancer()


def _named(balancer: LoadBalancer) -> str | None:
    """Return the URL of the host that the spec names."""
    if balancer.host is None:
        return None
    if balancer.certificate:
        return url_of(balancer.host, HTTPS, secure=True)
    return url_of(balancer.host, balancer.port)


def _ports(balancer: LoadBalancer) -> list[Manifest]:
    """Return the Service's ports; with a certificate the first leads to a redirect of the shop's.

    A Network Load Balancer cannot redirect, and says nothing of the TLS that it ended, so that
    what came by https goes to a port of its own.
    """
    plain = {"name": "http", "port": balancer.port, "targetPort": PORT, "protocol": "TCP"}
    if balancer.node_port:
        plain["nodePort"] = balancer.node_port
    if balancer.certificate is None:
        return [plain]
    return [
        plain,
        {"name": "https", "port": HTTPS, "targetPort": HTTPS_PORT, "protocol": "TCP"},
    ]


def _traffic_policy(balancer: LoadBalancer) -> TrafficPolicy | None:
    if balancer.external_traffic_policy or balancer.aws is None:
        return balancer.external_traffic_policy
    return TrafficPolicy.LOCAL if balancer.targets is TargetType.INSTANCE else None


def _aws(balancer: LoadBalancer) -> dict[str, str]:
    """Return the annotations by which AWS' controllers make a Network Load Balancer.

    Source: AWS Load Balancer Controller, "Service annotations"; cloud-provider-aws, "Service
    Annotations".
    """
    aws = balancer.aws
    if aws is None:
        return {}
    said = dict(CHECKS)
    # Kubernetes checks nodes by a port of its own where only those with a pod may take requests.
    through_nodes = balancer.targets is TargetType.INSTANCE
    if not through_nodes or _traffic_policy(balancer) is not TrafficPolicy.LOCAL:
        said |= HEALTH
    if balancer.load_balancer_class:
        said |= {
            "scheme": "internal" if aws.scheme is Scheme.INTERNAL else "internet-facing",
            "nlb-target-type": "instance" if through_nodes else "ip",
            "attributes": "load_balancing.cross_zone.enabled=true",
            "target-group-attributes": "preserve_client_ip.enabled=true,"
            f"deregistration_delay.timeout_seconds={AWS_DRAIN}",
        }
    else:
        said |= {"type": "nlb", "cross-zone-load-balancing-enabled": "true"}
        if aws.scheme is Scheme.INTERNAL:
            said["internal"] = "true"
    if aws.certificate_arn:
        said |= {
            "ssl-cert": aws.certificate_arn,
            "ssl-ports": str(HTTPS),
            "ssl-negotiation-policy": TLS_POLICY,
        }
    return {f"{AWS}{name}": value for name, value in said.items()}
