"""Exposure: the Service that shoppers reach, and its URL."""

from typing import ClassVar

from bookstore_operator.api.spec import LoadBalancer
from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.components.web import COMPONENT as WEB
from bookstore_operator.components.web import PORT
from bookstore_operator.kinds import Manifest, Ref
from bookstore_operator.manifests import child
from bookstore_operator.observed import Observed
from bookstore_operator.store import Store
from bookstore_operator.verdict import Verdict, ready, waiting

HTTP = 80


class Exposure(Component):
    """Publish the shop by a load balancer."""

    condition: ClassVar = ConditionType.EXPOSED
    awaited: ClassVar = Reason.ADDRESS_PENDING

    def observes(self, store: Store) -> list[Ref]:
        """Return the Service."""
        return [store.service]

    def desired(self, store: Store, seen: Observed) -> list[Manifest]:  # noqa: ARG002
        """Return the Service; fields that a load balancer's controller fills in are not named."""
        balancer = _balancer(store)
        port = {"name": "http", "port": balancer.port, "targetPort": PORT, "protocol": "TCP"}
        if balancer.node_port:
            port["nodePort"] = balancer.node_port
        spec: Manifest = {
            "type": "LoadBalancer",
            "selector": store.selector(WEB),
            "ports": [port],
        }
        if balancer.load_balancer_class:
            spec["loadBalancerClass"] = balancer.load_balancer_class
        manifest = child(store, store.service, WEB, spec=spec)
        if balancer.annotations:
            manifest["metadata"]["annotations"] = dict(balancer.annotations)
        return [manifest]

    def judge(self, store: Store, seen: Observed) -> Verdict:
        """Judge whether the load balancer has an address."""
        found = url(store, seen)
        if found is None:
            return waiting(
                Reason.ADDRESS_PENDING,
                f"Service {store.namespace}/{store.service.name} has no address yet; the cluster's "
                "load balancer gives it one.",
            )
        return ready(f"The shop is at {found}.")


def url(store: Store, seen: Observed) -> str | None:
    """Return where shoppers reach the store, or None while the load balancer has no address."""
    service = seen.get(store.service) or {}
    for ingress in service.get("status", {}).get("loadBalancer", {}).get("ingress", []):
        host = ingress.get("hostname") or ingress.get("ip")
        if host:
            shown = f"[{host}]" if ":" in host else host
            port = _balancer(store).port
            return f"http://{shown}" if port == HTTP else f"http://{shown}:{port}"
    return None


def _balancer(store: Store) -> LoadBalancer:
    exposure = store.spec.exposure
    return (exposure and exposure.load_balancer) or LoadBalancer()
