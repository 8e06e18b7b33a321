"""The checkout of a cart over several sellers: one payment, an order for each, all or nothing."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from bookstore.core.db.database import Database
from bookstore.core.interfaces.catalogue import OutOfStock
from bookstore.core.services import service
from bookstore.orders.models import Order, PurchaseState, SimulatedCharge
from bookstore.orders.purchase_request import PurchaseRequest
from bookstore.orders.service import LocalOrders
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import ADDRESS, DECLINED, Shopper, filled, purchase
from tests.component.app.test_buying import asking

RACING_BUYERS = 60


@pytest.fixture
def cart(seller: Shopper, buyer: Shopper, newcomer: Callable[[], Shopper]) -> list[int]:
    """Fill the buyer's cart with two books of one seller and one of another, two copies each."""
    other = newcomer()
    books = [
        seller.publish(title="Rayuela", price="25.000"),
        other.publish(title="Pedro Páramo", price="10.000"),
        seller.publish(title="El Aleph", price="5.000"),
    ]
    for book in books:
        buyer.add(book, 2)
    return books


def charges(database: Database) -> list[int]:
    with database.reading() as db:
        return list(db.scalars(select(SimulatedCharge.amount_minor)))


def test_a_cart_is_bought_in_one_payment_with_an_order_for_each_seller(
    seller: Shopper, buyer: Shopper, cart: list[int], database: Database
) -> None:
    typed = buyer.checkout()
    express = next(name for name in typed if name.startswith("carrier_"))
    answer = buyer.post("/checkout", {**typed, **purchase(), express: "express"})
    assert answer.status_code == 303
    page = buyer.get(answer.location).text
    shown = re.findall(r'data-order-id="(\d+)" data-state="(\w+)"', page)
    assert [state for _, state in shown] == ["paid", "paid"]
    # Two shipments: 4 copies at 60,000 by express 28,500, and 2 at 20,000 by standard 11,000.
    assert charges(database) == [11_950_000]
    for amount in ("88,500", "31,000", "119,500"):
        assert f"COP\u00a0{amount}" in page
    first, second = (buyer.get(f"/orders/{order}").text for order, _ in shown)
    assert "El Aleph" in first
    assert "Pedro Páramo" not in first
    assert "Pedro Páramo" in second
    assert answer.location in first
    assert buyer.cart() == []
    assert [buyer.stock(book) for book in cart] == [1, 1, 1]
    assert answer.location not in seller.get(f"/orders/{shown[0][0]}").text


def test_a_double_click_on_a_cart_makes_one_purchase(
    buyer: Shopper, cart: list[int], database: Database
) -> None:
    typed = {**buyer.checkout(), **purchase()}
    first, second = (buyer.post("/checkout", typed) for _ in range(2))
    assert first.location == second.location
    assert len(charges(database)) == 1
    assert len(buyer.orders()) == 2
    assert [buyer.stock(book) for book in cart] == [1, 1, 1]


def test_one_book_that_ran_out_holds_back_the_whole_purchase(
    buyer: Shopper, cart: list[int], database: Database, newcomer: Callable[[], Shopper]
) -> None:
    typed = {**buyer.checkout(), **purchase(line1="Calle 26 <b>", city="Cali")}
    assert newcomer().buy(cart[1], purchase(quantity=2)).status_code == 303
    answer = buyer.post("/checkout", typed)
    assert answer.status_code == 409
    assert "Only one copy of “Pedro Páramo” is left." in answer.text
    assert 'value="Calle 26 &lt;b&gt;"' in answer.text
    assert [buyer.stock(book) for book in cart] == [3, 1, 3]
    assert buyer.orders() == []
    assert len(charges(database)) == 1
    assert buyer.cart() == [(cart[0], 2), (cart[2], 2), (cart[1], 2)]


@on_sqlite
def test_a_book_that_left_the_shop_is_told_and_the_others_can_be_bought(
    seller: Shopper, buyer: Shopper, cart: list[int]
) -> None:
    typed = {**buyer.checkout(), **purchase()}
    seller.post(f"/books/{cart[0]}/withdraw", {})
    answer = buyer.post("/checkout", typed)
    assert answer.status_code == 409
    assert "A book is not on sale any more" in answer.text
    assert f'value="{cart[1]}x2@1000000 {cart[2]}x2@500000"' in answer.text
    assert [buyer.stock(book) for book in cart[1:]] == [3, 3]


