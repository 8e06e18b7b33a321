"""Reach a host name at an address that no DNS server of this machine gives for it."""

from __future__ import annotations

import ssl
from typing import Any

import httpx


class At(httpx.HTTPTransport):
    """Sends every request to one address, under the host name of its URL."""

    def __init__(self, address: str, **how: Any) -> None:
        super().__init__(**how)
        self._address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        named = {"sni_hostname": request.url.host}
        return super().handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=self._address),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions | named,
            )
        )


def client(url: str, address: str, authority: str = "") -> httpx.Client:
    """Return a client for a URL whose host is at an address.

    ``authority`` is the certificate that it trusts and no other, as PEM.
    """
    trust = ssl.create_default_context(cadata=authority) if authority else True
    return httpx.Client(
        base_url=url, transport=At(address, verify=trust), timeout=10, trust_env=False
    )
