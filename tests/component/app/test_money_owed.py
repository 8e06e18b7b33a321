"""Money that is owed is given back by jobs of its own, and none waits for another's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from bookstore.core.db.database import Database, now
from bookstore.core.services import service
from bookstore.orders.gateway import PaymentTimeout, RefundRefused, SimulatedGateway
from bookstore.orders.models import Order, OrdersJob, Purchase, SimulatedCharge
from bookstore.orders.purchasing import STALE_AFTER
from bookstore.orders.service import LocalOrders
from tests.component.app.databases import on_sqlite
from tests.component.app.latecharge import charge_too_late
from tests.component.app.mailbox import Mailbox
from tests.component.app.shopper import SILENT, Shopper, purchase

pytestmark = on_sqlite
RunJobs = Callable[..., int]
WRONGED = 20


def silent(*_: object) -> str:
    raise PaymentTimeout("no answer")


def grow_stale(database: Database) -> None:
    old = update(Purchase).values(created_at=now() - 2 * STALE_AFTER)
    database.transaction(lambda db: db.execute(old).close())


def jobs_of(database: Database, kind: str) -> list[OrdersJob]:
    with database.reading() as db:
        return list(db.scalars(select(OrdersJob).where(OrdersJob.kind == kind)))


def test_refunds_that_are_refused_for_ever_keep_no_other_waiting(
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity=str(WRONGED + 1))
    orders = [buyer.ordered(buyer.buy(book))[0] for _ in range(WRONGED + 1)]
    refund = SimulatedGateway.refund
    asked: list[str] = []
    with database.reading() as db:
        last = select(Purchase.payment_key).join(Order, Order.purchase_id == Purchase.id)
        granted = db.scalars(last.where(Order.id == orders[-1])).one()

    def refuse_all_but_the_last(
        gateway: SimulatedGateway, key: str, charge_key: str, amount: int, currency: str
    ) -> str:
        asked.append(charge_key)
        if charge_key != granted:
            raise RefundRefused(charge_key)
        return refund(gateway, key, charge_key, amount, currency)

    monkeypatch.setattr(SimulatedGateway, "refund", refuse_all_but_the_last)
    for order in orders:
        assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 303
    for _ in range(3):
        run_jobs(now() + timedelta(days=1))
    assert "Payment given back<br>" in buyer.get(f"/orders/{orders[-1]}").text
    assert len(asked) == WRONGED + 1, "one that is refused is not asked for again by itself"
    failed = [job for job in jobs_of(database, "order.refund") if job.failed_at]
    assert len(failed) == WRONGED
    assert {job.error for job in failed} == {
        "The payment gateway refuses the refund; give the money back by hand, then retry."
    }


def test_a_refund_that_is_not_answered_is_asked_for_later_and_made_once(
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity="1")
    (order,) = buyer.ordered(buyer.buy(book))
    with monkeypatch.context() as patch:
        patch.setattr(SimulatedGateway, "refund", silent)
        buyer.post(f"/orders/{order}/cancel", {})
        run_jobs()
    assert seller.stock(book) == 1, "the copies wait for no refund"
    (waiting,) = jobs_of(database, "order.refund")
    assert (waiting.attempts, waiting.done_at, waiting.failed_at) == (1, None, None)
    assert waiting.run_at > now()
    assert "Payment given back<br>" not in buyer.get(f"/orders/{order}").text
    run_jobs(now() + timedelta(days=1))
    assert "Payment given back<br>" in buyer.get(f"/orders/{order}").text


def test_a_payment_that_came_too_late_is_given_back_once_the_gateway_answers(
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        charge_too_late(database, patch)
        patch.setattr(SimulatedGateway, "refund", silent)
        buyer.buy(seller.publish(quantity="1"))
        run_jobs()
    (waiting,) = jobs_of(database, "payment.return")
    assert (waiting.attempts, waiting.done_at, waiting.failed_at) == (1, None, None)
    with database.reading() as db:
        (number,) = db.scalars(select(Purchase.id)).all()
    assert "It was given back on" not in buyer.get(f"/purchases/{number}").text
    run_jobs(now() + timedelta(days=1))
    assert "It was given back on" in buyer.get(f"/purchases/{number}").text


def test_a_payment_that_came_too_late_and_is_not_taken_back_waits_for_a_person(
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_gateway: SimulatedGateway, _key: str, charge_key: str, *_: object) -> str:
        raise RefundRefused(charge_key)

    charge_too_late(database, monkeypatch)
    monkeypatch.setattr(SimulatedGateway, "refund", refuse)
    buyer.buy(seller.publish(quantity="1"))
    run_jobs()
    (failed,) = jobs_of(database, "payment.return")
    assert failed.failed_at is not None
    assert failed.error == (
        "The payment gateway refuses the refund; give the money back by hand, then retry."
    )


def test_reading_ones_orders_asks_the_gateway_for_nobodys_payment(
    seller: Shopper,
    buyer: Shopper,
    newcomer: Callable[[], Shopper],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity="2")
    asked: list[str] = []

    def note(_gateway: SimulatedGateway, key: str) -> str:
        asked.append(key)
        raise PaymentTimeout("no answer")

    monkeypatch.setattr(SimulatedGateway, "close", note)
    buyer.buy(book, purchase(SILENT))
    grow_stale(database)
    asked.clear()
    for reader in (buyer, seller, newcomer()):
        assert reader.get("/orders").status_code == 200
        assert reader.get("/sales").status_code == 200
    assert asked == []


def test_a_buyer_sees_a_payment_whose_end_is_not_known_above_the_orders(
    app: Flask,
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = seller.publish(quantity="2")
    with monkeypatch.context() as patch:
        patch.setattr(SimulatedGateway, "close", silent)
        answer = buyer.buy(book, purchase(SILENT))
        assert answer.location == "/purchases/1"
        assert "We are waiting for the payment." in buyer.get("/purchases/1").text
        assert "Payment in progress" in buyer.get("/orders").text
        run_jobs(now() + timedelta(minutes=1))
    assert seller.stock(book) == 1
    run_jobs(now() + timedelta(days=1))
    assert seller.stock(book) == 2
    assert "The payment did not answer in time." in buyer.get("/purchases/1").text
    assert "Payment in progress" not in buyer.get("/orders").text


def test_each_purchase_that_was_left_open_gets_one_job_however_many_workers_look(
    app: Flask,
    seller: Shopper,
    newcomer: Callable[[], Shopper],
    database: Database,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bookstore.orders.ledger.STALE_AT_ONCE", 2)
    book = seller.publish(quantity="9")
    asked: list[tuple[datetime, str]] = []
    with monkeypatch.context() as patch:
        patch.setattr(SimulatedGateway, "close", silent)
        for _ in range(5):
            newcomer().buy(book, purchase(SILENT))
    grow_stale(database)

    close = SimulatedGateway.close

    def note(gateway: SimulatedGateway, key: str) -> str | None:
        asked.append((now(), key))
        return close(gateway, key)

    monkeypatch.setattr(SimulatedGateway, "close", note)
    purchasing = service(LocalOrders, app).purchasing
    for _ in range(3):
        purchasing.settle_stale()
    run_jobs(now() + timedelta(minutes=1))
    assert len(asked) == len({key for _, key in asked}) == 5
    assert seller.stock(book) == 9


def test_a_refund_that_is_begun_twice_is_made_and_told_once(
    app: Flask,
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    run_jobs: RunJobs,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its worker takes longer than the lease, so another one begins it, and a third after both."""
    (order,) = buyer.ordered(buyer.buy(seller.publish()))
    fulfilment = service(LocalOrders, app).fulfilment
    refund = SimulatedGateway.refund

    def begin_again_meanwhile(gateway: SimulatedGateway, *arguments: Any) -> str:
        monkeypatch.setattr(SimulatedGateway, "refund", refund)
        fulfilment.refund(order)
        return refund(gateway, *arguments)

    monkeypatch.setattr(SimulatedGateway, "refund", begin_again_meanwhile)
    assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 303
    run_jobs()
    fulfilment.refund(order)
    with database.reading() as db:
        made = select(func.count()).where(SimulatedCharge.outcome == "refunded")
        assert db.scalars(made).one() == 1
    run_jobs()
    told = [mail for mail in mailbox.to(buyer.email) if "back" in str(mail["Subject"]).lower()]
    assert len(told) == 1, [str(mail["Subject"]) for mail in mailbox.to(buyer.email)]


def test_the_gateway_gives_nothing_back_that_it_never_took(database: Database) -> None:
    gateway = SimulatedGateway(database)
    with pytest.raises(RefundRefused):
        gateway.refund("refund", "never charged", 1000, "COP")