@on_sqlite
def test_a_declined_card_leaves_the_cart_and_the_stock_as_they_were(
    buyer: Shopper, cart: list[int]
) -> None:
    answer = buyer.buy(typed=purchase(DECLINED))
    assert answer.status_code == 402
    assert "declined" in answer.text
    assert len(buyer.cart()) == 3
    assert [buyer.stock(book) for book in cart] == [3, 3, 3]
    assert buyer.orders() == []


@on_sqlite
def test_what_was_added_while_paying_stays_in_the_cart(buyer: Shopper, cart: list[int]) -> None:
    typed = {**buyer.checkout(), **purchase()}
    buyer.add(cart[0], 1)
    assert buyer.post("/checkout", typed).status_code == 303
    assert buyer.cart() == [(cart[0], 1)]


@on_sqlite
def test_one_book_is_bought_without_the_rest_of_the_cart(
    seller: Shopper, buyer: Shopper, cart: list[int]
) -> None:
    book = seller.publish(title="Ficciones")
    now = buyer.post("/cart", {"book_id": str(book), "quantity": "2", "now": "1"})
    assert now.location == f"/checkout?book_id={book}&quantity=2"
    assert buyer.post("/checkout", {**buyer.checkout(book, 2), **purchase()}).status_code == 303
    assert len(buyer.cart()) == 3
    assert buyer.stock(book) == 1


@on_sqlite
def test_a_stranger_logs_in_before_the_checkout_and_comes_back(
    seller: Shopper, visitor: Shopper
) -> None:
    book = seller.publish()
    assert 'name="now" value="1">Buy now' in visitor.get(f"/books/{book}").text
    answer = visitor.get(f"/checkout?book_id={book}&quantity=2")
    assert answer.location == f"/auth/login?next=/checkout?book_id%3D{book}%26quantity%3D2"
    assert visitor.post("/checkout", purchase()).location.startswith("/auth/login")


@on_sqlite
@pytest.mark.parametrize(
    ("language", "filled", "missing", "choose"),
    [
        ("en", "Write at least 3 characters.", "Fill in this field.", "Choose one of the options."),
        (
            "es",
            "Escribe al menos 3 caracteres.",
            "Completa este campo.",
            "Elige una de las opciones.",
        ),
    ],
)
def test_bad_fields_are_told_by_name_and_what_was_typed_is_kept(
    buyer: Shopper, cart: list[int], language: str, filled: str, missing: str, choose: str
) -> None:
    typed = buyer.checkout()
    carrier = next(name for name in typed if name.startswith("carrier_"))
    buyer.language = language
    bad = {"line1": "C7", "city": "", "card_number": "1234", carrier: "pigeon", "region": "Valle"}
    answer = buyer.post("/checkout", {**typed, **purchase(), **bad})
    assert answer.status_code == 422
    for field, sentence in (("line1", filled), ("city", missing), (carrier, choose)):
        assert f'<a href="#{field}">{sentence}</a>' in answer.text
        assert f'id="{field}-error">{sentence}' in answer.text
    assert 'href="#card_number"' in answer.text
    assert "1234" not in answer.text.replace("12-34", "").replace("1234-", "")
    assert 'value="C7"' in answer.text
    assert 'value="Valle"' in answer.text
    assert buyer.orders() == []


@on_sqlite
@pytest.mark.parametrize("change", ["drop a carrier", "name another's carrier"])
def test_every_shipment_needs_a_carrier(buyer: Shopper, cart: list[int], change: str) -> None:
    typed = {**buyer.checkout(), **purchase()}
    carrier = next(name for name in typed if name.startswith("carrier_"))
    code = typed.pop(carrier)
    if change == "name another's carrier":
        typed["carrier_4711"] = code
    answer = buyer.post("/checkout", typed)
    assert answer.status_code == 422
    assert f'<a href="#{carrier}">Choose one of the options.</a>' in answer.text
    assert [buyer.stock(book) for book in cart] == [3, 3, 3]


@on_sqlite
@pytest.mark.parametrize("lines", ["", "1", "1x1", "0x1@5", "1x21@5", "1x1@5 1x1@5", "x" * 9999])
def test_lines_that_cannot_be_read_are_replaced_by_the_cart(
    buyer: Shopper, cart: list[int], lines: str
) -> None:
    answer = buyer.post("/checkout", {**buyer.checkout(), **purchase(lines=lines)})
    assert answer.status_code == 422
    assert "open your cart again" in answer.text
    assert f'value="{cart[0]}x2@2500000 ' in answer.text
    assert buyer.post("/checkout", purchase(lines=lines)).status_code == 422


