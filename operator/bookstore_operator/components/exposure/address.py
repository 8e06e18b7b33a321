"""What the ways to the shop share: condition, addresses, URL."""

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.loadbalancer import HTTP, HTTPS
from bookstore_operator.api.model import ApiModel
from bookstore_operator.engine.verdict import Verdict, ready, waiting
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

EXPOSED = ConditionType("Exposed", "The shop has an address.")
ADDRESS_PENDING = Reason(
    "AddressPending",
    "What leads to the shop has no address yet.",
    fix=(
        "Check that the controller of the load balancer or Ingress runs: `kubectl "
        "describe service,ingress`."
    ),
)

EXTERNAL_DNS_HOST = "external-dns.alpha.kubernetes.io/hostname"
"""The annotation by which ExternalDNS learns the names of a Service; it separates them by commas.
Source: ExternalDNS, "Annotations"."""

EXTERNAL_DNS_CONTROLLER = "external-dns.alpha.kubernetes.io/controller"
"""The annotation by which ExternalDNS leaves an object to another controller. Source: likewise."""

AWS_DRAIN = 30
"""Seconds that a pod serves on behind a load balancer of AWS, which takes as long to send new
requests elsewhere: two checks of ten seconds, and its own delay."""


class ExposureStatus(ApiModel):
    """The status' word on exposure."""

    url: str | None = None
    """Where shoppers reach the store."""


def url_of(host: str, port: int = HTTP, *, secure: bool = False) -> str:
    """Return the URL of a host name or an address."""
    shown = f"[{host}]" if ":" in host else host
    usual = HTTPS if secure else HTTP
    scheme = "https" if secure else "http"
    return f"{scheme}://{shown}" if port == usual else f"{scheme}://{shown}:{port}"


def addresses(live: Manifest | None) -> list[str]:
    """Return the host names and addresses that a Service or an Ingress was given."""
    given = (live or {}).get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [found for one in given if (found := one.get("hostname") or one.get("ip"))]


def judged(store: Store, current: Ref, address: str | None) -> Verdict:
    """Judge whether the object that leads to the shop was given an address."""
    if address is None:
        return waiting(
            ADDRESS_PENDING,
            f"{current.kind} {store.namespace}/{current.name} has no address yet; "
            "the cluster's load balancer gives it one.",
        )
    return ready(f"The shop is at {address}.")


def status(address: str | None) -> Manifest:
    """Return where shoppers reach the store."""
    return {"url": address} if address else {}
