"""The catalogue keeps what orders told of shipping, and does without orders for a while."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bookstore.catalogue.shippingestimates import (
    AGAIN_SECONDS,
    FRESH_SECONDS,
    ShippingEstimates,
)
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.interfaces.orders import ShippingEstimate

BY_POST = ShippingEstimate("post", 900_000, 3, 8)


class Orders:
    """Orders that can be away or slow, and counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.away = False
        self.answering = threading.Event()
        self.asked = threading.Event()
        self.answering.set()

    def sessions_ended(self, account_id: int, version: int) -> None:
        raise AssertionError(f"nobody ends sessions here, as of {account_id} before {version}")

    def shipping_estimates(self, copies: int) -> Sequence[ShippingEstimate]:
        assert copies == 1
        self.calls += 1
        self.asked.set()
        assert self.answering.wait(10)
        if self.away:
            raise ServiceUnavailable("orders", "cut")
        return [BY_POST]


class Clock:
    """Seconds that a test lets go by."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_counts_for_a_minute() -> None:
    orders, clock = Orders(), Clock()
    estimates = ShippingEstimates(clock)
    for _ in range(3):
        assert estimates.of_one_copy(orders) == [BY_POST]
    assert orders.calls == 1
    clock.now += FRESH_SECONDS
    estimates.of_one_copy(orders)
    assert orders.calls == 2


def test_while_orders_is_away_the_last_answer_is_shown_and_it_is_asked_now_and_then() -> None:
    orders, clock = Orders(), Clock()
    estimates = ShippingEstimates(clock)
    orders.away = True
    assert estimates.of_one_copy(orders) == estimates.of_one_copy(orders) == ()
    assert orders.calls == 1
    clock.now += AGAIN_SECONDS
    orders.away = False
    assert estimates.of_one_copy(orders) == [BY_POST]
    orders.away = True
    clock.now += FRESH_SECONDS
    assert estimates.of_one_copy(orders) == [BY_POST]


def test_one_asks_for_all_and_nobody_waits_who_has_an_answer() -> None:
    orders, clock = Orders(), Clock()
    estimates = ShippingEstimates(clock)
    seen: list[Sequence[ShippingEstimate]] = []
    people = [
        threading.Thread(target=lambda: seen.append(estimates.of_one_copy(orders)))
        for _ in range(4)
    ]
    orders.answering.clear()
    for person in people:
        person.start()
    assert orders.asked.wait(10)
    orders.answering.set()
    for person in people:
        person.join(10)
    assert seen == [[BY_POST]] * 4
    assert orders.calls == 1

    orders.answering.clear()
    orders.asked.clear()
    clock.now += FRESH_SECONDS
    slow = threading.Thread(target=lambda: estimates.of_one_copy(orders))
    slow.start()
    assert orders.asked.wait(10)
    assert estimates.of_one_copy(orders) == [BY_POST]
    orders.answering.set()
    slow.join(10)
    assert orders.calls == 2
