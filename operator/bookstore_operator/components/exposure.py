"""Exposure: the Service that shoppers reach, and its URL."""

from typing import ClassVar

from pydantic import ConfigDict

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.model import ApiModel, Union, rule, rules
from bookstore_operator.api.scalars import Annotations, LoadBalancerClass, NodePort, Port
from bookstore_operator.components.manifests import child
from bookstore_operator.components.shop import PORT, WEB
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.verdict import Verdict, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.kinds import SERVICE
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

EXPOSED = ConditionType("Exposed", "The shop has an address.")
ADDRESS_PENDING = Reason("AddressPending", "The load balancer has no address yet.")
HTTP = 80


LOAD_BALANCER_TYPE = "service.beta.kubernetes.io/aws-load-balancer-type"


class LoadBalancer(ApiModel):
    """Publish the shop by a Service of type LoadBalancer."""

    port: Port = 80
    """The port that shoppers use; it leads to port 5000 of the pods."""

    load_balancer_class: LoadBalancerClass | None = None
    """The load balancer's class, such as service.k8s.aws/nlb; the cluster's default where it is
    left out. Immutable."""

    annotations: Annotations | None = None
    """Annotations of the Service, for the cloud's load balancer controller to read."""

    node_port: NodePort | None = None
    """The port on every node; the cluster picks one where it is left out."""


class ExposureMember(Union):
    """How shoppers reach the store: exactly one member."""

    load_balancer: LoadBalancer | None = None
    """A Service of type LoadBalancer."""


def _load_balancer(of: str, field: str, key: str = "") -> str:
    """Return CEL for a text of the load balancer, empty where it is not set.

    It is written out, since optionals have no cost bound.
    """
    steps = [f"{of}.exposure", f"{of}.exposure.loadBalancer", f"{of}.exposure.loadBalancer.{field}"]
    there = [f"has({step})" for step in steps] + ([f"'{key}' in {steps[-1]}"] if key else [])
    value = f"{steps[-1]}['{key}']" if key else steps[-1]
    return f"({' && '.join(there)} ? {value} : '')"


def _live_load_balancer(field: str, says: str, key: str = "") -> dict[str, str]:
    """Return the rule that holds a text of the load balancer for its life.

    It stands on the spec, since a store without exposure has a load balancer too.
    """
    same = f"{_load_balancer('self', field, key)} == {_load_balancer('oldSelf', field, key)}"
    return rule(same, says, field=f".exposure.loadBalancer.{field}")


class ExposureSpec(ApiModel):
    """The spec's word on exposure."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            _live_load_balancer(
                "loadBalancerClass",
                "loadBalancerClass cannot be set, changed or removed on a live load balancer, as "
                "Kubernetes forbids it; create a new BookStore",
            ),
            _live_load_balancer(
                "annotations",
                f"the annotation {LOAD_BALANCER_TYPE} cannot change on a live load balancer; "
                "create a new BookStore",
                LOAD_BALANCER_TYPE,
            ),
        )
    )

    exposure: ExposureMember | None = None
    """How shoppers reach the store: by a load balancer on port 80 where it is left out."""


class ExposureStatus(ApiModel):
    """The status' word on exposure."""

    url: str | None = None
    """Where shoppers reach the store."""


class Exposure(Component[Store]):
    """Publish the shop by a load balancer."""

    condition: ClassVar = EXPOSED
    awaited: ClassVar = ADDRESS_PENDING
    spec_fields: ClassVar = ExposureSpec
    status_fields: ClassVar = ExposureStatus
    kinds: ClassVar = (SERVICE,)
    reasons: ClassVar = (ADDRESS_PENDING,)

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return the Service; fields that a load balancer's controller fills in are not named."""
        balancer = _balancer(root)
        port = {"name": "http", "port": balancer.port, "targetPort": PORT, "protocol": "TCP"}
        if balancer.node_port:
            port["nodePort"] = balancer.node_port
        spec: Manifest = {
            "type": "LoadBalancer",
            "selector": root.selector(WEB),
            "ports": [port],
        }
        if balancer.load_balancer_class:
            spec["loadBalancerClass"] = balancer.load_balancer_class
        manifest = child(root, root.service, WEB, spec=spec)
        if balancer.annotations:
            manifest["metadata"]["annotations"] = dict(balancer.annotations)
        return [manifest]

    def judge(self, root: Store, view: View) -> Verdict:
        """Judge whether the load balancer has an address."""
        found = url(root, view)
        if found is None:
            return waiting(
                ADDRESS_PENDING,
                f"Service {root.namespace}/{root.service.name} has no address yet; the cluster's "
                "load balancer gives it one.",
            )
        return ready(f"The shop is at {found}.")

    def status(self, root: Store, view: View) -> Manifest:
        """Return where shoppers reach the store."""
        found = url(root, view)
        return {"url": found} if found else {}


def url(store: Store, view: View) -> str | None:
    """Return where shoppers reach the store, or None while the load balancer has no address."""
    service = view.get(store.service) or {}
    for ingress in service.get("status", {}).get("loadBalancer", {}).get("ingress", []):
        host = ingress.get("hostname") or ingress.get("ip")
        if host:
            shown = f"[{host}]" if ":" in host else host
            port = _balancer(store).port
            return f"http://{shown}" if port == HTTP else f"http://{shown}:{port}"
    return None


def _balancer(store: Store) -> LoadBalancer:
    exposure = store.fragment(ExposureSpec).exposure
    return (exposure and exposure.load_balancer) or LoadBalancer()
