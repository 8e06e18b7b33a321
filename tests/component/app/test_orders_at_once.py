"""Orders are counted once, no copy is lost whatever happens at once, and any text is answered."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from bookstore.core.db.database import Database
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.services import service
from bookstore.orders.fulfilment import NotNow
from bookstore.orders.models import Order
from bookstore.orders.service import LocalOrders
from tests.component.app.databases import on_mysql, on_sqlite
from tests.component.app.shopper import Shopper, purchase
from tests.component.app.test_buying import asking


def placed(buyer: Shopper, book: int, card: str = "4242 4242 4242 4242") -> int:
    (order,) = buyer.ordered(buyer.buy(book, purchase(card)))
    return order


def counted(what: str, state: str) -> float:
    return REGISTRY.get_sample_value(f"bookstore_{what}_total", {"state": state}) or 0


@on_sqlite
def test_orders_and_purchases_are_counted_by_the_state_they_come_to_once(
    seller: Shopper, buyer: Shopper
) -> None:
    ends = [("orders", state) for state in ("paid", "shipped", "delivered", "cancelled")]
    ends += [("purchases", state) for state in ("paid", "declined", "timed_out")]
    before = [counted(*end) for end in ends]
    book = seller.publish(quantity="5")
    sent, regretted = placed(buyer, book), placed(buyer, book)
    assert buyer.buy(book, purchase("4000 0000 0000 0002")).status_code == 402
    for _ in range(2):
        seller.post(f"/orders/{sent}/ship", {"tracking": "CO-1234"})
        buyer.post(f"/orders/{sent}/receive", {})
        buyer.post(f"/orders/{regretted}/cancel", {})
    after = [counted(*end) for end in ends]
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 1, 1, 1, 2, 1, 0]


@on_mysql
def test_buying_and_cancelling_at_once_keep_every_copy(
    app: Flask, seller: Shopper, database: Database, run_jobs: Callable[..., int]
) -> None:
    book = seller.publish(quantity="5")
    orders = service(LocalOrders, app)

    def buy_and_regret(number: int) -> None:
        buyer_id = 9000 + number
        try:
            bought = orders.buy(buyer_id, "Ana", asking(book))
        except OutOfStock:
            return
        (part,) = orders.purchases.purchase(buyer_id, bought.id).parts
        assert part.order is not None
        for _ in range(number % 3):
            try:
                orders.fulfilment.cancel(buyer_id, part.order.id)
            except NotNow:
                assert number % 3 == 2

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(buy_and_regret, range(90)))
    run_jobs()
    with database.reading() as db:
        kept = db.scalars(select(func.count()).where(Order.state == "paid")).one()
    assert 0 < kept <= 5
    assert seller.stock(book) == 5 - kept


@pytest.fixture
def waiting(seller: Shopper, buyer: Shopper) -> tuple[Shopper, str, str]:
    """Give the seller of a paid order, the address that ships it and a token for its form."""
    return seller, f"/orders/{placed(buyer, seller.publish())}/ship", seller.token()


@on_sqlite
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.dictionaries(st.sampled_from(["tracking", "state"]), st.text(max_size=60)))
def test_whatever_is_typed_as_a_tracking_code_is_answered(
    waiting: tuple[Shopper, str, str], typed: dict[str, str]
) -> None:
    seller, path, token = waiting
    assert seller.post(path, typed, token=token).status_code in {303, 409, 422}
