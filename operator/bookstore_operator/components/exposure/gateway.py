"""The route: hosts on a Gateway that somebody keeps, judged by what its controller says of it."""

from typing import ClassVar

from bookstore_operator.api.conditions import Reason
from bookstore_operator.api.gateway import Gateway, GatewayRef
from bookstore_operator.api.loadbalancer import HTTP, HTTPS
from bookstore_operator.components.exposure.address import (
    ADDRESS_PENDING,
    url_of,
)
from bookstore_operator.components.exposure.backend import BACKEND_PORT, backend
from bookstore_operator.components.exposure.change import Change
from bookstore_operator.components.exposure.way import Way
from bookstore_operator.components.manifests import child
from bookstore_operator.components.outputs import PublicAddress
from bookstore_operator.components.shop import WEB
from bookstore_operator.engine.verdict import Verdict, failed, ready, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.kinds import SERVICE
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.kube.thirdparty import GATEWAY, HTTP_ROUTE
from bookstore_operator.store import Store

ROUTE_REFUSED = Reason(
    "RouteRefused",
    "A Gateway does not take the route, or cannot follow it; the message says why.",
    fix=("Correct exposure.gateway, or the Gateway's listener, see docs/how-to/gateway.md."),
)
JUDGED_BY = ("Accepted", "ResolvedRefs")
"""The conditions of a route at each Gateway. Source: Gateway API, ``RouteParentStatus``."""


class GatewayExposure(Way):
    """Publish the shop by an HTTPRoute."""

    kinds: ClassVar = (SERVICE, HTTP_ROUTE)
    reads: ClassVar = (GATEWAY,)
    reasons: ClassVar = (ADDRESS_PENDING, ROUTE_REFUSED)

    def active(self, root: Store) -> bool:
        """Return whether the spec chose this way."""
        return root.spec.gateway is not None

    def references(self, root: Store, view: View) -> list[Ref]:
        """Return the Gateways, whose listeners tell whether the shop is https."""
        wanted = [_gateway_ref(root, parent) for parent in _gateway(root).parent_refs]
        return [*wanted, *self.change(root, view).references()]

    def change(self, root: Store, view: View) -> Change:
        """Return what is left of former ways."""
        return Change(root, view, root.route, _gateway(root).hosts)

    def url(self, root: Store, view: View) -> str | None:
        """Return where shoppers reach the store, or None while it has no address."""
        taken = all(_judge(root, view, parent) is None for parent in _gateway(root).parent_refs)
        return _public(root, view) if taken else None

    def outputs(self, root: Store, view: View) -> tuple[object, ...]:
        """Return the public address."""
        hops = _gateway(root).forwarded_hops
        return (
            PublicAddress(
                url=_public(root, view),
                hosts=self.change(root, view).names(),
                hops=1 if hops is None else hops,
            ),
        )

    def children(self, root: Store, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return the Service within the cluster, and the route for all of its paths."""
        gateway = _gateway(root)
        backends = [{"name": root.backend.name, "port": BACKEND_PORT}]
        spec = {
            "parentRefs": [parent.manifest() for parent in gateway.parent_refs],
            "hostnames": list(gateway.hosts),
            "rules": [{"backendRefs": backends}],
        }
        return [backend(root), child(root, root.route, WEB, spec=spec)]

    def found(self, root: Store, view: View) -> Verdict:
        """Judge whether every Gateway takes the route and finds what it leads to."""
        for parent in _gateway(root).parent_refs:
            verdict = _judge(root, view, parent)
            if verdict is not None:
                return verdict
        return ready(f"The shop is at {self.url(root, view)}.")


def _gateway(store: Store) -> Gateway:
    gateway = store.spec.gateway
    if gateway is None:
        raise LookupError("the store has no Gateway; a fault of the order")
    return gateway


def _gateway_ref(store: Store, parent: GatewayRef) -> Ref:
    return Ref(GATEWAY, parent.namespace or store.namespace, parent.name)


def _conditions(store: Store, view: View, parent: GatewayRef) -> dict[str, Manifest]:
    """Return what the Gateway's controller says of the route as it is now, by type."""
    live = view.get(store.route) or {}
    wanted = (parent.name, parent.namespace or store.namespace, parent.section_name)
    for told in live.get("status", {}).get("parents", []):
        ref = told["parentRef"]
        known = ref["name"], ref.get("namespace", store.namespace), ref.get("sectionName")
        if known == wanted:
            return {
                one["type"]: one
                for one in told.get("conditions", [])
                if one.get("observedGeneration", 0) >= live["metadata"]["generation"]
            }
    return {}


def _judge(store: Store, view: View, parent: GatewayRef) -> Verdict | None:
    """Return why a Gateway does not take the route, or None where it does."""
    gateway = _gateway_ref(store, parent)
    said = _conditions(store, view, parent)
    for kind in JUDGED_BY:
        if said.get(kind, {}).get("status") == "False":
            message = str(said[kind].get("message") or said[kind].get("reason")).strip().rstrip(".")
            return failed(
                ROUTE_REFUSED,
                f"{gateway} does not take HTTPRoute {store.route.name}: {message}; correct "
                "exposure.gateway, or the Gateway's listener",
            )
    if all(said.get(kind, {}).get("status") == "True" for kind in JUDGED_BY):
        return None
    if view.get(gateway) is None:
        return waiting(ADDRESS_PENDING, f"{gateway} is not there; the route waits for it.")
    return waiting(
        ADDRESS_PENDING,
        f"{gateway} has not said yet whether it takes HTTPRoute {store.route.name}; its controller "
        "does.",
    )


def _is_secure(store: Store, view: View) -> bool:
    """Return whether a listener of the route ends TLS."""
    for parent in _gateway(store).parent_refs:
        gateway = view.get(_gateway_ref(store, parent)) or {}
        for listener in gateway.get("spec", {}).get("listeners", []):
            if parent.section_name in (None, listener["name"]) and listener["protocol"] == "HTTPS":
                return True
    return False


def _public(store: Store, view: View) -> str:
    secure = _is_secure(store, view)
    return url_of(_gateway(store).hosts[0], HTTPS if secure else HTTP, secure=secure)
