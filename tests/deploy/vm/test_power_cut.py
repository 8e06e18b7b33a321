"""Either machine loses its power in the middle of purchases: no paid order is lost."""

from __future__ import annotations

import threading

import httpx
import pytest

from tests.support.poll import eventually


@pytest.mark.parametrize("victim", ["app", "database"])
def test_no_paid_order_is_lost(site, shopper, victim):
    seller = shopper()
    seller.register()
    book = seller.publish("Los días enmascarados", 500)
    buyers = [shopper() for _ in range(2)]
    for buyer in buyers:
        buyer.register()
    told: list[list[str]] = [[] for _ in buyers]
    ended = threading.Event()

    def buy(number):
        while not ended.is_set():
            try:
                buyers[number].buy(book)
                told[number].append(buyers[number].orders()[0])
            except (httpx.HTTPError, AssertionError, IndexError):
                ended.wait(0.3)

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(len(buyers))]
    for thread in threads:
        thread.start()

    def orders():
        return sum(len(numbers) for numbers in told)

    def more_than(count):
        assert orders() > count, f"{orders()} orders so far"

    try:
        eventually(lambda: more_than(5), within=60)
        machine = getattr(site, victim)
        machine.cut_power()
        machine.power_on()
        before = orders()
        # Nobody touches the machines: the shop comes back by itself and sells again.
        eventually(lambda: more_than(before + 2), within=120)
    finally:
        ended.set()
        for thread in threads:
            thread.join()

    for buyer, numbers in zip(buyers, told, strict=True):
        for number in numbers:
            buyer.page(f"/orders/{number}")
    # Every copy is on sale or in an order; an order that nobody was told of may be there too.
    assert seller.stock(book) <= 500 - orders()