@on_sqlite
def test_the_total_follows_each_carrier_that_is_chosen_and_nothing_typed_is_lost(
    buyer: Shopper, cart: list[int]
) -> None:
    typed = {**buyer.checkout(), "city": "Cali", "line2": "Apto <b>"}
    first, second = (name for name in typed if name.startswith("carrier_"))
    # 80,000 for the books; a shipment of four copies and one of two.
    for field, total in ((first, "119,500"), (second, "130,000")):
        answer = buyer.post("/checkout", {**typed, "choose": f"{field}=express"})
        assert answer.status_code == 200
        assert f"COP\u00a0{total}" in answer.text
        assert 'value="Cali"' in answer.text
        assert 'value="Apto &lt;b&gt;"' in answer.text
        assert "problems" not in answer.text
        typed = {**typed, **filled(answer.text)}
        assert typed[field] == "express"
    assert buyer.orders() == []
    assert buyer.post("/checkout", {**purchase(), **typed}).status_code == 303
    assert "COP\u00a0130,000" in buyer.get("/purchases/1").text


@on_sqlite
def test_the_cart_shows_what_it_comes_to_with_the_carriers_and_the_checkout_keeps_them(
    buyer: Shopper, cart: list[int]
) -> None:
    page = buyer.get("/cart").text
    # 80,000 for the books, and 15,000 and 11,000 for the shipments.
    assert "COP\u00a0106,000" in page
    chosen = re.findall(r'href="(/cart\?[^"]*express[^"]*)"', page)
    page = buyer.get(unescape(chosen[0])).text
    assert "COP\u00a0119,500" in page
    onward = re.search(r'href="(/checkout[^"]*)"', page)
    assert onward is not None
    page = buyer.get(unescape(onward[1])).text
    assert "COP\u00a0119,500" in page
    assert sorted(filled(page).values()).count("express") == 1


@on_sqlite
def test_a_saved_address_is_chosen_or_another_one_written(
    buyer: Shopper, cart: list[int], newcomer: Callable[[], Shopper]
) -> None:
    buyer.post("/account/addresses/new", ADDRESS)
    typed = buyer.checkout()
    assert typed["address"] == "1"
    blank = {"name": "", "line1": "", "city": "", "country": "", "card_number": "4242424242424242"}
    answer = buyer.post("/checkout", {**typed, **blank})
    assert answer.status_code == 303
    (order, _), *_ = buyer.orders()
    page = buyer.get(f"/orders/{order}").text
    for kept in ("Ana Gómez", "Carrera 7 # 12-34, Apto 502", "Cundinamarca 110311", "+57 300"):
        assert kept in page
    buyer.post("/account/addresses/1", {**ADDRESS, "line1": "Another street 5"})
    assert "Another street" not in buyer.get(f"/orders/{order}").text

    buyer.add(cart[0])
    written = {**buyer.checkout(), **purchase(address="new", line1="Calle 100 # 1-1", phone="55")}
    assert buyer.post("/checkout", written).status_code == 303
    assert "Calle 100 # 1-1" in buyer.get(f"/orders/{buyer.orders()[0][0]}").text
    buyer.add(cart[1])
    for nobodys in ("2", "4711", "x"):
        answer = buyer.post("/checkout", {**buyer.checkout(), **purchase(address=nobodys)})
        assert answer.status_code == 422
        assert '<a href="#address">Choose one of the options.</a>' in answer.text

    stranger = newcomer()
    answer = stranger.post("/checkout", {**stranger.checkout(cart[2]), **purchase(address="1")})
    assert answer.status_code == 422
    assert "Apto 502" not in answer.text


@on_sqlite
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("book_id=4711", 404),
        ("book_id=x", 404),
        ("book_id=", 404),
        ("book_id={book}&quantity=x", 422),
        ("book_id={book}&quantity=0", 422),
        ("book_id={book}&quantity=21", 422),
        ("book_id={book}&quantity=4", 409),
        ("", 303),
    ],
)
def test_an_address_that_asks_for_what_cannot_be_had(
    seller: Shopper, buyer: Shopper, query: str, status: int
) -> None:
    book = seller.publish(quantity="3")
    assert buyer.get(f"/checkout?{query.format(book=book)}").status_code == status


def queries(database: Database) -> list[str]:
    asked: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: asked.append(statement),
    )
    return asked


