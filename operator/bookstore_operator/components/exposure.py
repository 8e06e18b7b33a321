"""Exposure: the Service that shoppers reach, and its URL."""

from typing import ClassVar

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.spec import LoadBalancer
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


class Exposure(Component[Store]):
    """Publish the shop by a load balancer."""

    condition: ClassVar = EXPOSED
    awaited: ClassVar = ADDRESS_PENDING
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
    exposure = store.spec.exposure
    return (exposure and exposure.load_balancer) or LoadBalancer()
