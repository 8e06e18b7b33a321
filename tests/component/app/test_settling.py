"""What was left open is ended later, once; and whatever happens at once, no copy is lost."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import func, select, update

from bookstore.catalogue.service import LocalCatalogue
from bookstore.cli.settle import settle as settle_command
from bookstore.core.config import Settings
from bookstore.core.db import Database, now
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.services import service
from bookstore.orders.fulfilment import NotNow
from bookstore.orders.gateway import PaymentTimeout
from bookstore.orders.models import Order, SimulatedCharge
from bookstore.orders.purchasing import STALE_AFTER
from bookstore.orders.service import LocalOrders
from tests.component.app.databases import on_mysql, on_sqlite
from tests.component.app.shopper import SILENT, Shopper, purchase
from tests.component.app.test_buying import basket
from tests.support.keys import SECRET_KEY


def placed(buyer: Shopper, book: int, card: str = "4242 4242 4242 4242") -> int:
    (order,) = buyer.ordered(buyer.buy(book, purchase(card)))
    return order


def silence(app: Flask, patch: pytest.MonkeyPatch) -> None:
    def no_answer(*_: object) -> str:
        raise PaymentTimeout("no answer")

    gateway = service(LocalOrders, app).fulfilment._gateway
    patch.setattr(gateway, "refund", no_answer)
    patch.setattr(gateway, "close", no_answer)


def grow_stale(database: Database) -> None:
    old = update(Order).values(created_at=now() - 2 * STALE_AFTER)
    database.transaction(lambda db: db.execute(old).close())


def counted(state: str) -> float:
    return REGISTRY.get_sample_value("bookstore_orders_total", {"state": state}) or 0


def test_what_the_gateway_left_open_is_settled_from_the_command_line(
    app: Flask,
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity="3")
    monkeypatch.setenv(
        "SQLALCHEMY_DATABASE_URI", settings.database_url.render_as_string(hide_password=False)
    )
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    with monkeypatch.context() as patch:
        silence(app, patch)
        cancelled, unpaid = placed(buyer, book), placed(buyer, book, SILENT)
        assert buyer.post(f"/orders/{cancelled}/cancel", {}).status_code == 303
        assert "waiting for the payment" in buyer.get(f"/orders/{unpaid}").text
        grow_stale(database)
        assert buyer.orders() == [(unpaid, "pending"), (cancelled, "cancelled")]
        assert seller.stock(book) == 2
    said = [CliRunner().invoke(settle_command).output for _ in range(2)]
    assert said[0] == "1 payments settled, 1 refunds made.\n"
    assert said[1] == "0 payments settled, 0 refunds made.\n"
    assert seller.stock(book) == 3
    assert buyer.orders() == [(unpaid, "payment_failed"), (cancelled, "cancelled")]


@on_sqlite
def test_a_buyer_who_opens_their_orders_finds_them_settled(
    app: Flask,
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity="2")
    with monkeypatch.context() as patch:
        silence(app, patch)
        unpaid, cancelled = placed(buyer, book, SILENT), placed(buyer, book)
        assert buyer.post(f"/orders/{cancelled}/cancel", {}).status_code == 303
    grow_stale(database)
    assert buyer.orders() == [(cancelled, "cancelled"), (unpaid, "payment_failed")]
    assert seller.stock(book) == 2
    page = buyer.get(f"/orders/{cancelled}").text
    assert re.search(r'<li class="done">Payment given back', page)


@on_sqlite
def test_buying_does_not_wait_for_the_orders_of_others(
    app: Flask,
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity="2")
    with monkeypatch.context() as patch:
        silence(app, patch)
        unpaid = placed(buyer, book, SILENT)
    grow_stale(database)
    placed(buyer, book)
    assert 'data-state="pending"' in buyer.get(f"/orders/{unpaid}").text


@on_sqlite
def test_a_catalogue_elsewhere_restocks_once_however_often_it_is_asked(
    app: Flask, seller: Shopper, buyer: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = seller.publish(quantity="2")
    order = placed(buyer, book)
    catalogue: Any = service(LocalCatalogue, app)
    monkeypatch.setattr(type(catalogue), "joins_transactions", False)

    def away(*_: str) -> None:
        raise ConnectionError("the catalogue is away")

    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "release", away)
        assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 500
        assert 'data-state="cancelled"' in buyer.get(f"/orders/{order}").text
    fulfilment = service(LocalOrders, app).fulfilment
    assert seller.stock(book) == 1
    assert [fulfilment.settle_refunds() for _ in range(2)] == [1, 0]
    assert seller.stock(book) == 2


@on_sqlite
def test_a_refund_that_is_refused_does_not_hold_up_the_others(
    app: Flask,
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity="2")
    orders = [placed(buyer, book), placed(buyer, book)]
    with monkeypatch.context() as patch:
        silence(app, patch)
        for order in orders:
            assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 303

    def forget(db: Any) -> None:
        key = db.scalar(select(Order.payment_key).where(Order.id == orders[0]))
        db.delete(db.get_one(SimulatedCharge, key))

    database.transaction(forget)
    assert service(LocalOrders, app).fulfilment.settle_refunds() == 1


@on_sqlite
def test_orders_are_counted_by_the_state_they_come_to_once(seller: Shopper, buyer: Shopper) -> None:
    states = ("paid", "payment_failed", "shipped", "delivered", "cancelled")
    before = [counted(state) for state in states]
    book = seller.publish(quantity="5")
    sent, regretted = placed(buyer, book), placed(buyer, book)
    assert buyer.buy(book, purchase("4000 0000 0000 0002")).status_code == 402
    for _ in range(2):
        seller.post(f"/orders/{sent}/ship", {"tracking": "CO-1234"})
        buyer.post(f"/orders/{sent}/receive", {})
        buyer.post(f"/orders/{regretted}/cancel", {})
    after = [counted(state) for state in states]
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 1, 1, 1, 1]


@on_mysql
def test_buying_and_cancelling_at_once_keep_every_copy(
    app: Flask, seller: Shopper, database: Database
) -> None:
    book = seller.publish(quantity="5")
    orders = service(LocalOrders, app)

    def buy_and_regret(number: int) -> None:
        buyer_id = 9000 + number
        try:
            (order,) = orders.buy(buyer_id, basket(book)).orders
        except OutOfStock:
            return
        for _ in range(number % 3):
            try:
                orders.fulfilment.cancel(buyer_id, order.id)
            except NotNow:
                assert number % 3 == 2

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(buy_and_regret, range(90)))
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
