"""Visit a store whose host no DNS server of this machine knows."""

from __future__ import annotations

import httpx

from tests.cluster.support.store import Store
from tests.support import resolved
from tests.support.poll import eventually
from tests.support.shopper import UNKEPT, Shopper


def wait_url(store: Store, url: str, within: float = 120) -> None:
    """Wait until the store says that shoppers reach it there."""

    def told() -> None:
        status = store.get().get("status", {})
        assert status.get("url") == url, status

    eventually(told, within=within)


def wait_serves(url: str, address: str, authority: str = "") -> None:
    """Wait until the shop answers at a URL whose host is at an address."""
    with resolved.client(url, address, authority) as visitor:

        def answered() -> None:
            answer = visitor.get("/healthz")
            assert answer.status_code == 200, answer

        eventually(answered, within=60)


def assert_sent_to_https(host: str, address: str) -> None:
    """Assert that who asks for a page by plain http is sent to the same page by https."""
    with resolved.client(f"http://{host}", address) as visitor:
        answer = visitor.get("/books/1?from=mail")
    assert answer.status_code == httpx.codes.PERMANENT_REDIRECT
    assert answer.headers["Location"] == f"https://{host}/books/1?from=mail"


def way(address: str, authority: str = "") -> resolved.At:
    """Return the way of shoppers to an address, who trust the authority and no other."""
    return resolved.transport(address, authority, limits=UNKEPT)


def buy(url: str, address: str, authority: str = "") -> None:
    """Have one person offer a book and another buy it."""
    seller, buyer = (Shopper(url, way(address, authority)) for _ in range(2))
    seller.register()
    buyer.register()
    buyer.buy(seller.publish("El llano en llamas", quantity=1))
    assert len(buyer.orders()) == 1