@on_sqlite
def test_pages_of_a_full_cart_ask_the_database_as_often_as_those_of_one_book(
    buyer: Shopper, newcomer: Callable[[], Shopper], database: Database
) -> None:
    sellers = [newcomer() for _ in range(4)]
    counts: list[list[int]] = []
    asked = queries(database)
    for size in (1, 4):
        for person in sellers[:size]:
            for _ in range(size):
                buyer.add(person.publish())
        taken = []
        for open_page in ("/cart", "/checkout", None):
            path = open_page or buyer.buy().location
            asked.clear()
            assert buyer.get(path).status_code == 200
            taken.append(sum(not statement.startswith("BEGIN") for statement in asked))
        counts.append(taken)
    # Who it is, the cart with its books, addresses; the count in the menu.
    assert counts[0] == counts[1] == [4, 5, 5]


def test_racing_carts_sell_exactly_the_copies_that_there_are(
    app: Flask, seller: Shopper, newcomer: Callable[[], Shopper], database: Database
) -> None:
    other = newcomer()
    scarce = [person.publish(quantity="9") for person in (seller, other, seller, other)]
    orders: LocalOrders = service(LocalOrders, app)

    def buy(number: int) -> bool:
        # Each buyer names the books in another order; whoever gets one gets all.
        turn = number % 4
        try:
            wanted = asking(*scarce[turn:], *scarce[:turn])
            return orders.buy(1000 + number, "Ana", wanted).state == PurchaseState.PAID
        except OutOfStock:
            return False

    with ThreadPoolExecutor(16) as pool:
        bought = sum(pool.map(buy, range(RACING_BUYERS)))
    assert bought == 9
    assert [seller.stock(book) for book in scarce] == [0, 0, 0, 0]
    assert len(charges(database)) == 9
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Order)) == 18


def test_buyers_of_the_last_copies_in_crossing_carts_take_all_or_nothing(
    app: Flask, seller: Shopper, newcomer: Callable[[], Shopper]
) -> None:
    other = newcomer()
    orders: LocalOrders = service(LocalOrders, app)
    for _ in range(5):
        one, two, three = (p.publish(quantity="1") for p in (seller, other, seller))
        wishes = [asking(one, two), asking(two, three), asking(three, one)]
        start = threading.Barrier(3)

        def buy(
            number: int, wishes: list[PurchaseRequest] = wishes, start: threading.Barrier = start
        ) -> bool:
            start.wait()
            try:
                return orders.buy(1000 + number, "Ana", wishes[number]).state == PurchaseState.PAID
            except OutOfStock:
                return False

        with ThreadPoolExecutor(3) as pool:
            # Any two of them want the same book, so exactly one can have what it wants.
            assert sum(pool.map(buy, range(3))) == 1
        assert sum(seller.stock(book) for book in (one, two, three)) == 1


def test_cancelling_one_order_gives_back_its_copies_alone(
    buyer: Shopper, cart: list[int], database: Database, run_jobs: Callable[..., int]
) -> None:
    buyer.buy()
    (second, _), (first, _) = buyer.orders()
    assert buyer.post(f"/orders/{second}/cancel", {}).status_code == 303
    run_jobs()
    assert [buyer.stock(book) for book in cart] == [1, 3, 1]
    assert buyer.orders() == [(second, "cancelled"), (first, "paid")]
    assert sorted(charges(database)) == [-3_100_000, 10_600_000]


FIELDS = [*purchase(), "lines", "idempotency_key", "address", "carrier_1", "choose", "book_id"]
TYPED = st.text(max_size=40) | st.sampled_from(["1x1@2500000", "1", "new", "standard", "²", "\0"])


@pytest.fixture
def filled_in(buyer: Shopper, cart: list[int]) -> tuple[Shopper, dict[str, str], str]:
    """Give a buyer, what their checkout holds and a token for its form."""
    return buyer, {**buyer.checkout(), **purchase()}, buyer.token()


@on_sqlite
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.dictionaries(st.sampled_from(FIELDS), TYPED, min_size=1))
def test_whatever_is_typed_at_the_checkout_is_answered(
    filled_in: tuple[Shopper, dict[str, str], str], typed: dict[str, str]
) -> None:
    buyer, right, token = filled_in
    sent = buyer.post("/checkout", {**right, **typed}, token=token)
    assert sent.status_code in {200, 303, 400, 402, 404, 409, 422}
    assert buyer.get("/checkout", query_string=typed).status_code in {200, 303, 404, 409, 422}
    assert buyer.post("/cart", typed, token=token).status_code in {303, 404, 409, 422}
