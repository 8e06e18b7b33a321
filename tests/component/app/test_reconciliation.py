"""Stock, orders and payments are proved against each other, and what does not fit is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import Executable, delete, insert, select, update

from bookstore.catalogue.models import Book, Reservation
from bookstore.cli import bookstore
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database, now
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from bookstore.orders.models import Order, OrdersJob, Purchase, SimulatedCharge
from bookstore.orders.reconciliation import GRACE, Difference, Kind, Report
from bookstore.orders.service import LocalOrders
from tests.component.app.databases import on_mysql, on_sqlite
from tests.component.app.shopper import DECLINED, Shopper, purchase
from tests.component.app.three import Three
from tests.support.keys import SECRET_KEY

LONG_AGO = now() - timedelta(days=6)
OLD = {"created_at": LONG_AGO}
CHARGE = {"key": "a", "outcome": "approved", "amount_minor": 5, "currency": "COP", **OLD}

TAMPERED: dict[Kind, list[Executable]] = {
    Kind.PAID_NOT_SOLD: [
        update(Reservation).values(state="released"),
        update(Book).values(sold=0),
    ],
    Kind.PAID_NOT_CHARGED: [update(SimulatedCharge).values(amount_minor=1)],
    Kind.PAID_NOT_ORDERED: [update(Order).values(goods_minor=Order.goods_minor + 1)],
    Kind.SOLD_NOT_PAID: [
        update(Reservation).values(**OLD),
        update(Purchase).values(state="declined"),
        delete(SimulatedCharge),
    ],
    Kind.CHARGED_NOT_PAID: [insert(SimulatedCharge).values(reference="b", **CHARGE)],
    Kind.REFUNDED_NOT_CANCELLED: [],
    Kind.STOCK_MISCOUNTED: [update(Book).values(sold=Book.sold + 1)],
}


def change(database: Database, *statements: Executable) -> None:
    database.transaction(lambda db: [db.execute(each) for each in statements] and None)


def reconciled(app: Flask) -> Report:
    with app.app_context():
        return service(LocalOrders, app).reconciliation.run(LONG_AGO - timedelta(days=1))


def metric(kind: Kind) -> float | None:
    name = "bookstore_reconciliation_differences"
    return REGISTRY.get_sample_value(name, {"kind": kind.value})


@pytest.fixture
def book(seller: Shopper, buyer: Shopper) -> int:
    """Give a book of which a copy was bought, and none by who had no money."""
    book: int = seller.publish()
    assert buyer.buy(book).status_code == 303
    buyer.buy(book, purchase(DECLINED))
    return book


@on_mysql
def test_a_shop_of_every_day_has_no_differences(
    app: Flask, seller: Shopper, buyer: Shopper, book: int, run_jobs: Callable[..., int]
) -> None:
    second = buyer.ordered(buyer.buy(book))[0]
    assert buyer.post(f"/orders/{second}/cancel", {}).status_code == 303
    run_jobs(now() + timedelta(days=1))
    report = reconciled(app)
    assert report.differences == []
    assert (report.purchases, report.reservations) == (2, 3)
    assert report.payments == 4


@on_sqlite
@pytest.mark.parametrize("kind", TAMPERED)
def test_what_does_not_fit_is_told_counted_and_logged(
    app: Flask,
    book: int,
    database: Database,
    kind: Kind,
    caplog: pytest.LogCaptureFixture,
) -> None:
    statements = TAMPERED[kind]
    if kind is Kind.REFUNDED_NOT_CANCELLED:
        with database.reading() as db:
            key = db.scalars(select(Purchase.payment_key).where(Purchase.state == "paid")).one()
            order = db.scalars(select(Order)).one()
        refund = {"key": f"{key}-{order.seller_id}", "outcome": "refunded", "reference": "b"}
        statements = [insert(SimulatedCharge).values({**CHARGE, **refund})]
    assert reconciled(app).differences == []
    assert metric(kind) == 0
    change(database, *statements)
    with caplog.at_level(logging.INFO):
        report = reconciled(app)
    assert {each.kind for each in report.differences} == {kind}
    assert metric(kind) == len(report.differences)
    (told,) = (each for each in caplog.records if each.name == "bookstore.reconciliation")
    assert told.levelno == logging.ERROR
    assert told.__dict__["first"][0]["kind"] == kind


@on_sqlite
def test_what_is_owed_has_an_hour_to_be_paid(
    app: Flask, buyer: Shopper, book: int, database: Database
) -> None:
    (order,) = (number for number, *_ in buyer.orders())
    assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 303
    assert reconciled(app).differences == []
    change(database, update(Order).values(cancelled_at=now() - 2 * GRACE))
    with database.reading() as db:
        number = db.scalars(select(Purchase.id).where(Purchase.state == "paid")).one()
    assert reconciled(app).differences == [
        Difference(Kind.CANCELLED_NOT_RELEASED, number, book),
        Difference(Kind.CANCELLED_NOT_REFUNDED, number),
    ]


@on_sqlite
def test_a_difference_that_is_seen_once_is_the_ledgers_being_read_one_after_another(
    app: Flask, book: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconciliation = service(LocalOrders, app).reconciliation
    compare = reconciliation._of_purchases
    change(database, update(Reservation).values(state="released"), update(Book).values(sold=0))

    def mended(ids: Any) -> list[Difference]:
        found = list(compare(ids))
        change(database, update(Reservation).values(state="sold"), update(Book).values(sold=1))
        return found

    monkeypatch.setattr(reconciliation, "_of_purchases", mended)
    assert Kind.PAID_NOT_SOLD not in {each.kind for each in reconciled(app).differences}


@on_sqlite
def test_the_shop_reconciles_each_hour(
    app: Flask, book: int, database: Database, run_jobs: Callable[..., int]
) -> None:
    (queue,) = (each for each in service(Jobs, app).queues if each.domain == "orders")
    assert queue.kinds["purchase.reconcile"].every_seconds == 3600
    change(database, update(Book).values(sold=7))
    database.transaction(lambda db: queue.add(db, "purchase.reconcile", {}))
    run_jobs()
    assert metric(Kind.STOCK_MISCOUNTED) == 1
    with database.reading() as db:
        done = select(OrdersJob.error).where(OrdersJob.kind == "purchase.reconcile")
        assert set(db.scalars(done)) == {None}


@on_sqlite
def test_the_command_prints_what_does_not_fit_and_fails(
    app: Flask, settings: Settings, book: int, database: Database
) -> None:
    environment = {
        "SQLALCHEMY_DATABASE_URI": settings.database_url.render_as_string(hide_password=False),
        "SECRET_KEY": SECRET_KEY,
        "INSTANCE_DIR": str(settings.instance_dir),
    }
    done = CliRunner().invoke(bookstore, ["reconcile"], env=environment)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["differences"] == []
    change(database, update(Book).values(sold=7))
    done = CliRunner().invoke(bookstore, ["reconcile", "--days", "1"], env=environment)
    assert done.exit_code == 1
    wrong = {"kind": "stock_miscounted", "purchase": 0, "book": book}
    assert json.loads(done.output)["differences"] == [wrong]


def test_services_reconcile_by_asking_one_another(three: Three) -> None:
    seller, buyer = three.shopper().register(), three.shopper().register()
    book = seller.publish()
    assert buyer.buy(book).status_code == 303
    report = reconciled(three.apps["orders"])
    assert (report.purchases, report.reservations, report.differences) == (1, 1, [])
    catalogue = service(Database, three.apps["catalogue"])
    change(catalogue, update(Reservation).values(state="expired"))
    kinds = [each.kind for each in reconciled(three.apps["orders"]).differences]
    assert kinds == [Kind.PAID_NOT_SOLD, Kind.STOCK_MISCOUNTED]
