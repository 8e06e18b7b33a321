"""Buying: stock is never oversold, a double click is one order, a failed payment costs nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import func, select

from bookstore.core.db.database import Database
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.services import service
from bookstore.orders.forms import Destination, Wanted
from bookstore.orders.gateway import CARD_APPROVED
from bookstore.orders.models import Order, Purchase, PurchaseLine, PurchaseState, SimulatedCharge
from bookstore.orders.purchase_request import PurchaseRequest
from bookstore.orders.service import LocalOrders
from bookstore.orders.shipping import CarrierCode
from tests.component.app.shopper import APPROVED, DECLINED, SILENT, Shopper, purchase

RACING_PURCHASES = 500
RACING_THREADS = 16
SCARCE_COPIES = 37


def asking(*books: int, card: str = CARD_APPROVED) -> PurchaseRequest:
    """Ask for one copy of each book."""
    return PurchaseRequest(
        key=str(uuid.uuid4()),
        lines=[Wanted(book, 1) for book in books],
        destination=Destination(name="Ana", line1="Calle 1", city="Cali", country="Colombia"),
        card_number=card,
        carrier=CarrierCode.STANDARD,
    )


def test_a_purchase_lowers_the_stock_and_shows_up_in_the_orders(
    seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish(quantity="3", price="25.000")
    answer = buyer.buy(book, purchase(quantity=2))
    assert answer.status_code == 303
    page = buyer.get(answer.location).text
    assert "Rayuela" in page
    assert "COP\u00a050,000" in page
    assert "COP\u00a011,000" in page
    assert "COP\u00a061,000" in page
    assert buyer.stock(book) == 1
    assert [state for _, state in buyer.orders()] == ["paid"]
    assert "2 sold" in seller.get("/account/books").text


def test_racing_buyers_get_exactly_the_copies_that_there_are(
    app: Flask, seller: Shopper, database: Database
) -> None:
    book = seller.publish(quantity=str(SCARCE_COPIES))
    orders: LocalOrders = service(LocalOrders, app)

    def buy(number: int) -> bool:
        try:
            return orders.buy(1000 + number, "Ana", asking(book)).state == PurchaseState.PAID
        except OutOfStock:
            return False

    with ThreadPoolExecutor(RACING_THREADS) as pool:
        bought = sum(pool.map(buy, range(RACING_PURCHASES)))
    assert bought == SCARCE_COPIES
    assert seller.stock(book) == 0
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Order)) == SCARCE_COPIES
        assert db.scalar(select(func.count()).select_from(Purchase)) == SCARCE_COPIES
        assert db.scalar(select(func.sum(PurchaseLine.quantity))) == SCARCE_COPIES
        assert db.scalar(select(func.count()).select_from(SimulatedCharge)) == SCARCE_COPIES


def test_a_double_click_for_the_last_copies_makes_one_purchase(
    app: Flask, seller: Shopper, newcomer: Callable[[], Shopper], database: Database
) -> None:
    book = seller.publish(quantity="1")
    other = newcomer().publish(quantity="1")
    orders: LocalOrders = service(LocalOrders, app)
    clicked = asking(book, other)

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: orders.buy(77, "Ana", clicked).id, range(16)))
    assert len(set(ids)) == 1
    assert (seller.stock(book), seller.stock(other)) == (0, 0)
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(SimulatedCharge)) == 1


def test_the_same_form_sent_again_leads_to_the_same_purchase(
    seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish()
    typed = {**buyer.checkout(book), **purchase()}
    first, second = buyer.post("/checkout", typed), buyer.post("/checkout", typed)
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert len(buyer.orders()) == 1


def test_another_purchase_under_the_same_key_is_refused(seller: Shopper, buyer: Shopper) -> None:
    book = seller.publish()
    typed = {**buyer.checkout(book), **purchase()}
    assert buyer.post("/checkout", typed).status_code == 303
    for change in ({"lines": f"{book}x2@2500000"}, {"city": "Cali"}):
        answer = buyer.post("/checkout", {**typed, **change})
        assert answer.status_code == 422
        assert "sent before with other data" in answer.text
    assert buyer.stock(book) == 2


def test_a_failed_payment_gives_the_copies_back(seller: Shopper, buyer: Shopper) -> None:
    book = seller.publish(quantity="1")
    for card, sentence in ((DECLINED, "declined"), (SILENT, "did not answer in time")):
        answer = buyer.buy(book, purchase(card, line1="Calle 26 <b>"))
        assert answer.status_code == 402
        assert sentence in answer.text
        assert '<a href="#card_number">Nothing was bought with this card.</a>' in answer.text
        assert "Calle 26 &lt;b&gt;" in answer.text
        assert card not in answer.text.replace(f"<code>{card}</code>", "")
        assert buyer.stock(book) == 1
    assert buyer.orders() == []
    assert buyer.buy(book, purchase(APPROVED)).status_code == 303


def test_more_copies_than_there_are_are_refused_with_what_is_left(
    seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish(quantity="2")
    answer = buyer.buy(book, purchase(quantity=3))
    assert answer.status_code == 409
    assert "Only 2 copies are left." in answer.text
    assert buyer.stock(book) == 2


def test_an_order_keeps_title_and_price_of_its_moment(seller: Shopper, buyer: Shopper) -> None:
    book = seller.publish(title="Rayuela", price="25.000")
    order = buyer.buy(book).location
    changed = {
        "title": "Another title",
        "author": "Someone",
        "description": "Not the same book.",
        "condition": "worn",
        "language": "en",
        "price": "99.000",
        "quantity": "2",
    }
    assert seller.post(f"/books/{book}/edit", changed).status_code == 303
    page = buyer.get(order).text
    assert "Rayuela" in page
    assert "COP\u00a025,000" in page
    assert "Another title" not in page


def test_a_price_that_changed_under_the_buyer_is_told(seller: Shopper, buyer: Shopper) -> None:
    book = seller.publish(price="25.000")
    answer = buyer.buy(book, purchase(lines=f"{book}x1@2000000"))
    assert answer.status_code == 409
    assert "The price of “Rayuela” has changed" in answer.text
    assert buyer.stock(book) == 3


def test_nobody_buys_their_own_book(seller: Shopper) -> None:
    book = seller.publish()
    answer = seller.buy(book)
    assert answer.status_code == 409
    assert "is your own book" in answer.text
    assert seller.stock(book) == 3
