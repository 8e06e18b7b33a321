"""What the ways to the shop share: condition, URL, and what the shop learns of its readers."""

from dataclasses import dataclass

from bookstore_operator.api.conditions import ConditionType, Reason
from bookstore_operator.api.loadbalancer import HTTP, HTTPS
from bookstore_operator.api.model import ApiModel
from bookstore_operator.components.manifests import DRAIN
from bookstore_operator.engine.verdict import Verdict, ready, waiting
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import Store

EXPOSED = ConditionType("Exposed", "The shop has an address.")
ADDRESS_PENDING = Reason("AddressPending", "What leads to the shop has no address yet.")

EXTERNAL_DNS_HOST = "external-dns.alpha.kubernetes.io/hostname"
"""The annotation by which ExternalDNS learns the names of a Service; it separates them by commas.
Source: ExternalDNS, "Annotations"."""

AWS_DRAIN = 30
"""Seconds that a pod serves on behind a load balancer of AWS, which takes as long to send new
requests elsewhere: two checks of ten seconds, and its own delay."""

PROXY_KEEPALIVE = 75
"""Seconds that the shop keeps an idle connection of a proxy: longer than the 60 for which NGINX and
AWS' Application Load Balancer do, so that a request never meets a connection that is closing."""


class ExposureStatus(ApiModel):
    """The status' word on exposure."""

    url: str | None = None
    """Where shoppers reach the store."""


@dataclass(frozen=True)
class PublicAddress:
    """Describe to the shop how its readers come.

    Attributes:
        url: Scheme and host that they open; None where no name is known.
        hosts: The names that the shop answers to; it answers to all where there are none.
        hops: How many proxies add to X-Forwarded-For.
        drain: Seconds that a pod serves on once it was taken out.
    """

    url: str | None = None
    hosts: tuple[str, ...] = ()
    hops: int = 0
    drain: int = DRAIN

    def settings(self) -> dict[str, str]:
        """Return the shop's settings."""
        values = {"FORWARDED_HOPS": str(self.hops)}
        if self.hops:
            values["KEEPALIVE_SECONDS"] = str(PROXY_KEEPALIVE)
        if self.url:
            values["PUBLIC_URL"] = self.url
        if self.hosts:
            values["TRUSTED_HOSTS"] = ",".join(self.hosts)
        return values


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
