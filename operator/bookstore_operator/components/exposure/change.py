"""The change from one way to the shop to another, without a shopper who finds nothing.

A store has one way at a time. While it changes, the objects of the former one stay, and the shop
answers to its names: until the new one has an address, and DNS no longer leads the host to the
former.
"""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bookstore_operator.components.exposure.address import (
    EXTERNAL_DNS_CONTROLLER,
    EXTERNAL_DNS_HOST,
    addresses,
)
from bookstore_operator.engine.component import Patch, Question
from bookstore_operator.engine.view import View
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.kinds import INGRESS, SERVICE
from bookstore_operator.kube.objects import Kind, Manifest, Ref
from bookstore_operator.kube.thirdparty import GATEWAY, HTTP_ROUTE
from bookstore_operator.store import Store

WAYS: tuple[Kind, ...] = (SERVICE, INGRESS, HTTP_ROUTE)
"""The kinds that lead shoppers to the shop from outside."""

PATIENCE = 5.0
"""Seconds that a resolver may take; without an answer nothing is known of the host."""


@dataclass(frozen=True)
class Resolution:
    """Ask DNS, as the cluster sees it, where a name leads.

    Attributes:
        host: A DNS name, or an address, which leads to itself.
    """

    host: str

    async def ask(self) -> frozenset[str]:
        """Return the addresses; none where the name cannot be resolved."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                found = await loop.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            return frozenset()
        return frozenset(str(one[4][0]) for one in found)


@dataclass(frozen=True)
class Change:
    """What is left of former ways.

    Attributes:
        store: The store.
        view: What is known of it.
        current: The object of the wanted way.
        hosts: The hosts that the spec names.
    """

    store: Store
    view: View
    current: Ref
    hosts: tuple[str, ...]

    def references(self) -> list[Ref]:
        """Return the Gateways of routes that are there, which know where these are reached."""
        return [
            gateway
            for ref, live in self.view.owned(HTTP_ROUTE).items()
            for gateway in _gateways(ref, live)
        ]

    def names(self) -> tuple[str, ...]:
        """Return the names that the shop answers to; without hosts it answers to every name.

        They are its hosts, and those of former ways. A load balancer passes on requests to its own
        name too; what goes by the host, as an Ingress does, brings those to its hosts alone.
        """
        if not self.hosts:
            return ()
        others: set[str] = set()
        for ref in _ways(self.view):
            live = self.view.get(ref) or {}
            if ref.kind is SERVICE:
                others.update(f"[{one}]" if ":" in one else one for one in addresses(live))
            if ref != self.current:
                others.update(_hosts(live))
        return (*self.hosts, *sorted(others - set(self.hosts)))

    def questions(self) -> list[Question]:
        """Return what is asked of DNS while a former way is there."""
        former = self._former_addresses() if self.hosts else []
        return [Resolution(one) for one in (self.hosts[0], *former)] if former else []

    def patches(self, url: str | None) -> list[Patch]:
        """Return what lets ExternalDNS lead the host to the wanted way, once it has an address.

        Of two objects that ask for a name it serves the one that had it first; it would never lead
        the name away from a former way that waits for just that.
        """
        if url is None:
            return []
        body: Manifest = {"metadata": {"annotations": {EXTERNAL_DNS_CONTROLLER: MANAGER}}}
        return [
            Patch(ref, body)
            for ref in self._former()
            if EXTERNAL_DNS_CONTROLLER not in _annotations(self.view.get(ref) or {})
        ]

    def retained(self, url: str | None) -> set[Ref]:
        """Return the objects of former ways that are needed yet.

        Args:
            url: Where the wanted way is reached; None while it has no address.
        """
        if url is not None and not self._leads_to_former():
            return set()
        former = self._former()
        within = {self.store.backend} if any(ref.kind is not SERVICE for ref in former) else set()
        return {*former, *within}

    def _former(self) -> list[Ref]:
        return [ref for ref in _ways(self.view) if ref != self.current]

    def _former_addresses(self) -> list[str]:
        found = {one for ref in self._former() for one in self._addresses(ref)}
        return sorted(found - set(self._addresses(self.current)))

    def _addresses(self, ref: Ref) -> list[str]:
        """Return where an object of a way is reached; a route is where its Gateways are."""
        live = self.view.get(ref)
        if ref.kind is not HTTP_ROUTE:
            return addresses(live)
        gateways = [self.view.get(one) or {} for one in _gateways(ref, live or {})]
        given = [
            one for gateway in gateways for one in gateway.get("status", {}).get("addresses", [])
        ]
        return [str(one["value"]) for one in given]

    def _leads_to_former(self) -> bool:
        """Return whether DNS leads the host to a former way, or has not said yet where."""
        former = self._former_addresses() if self.hosts else []
        if not former:
            return False
        asked = [Resolution(one) for one in (self.hosts[0], *former)]
        answers = [found for one in asked if (found := self.view.facts.get(one)) is not None]
        if len(answers) < len(asked):
            return True
        host, *others = answers
        return any(not host.isdisjoint(other) for other in others)


def _ways(view: View) -> Iterator[Ref]:
    """Yield what leads shoppers here from outside."""
    for kind in WAYS:
        for ref, live in view.owned(kind).items():
            if kind is not SERVICE or live.get("spec", {}).get("type") == "LoadBalancer":
                yield ref


def _gateways(route: Ref, live: Manifest) -> list[Ref]:
    """Return the Gateways that a route is on."""
    return [
        Ref(GATEWAY, parent.get("namespace", route.namespace), parent["name"])
        for parent in live.get("spec", {}).get("parentRefs", [])
    ]


def _hosts(live: Manifest) -> Iterable[str]:
    """Return the hosts that an object of a way leads to the shop."""
    said = _annotations(live).get(EXTERNAL_DNS_HOST, "")
    spec = live.get("spec", {})
    return {
        *(name.strip() for name in said.split(",") if name.strip()),
        *(host for rule in spec.get("rules", []) if (host := rule.get("host"))),
        *spec.get("hostnames", []),
    }


def _annotations(live: Manifest) -> dict[str, str]:
    found: dict[str, str] = live.get("metadata", {}).get("annotations") or {}
    return found
