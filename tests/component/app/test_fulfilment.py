"""What follows a paid order: shipped, received, cancelled; by whom, once, and with what is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select

from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import Database
from bookstore.core.services import service
from bookstore.orders.fulfilment import Fulfilment, NotNow
from bookstore.orders.models import Order, SimulatedCharge
from bookstore.orders.service import LocalOrders
from tests.component.app.shopper import Shopper, purchase

CHARGED_UNANSWERED = "4000 0000 0000 0259"


@pytest.fixture
def sold(seller: Shopper, buyer: Shopper) -> tuple[int, int]:
    """Sell two of three copies, and give the ids of book and order."""
    book = seller.publish(quantity="3", price="25.000")
    assert buyer.buy(book, purchase(quantity=2)).status_code == 303
    return book, buyer.orders()[0][0]


def refunds(database: Database) -> int:
    with database.reading() as db:
        count = select(func.count()).where(SimulatedCharge.outcome == "refunded")
        return db.scalars(count).one()


def test_a_sale_is_shipped_and_received(
    seller: Shopper, buyer: Shopper, sold: tuple[int, int]
) -> None:
    _, order = sold
    sales = seller.get("/sales").text
    assert f'data-order-id="{order}" data-state="paid"' in sales
    assert "One sale, COP\u00a050,000 without shipping" in sales
    assert "Carrera 7 # 12-34" in seller.get(f"/orders/{order}").text

    shipped = seller.post(f"/orders/{order}/ship", {"tracking": "sv-0042 "})
    assert (shipped.status_code, shipped.location) == (303, f"/orders/{order}")
    page = buyer.get(f"/orders/{order}").text
    assert "SV-0042" in page
    assert "Cancel the order" not in page
    assert buyer.post(f"/orders/{order}/receive", {}).status_code == 303
    assert buyer.orders() == [(order, "delivered")]
    assert "I have received it" not in buyer.get(f"/orders/{order}").text
    assert "One order, COP\u00a061,000 with shipping" in buyer.get("/orders").text


@pytest.mark.parametrize("who", ["seller", "buyer"])
def test_a_cancelled_order_is_on_sale_again_and_refunded(
    who: str,
    seller: Shopper,
    buyer: Shopper,
    sold: tuple[int, int],
    database: Database,
    run_jobs: Callable[..., int],
) -> None:
    book, order = sold
    person = {"seller": seller, "buyer": buyer}[who]
    assert person.post(f"/orders/{order}/cancel", {}).status_code == 303
    run_jobs()
    assert seller.stock(book) == 3
    page = buyer.get(f"/orders/{order}").text
    assert f"Cancelled by the {who}" in page
    assert "Payment given back" in page
    assert refunds(database) == 1
    again = person.post(f"/orders/{order}/cancel", {})
    assert again.status_code == 409
    assert "was cancelled" in again.text
    run_jobs()
    assert (seller.stock(book), refunds(database)) == (3, 1)
    assert "2 sold" not in seller.get("/account/books").text


def test_what_is_shipped_is_not_cancelled_and_what_is_not_shipped_not_received(
    seller: Shopper, buyer: Shopper, sold: tuple[int, int]
) -> None:
    book, order = sold
    early = buyer.post(f"/orders/{order}/receive", {})
    assert (early.status_code, "not shipped yet" in early.text) == (409, True)
    seller.post(f"/orders/{order}/ship", {"tracking": "SV-0042"})
    for person in (seller, buyer):
        late = person.post(f"/orders/{order}/cancel", {})
        assert (late.status_code, "on its way already" in late.text) == (409, True)
    twice = seller.post(f"/orders/{order}/ship", {"tracking": "OTHER-1"})
    assert (twice.status_code, "on its way already" in twice.text) == (409, True)
    assert "OTHER-1" not in buyer.get(f"/orders/{order}").text
    assert seller.stock(book) == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Fill in this field."),
        ("abc", "Write at least 4 characters."),
        ("<b>0042</b>", "Write only letters, digits and hyphens."),
        ("A" * 41, "Write at most 40 characters."),
    ],
)
def test_a_bad_tracking_code_is_told_and_kept(
    typed: str, sentence: str, seller: Shopper, sold: tuple[int, int]
) -> None:
    answer = seller.post(f"/orders/{sold[1]}/ship", {"tracking": typed})
    assert answer.status_code == 422
    assert sentence in answer.text
    shown = re.search(r'id="tracking".*? value="([^"]*)"', answer.text, re.DOTALL)
    assert shown is not None
    assert shown[1] == typed.replace("<", "&lt;").replace(">", "&gt;")


def test_a_seller_hears_nothing_of_a_payment_that_failed(seller: Shopper, buyer: Shopper) -> None:
    assert buyer.buy(seller.publish(), purchase(card="4000 0000 0000 0002")).status_code == 402
    assert "data-order-id" not in seller.get("/sales").text


def test_a_charge_whose_answer_was_lost_is_found(
    seller: Shopper, buyer: Shopper, database: Database
) -> None:
    book = seller.publish()
    assert buyer.buy(book, purchase(card=CHARGED_UNANSWERED)).status_code == 303
    assert [state for _, state in buyer.orders()] == ["paid"]
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(SimulatedCharge)) == 1


def test_of_shipping_and_cancelling_at_once_one_happens(
    app: Flask,
    seller: Shopper,
    buyer: Shopper,
    database: Database,
    run_jobs: Callable[..., int],
) -> None:
    book = seller.publish(quantity="8")
    for _ in range(8):
        buyer.buy(book)
    fulfilment: Fulfilment = service(LocalOrders, app).fulfilment
    with database.reading() as db:
        orders = {order.id: order.buyer_id for order in db.scalars(select(Order))}
    offer = service(LocalCatalogue, app).books([book])[book]
    told: list[str] = []

    def attempt(job: tuple[int, str]) -> int:
        order, verb = job
        try:
            if verb == "ship":
                fulfilment.ship(offer.seller_id, order, "SV-0042")
            else:
                fulfilment.cancel(orders[order], order)
        except NotNow as refusal:
            told.append(refusal.state)
            return 0
        return 1

    jobs = [(order, verb) for order in orders for verb in ("ship", "cancel", "ship", "cancel")]
    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(attempt, jobs)) == 8
    run_jobs()
    states = [state for _, state in buyer.orders()]
    assert set(states) <= {"shipped", "cancelled"}
    assert len(told) == 24
    assert set(told) <= set(states), "who comes too late is told what the order has become"
    assert seller.stock(book) == states.count("cancelled") == refunds(database)
