"""Jinja tests of IPv4 addresses and networks, for checks.yml."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable


def ipv4_address(value: object) -> bool:
    """Tell whether a value is an IPv4 address."""
    try:
        ipaddress.IPv4Address(str(value))
    except ValueError:
        return False
    return True


def ipv4_network(value: object) -> bool:
    """Tell whether a value is an IPv4 network such as 192.0.2.0/24, or an address."""
    try:
        ipaddress.IPv4Network(str(value))
    except ValueError:
        return False
    return True


def within(address: object, networks: Iterable[object]) -> bool:
    """Tell whether an address lies in one of some networks; an IPv6 address lies in none."""
    found = ipaddress.ip_address(str(address))
    return any(found in ipaddress.IPv4Network(str(network)) for network in networks)


class TestModule:
    """What Ansible asks for the tests."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Give the tests by the names that templates use."""
        return {"ipv4_address": ipv4_address, "ipv4_network": ipv4_network, "within": within}
