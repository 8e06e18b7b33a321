"""Reach a host name at an address that no DNS server of this machine gives for it."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import httpx


class At(httpx.HTTPTransport):
    """Sends every request to one address, under the host name of its URL.

    Attributes:
        address: Where the next request goes.
    """

    def __init__(self, address: str, **how: Any) -> None:
        super().__init__(**how)
        self.address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        named = {"sni_hostname": request.url.host}
        return super().handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=self.address),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions | named,
            )
        )


def transport(address: str, authority: str = "", **how: Any) -> At:
    """Return a transport to an address; ``authority`` is what it trusts and no other, as PEM."""
    trust = ssl.create_default_context(cadata=authority) if authority else True
    return At(address, verify=trust, **how)


def client(url: str, address: str, authority: str = "") -> httpx.Client:
    """Return a client for a URL whose host is at an address.

    ``authority`` is the certificate that it trusts and no other, as PEM.
    """
    return httpx.Client(
        base_url=url, transport=transport(address, authority), timeout=10, trust_env=False
    )


def certificate(host: str, address: str, authority: str) -> bytes:
    """Return the certificate that a server shows for a host, as DER.

    Raises ssl.SSLCertVerificationError where it is not the host's own, or not the authority's.
    """
    trust = ssl.create_default_context(cadata=authority)
    with (
        socket.create_connection((address, 443), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=host) as secured,
    ):
        shown = secured.getpeercert(binary_form=True)
    assert shown, f"{host} shows no certificate"
    return shown
