"""Mail of purchases and orders: each who has to know is told once, in their language."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest
from flask import Flask
from sqlalchemy import select

from bookstore.core.db.database import Database, now
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import service
from bookstore.orders.gateway import PaymentTimeout, SimulatedGateway
from bookstore.orders.models import OrdersJob
from tests.component.app.databases import on_sqlite
from tests.component.app.latecharge import charge_too_late
from tests.component.app.mailbox import Mailbox, text_of
from tests.component.app.shopper import DECLINED, SILENT, Shopper, purchase


def sold(seller: Shopper, buyer: Shopper, title: str = "Rayuela") -> int:
    """Have a book bought, and return the order."""
    book = seller.publish(title=title, stock="10")
    (order,) = buyer.ordered(buyer.buy(book, purchase()))
    return order


def newest(mailbox: Mailbox, person: Shopper) -> EmailMessage:
    return mailbox.to(person.email)[-1]


def test_a_purchase_is_told_to_its_buyer_and_a_sale_to_its_seller(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox
) -> None:
    order = sold(seller, buyer)
    (bought,) = mailbox.to(buyer.email)
    assert bought["Subject"] == "Your purchase at BookStore"
    text = text_of(bought)
    assert "1 \N{MULTIPLICATION SIGN} Rayuela" in text
    assert "Total: COP" in text
    assert "http://localhost:5000/purchases/" in text
    (sale,) = mailbox.to(seller.email)
    assert sale["Subject"] == "You have sold: Rayuela"
    assert f"http://localhost:5000/orders/{order}" in text_of(sale)


@on_sqlite
def test_a_purchase_from_two_sellers_is_one_mail_to_its_buyer(
    seller: Shopper, admin: Shopper, buyer: Shopper, mailbox: Mailbox
) -> None:
    for person, title in ((seller, "Rayuela"), (admin, "La vorágine")):
        buyer.add(person.publish(title=title, stock="3"), 1)
    buyer.buy()
    (bought,) = mailbox.to(buyer.email)
    assert "1 \N{MULTIPLICATION SIGN} Rayuela" in text_of(bought)
    assert "1 \N{MULTIPLICATION SIGN} La vorágine" in text_of(bought)
    assert [mail["Subject"] for mail in mailbox.to(seller.email)] == ["You have sold: Rayuela"]
    assert [mail["Subject"] for mail in mailbox.to(admin.email)] == ["You have sold: La vorágine"]


@on_sqlite
def test_shipping_and_receiving_are_told_to_the_other(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox
) -> None:
    order = sold(seller, buyer)
    seller.post(f"/orders/{order}/ship", {"tracking": "SV-0042"})
    shipped = newest(mailbox, buyer)
    assert shipped["Subject"] == "On its way: Rayuela"
    assert "Tracking number: SV-0042" in text_of(shipped)
    buyer.post(f"/orders/{order}/receive", {})
    assert newest(mailbox, seller)["Subject"] == "Received: Rayuela"
    assert [len(mailbox.to(person.email)) for person in (buyer, seller)] == [2, 2]


@on_sqlite
@pytest.mark.parametrize("by", ["buyer", "seller"])
def test_a_cancelled_order_is_told_to_both_and_its_refund_to_the_buyer(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox, by: str
) -> None:
    order = sold(seller, buyer)
    {"buyer": buyer, "seller": seller}[by].post(f"/orders/{order}/cancel", {})
    subjects = [mail["Subject"] for mail in mailbox.to(buyer.email)]
    assert sorted(subjects)[0] == "Cancelled: Rayuela"
    assert sorted(subjects)[1].startswith("Given back: COP")
    told = newest(mailbox, seller)
    assert told["Subject"] == "Cancelled: Rayuela"
    own, other = ("You have cancelled this order.", " has cancelled this order.")
    assert (own if by == "seller" else other) in text_of(told)
    assert "Do not send it." in text_of(told)


@on_sqlite
@pytest.mark.parametrize("card", [DECLINED, SILENT])
def test_a_payment_that_fails_while_the_buyer_waits_is_no_mail(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox, card: str
) -> None:
    buyer.buy(seller.publish(stock="3"), purchase(card))
    assert mailbox.to(buyer.email) == []
    assert mailbox.to(seller.email) == []


@on_sqlite
def test_a_payment_that_fails_after_the_page_was_closed_is_told_to_the_buyer(
    seller: Shopper,
    buyer: Shopper,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    run_jobs: Callable[..., int],
) -> None:
    def silent(_gateway: SimulatedGateway, key: str) -> None:
        raise PaymentTimeout(key)

    with monkeypatch.context() as patch:
        patch.setattr(SimulatedGateway, "close", silent)
        buyer.buy(seller.publish(title="Rayuela", stock="3"), purchase(SILENT))
        assert mailbox.to(buyer.email) == []
    run_jobs(now() + timedelta(minutes=5))
    (told,) = mailbox.to(buyer.email)
    assert told["Subject"] == "Your payment did not go through"
    assert "your card was not charged" in text_of(told)
    assert "1 \N{MULTIPLICATION SIGN} Rayuela" in text_of(told)
    assert mailbox.to(seller.email) == []


@on_sqlite
def test_a_charge_that_came_too_late_and_its_return_are_told_to_the_buyer(
    seller: Shopper,
    buyer: Shopper,
    mailbox: Mailbox,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    charge_too_late(database, monkeypatch)
    buyer.buy(seller.publish(stock="3"), purchase())
    late, returned = sorted(mailbox.to(buyer.email), key=lambda mail: mail["Subject"], reverse=True)
    assert late["Subject"] == "Your payment came too late"
    assert "What you paid is given back." in text_of(late)
    assert returned["Subject"].startswith("Given back: COP")
    assert mailbox.to(seller.email) == []


@on_sqlite
def test_mail_is_in_the_language_of_the_account(app: Flask, mailbox: Mailbox) -> None:
    seller, buyer = Shopper(app, language="es").register(), Shopper(app).register()
    sold(seller, buyer)
    assert newest(mailbox, seller)["Subject"] == "Vendiste: Rayuela"
    assert newest(mailbox, buyer)["Subject"] == "Your purchase at BookStore"


@on_sqlite
def test_what_a_title_holds_is_text_in_the_html(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox
) -> None:
    sold(seller, buyer, title="<img src=x> & <b>Rayuela</b>")
    body = newest(mailbox, seller).get_body(("html",))
    assert body is not None
    assert "&lt;img src=x&gt; &amp; &lt;b&gt;Rayuela&lt;/b&gt;" in body.get_content()


@on_sqlite
def test_a_mail_is_sent_once_however_often_its_jobs_are_run(
    app: Flask, seller: Shopper, buyer: Shopper, mailbox: Mailbox
) -> None:
    sold(seller, buyer)
    for _ in range(3):
        service(Jobs, app).run_due()
    assert len(mailbox()) == 2


@on_sqlite
def test_jobs_name_ids_alone(
    seller: Shopper, buyer: Shopper, mailbox: Mailbox, database: Database
) -> None:
    sold(seller, buyer)
    mailbox()
    with database.reading() as db:
        jobs = db.scalars(select(OrdersJob).where(OrdersJob.kind.startswith("mail."))).all()
    assert {job.kind for job in jobs} == {"mail.purchase", "mail.sale"}
    for job in jobs:
        assert all(isinstance(value, int) for value in json.loads(job.payload).values())
