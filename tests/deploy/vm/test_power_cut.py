"""Either machine loses its power in the middle of purchases: no confirmed purchase is lost."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import httpx
import pytest

from tests.support.background import repeating
from tests.support.poll import eventually

STOCK = 500
PAUSE_SECONDS = 0.3


@pytest.mark.parametrize("victim", ["app", "database"])
def test_no_confirmed_purchase_is_lost(site, shopper, victim):
    seller = shopper()
    seller.register()
    book = seller.publish("Los días enmascarados", STOCK)
    buyers = [shopper() for _ in range(2)]
    for buyer in buyers:
        buyer.register()
    confirmed: list[list[str]] = [[] for _ in buyers]

    def buying(buyer, pages):
        def buy():
            with suppress(httpx.HTTPError, AssertionError):
                pages.append(buyer.buy(book))

        return buy

    def purchases():
        return sum(len(pages) for pages in confirmed)

    def more_than(count):
        assert purchases() > count, f"{purchases()} purchases so far"

    people = [buying(*one) for one in zip(buyers, confirmed, strict=True)]
    with repeating(*people, every=PAUSE_SECONDS):
        eventually(lambda: more_than(10), within=60)
        machine = getattr(site, victim)
        machine.cut_power()
        machine.power_on()
        before = purchases()
        # Nobody touches the machines: the shop comes back by itself and sells again.
        eventually(lambda: more_than(before + 10), within=120)

    for buyer, pages in zip(buyers, confirmed, strict=True):
        assert len(set(pages)) == len(pages)
        for page in pages:
            eventually(partial(buyer.page, page), within=10)
    # Every copy is on sale or bought; one that was not confirmed may be bought too.
    assert seller.stock(book) <= STOCK - purchases()
