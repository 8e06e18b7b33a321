"""The cart: kept for each person, by seller, and honest about what has changed since."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from bookstore.core.services import service
from bookstore.orders.service import LocalOrders
from tests.component.app.client import Client
from tests.component.app.databases import on_mysql, on_sqlite
from tests.component.app.shopper import BOOK, Shopper, purchase


def test_a_cart_is_filled_changed_and_emptied(seller: Shopper, buyer: Shopper) -> None:
    one, other = seller.publish(quantity="9"), seller.publish(title="Pedro Páramo")
    assert buyer.add(one, 2).location == "/cart"
    buyer.add(other)
    buyer.add(one)
    assert buyer.cart() == [(one, 3), (other, 1)]
    assert 'data-cart="4"' in buyer.get("/").text
    assert buyer.post(f"/cart/{one}", {"quantity": "5"}).status_code == 303
    assert buyer.post(f"/cart/{other}/remove", {}).status_code == 303
    assert buyer.cart() == [(one, 5)]
    assert buyer.post(f"/cart/{one}/remove", {}).status_code == 303
    assert "Your cart is empty." in buyer.get("/cart").text
    assert "data-cart" not in buyer.get("/").text
    assert buyer.stock(one) == 9


@on_sqlite
def test_a_cart_is_there_on_another_device(app: Flask, seller: Shopper, buyer: Shopper) -> None:
    book = seller.publish()
    buyer.add(book)
    elsewhere = Shopper(app, email=buyer.email)
    assert elsewhere.log_in().status_code == 303
    assert elsewhere.cart() == [(book, 1)]


@on_sqlite
def test_a_cart_shows_its_books_by_seller(app: Flask, buyer: Shopper) -> None:
    ana, luz = Shopper(app).register("Ana Roa"), Shopper(app).register("Luz Paz")
    books = [person.publish() for person in (ana, luz, ana)]
    for book in books:
        buyer.add(book)
    page = buyer.get("/cart").text
    assert re.findall(r"From (Ana Roa|Luz Paz)", page) == ["Ana Roa", "Luz Paz"]
    assert [book for book, _ in buyer.cart()] == [books[0], books[2], books[1]]
    assert "COP\u00a075,000" in page


@on_sqlite
def test_a_cart_names_a_seller_as_the_order_will_and_an_order_as_it_was_made(
    seller: Shopper, buyer: Shopper, run_jobs: Callable[..., int]
) -> None:
    def rename(name: str) -> None:
        assert seller.post("/account", {"name": name}).status_code == 303
        run_jobs()

    buyer.add(seller.publish())
    rename("Librería Uno")
    assert "From Librería Uno" in buyer.get("/cart").text
    (order,) = buyer.ordered(buyer.buy())
    rename("Librería Dos")
    assert "Librería Uno" in buyer.get(f"/orders/{order}").text


@on_sqlite
def test_a_cart_tells_what_has_changed_since_it_was_filled(
    seller: Shopper, buyer: Shopper, newcomer: Callable[[], Shopper]
) -> None:
    dearer, scarce, gone = (seller.publish(title=t) for t in ("Dearer", "Scarce", "Gone"))
    for book in (dearer, scarce, gone):
        buyer.add(book, 2)
    answer = seller.post(f"/books/{dearer}/edit", {**BOOK, "title": "Dearer", "price": "30.000"})
    assert answer.status_code == 303
    assert newcomer().buy(scarce).status_code == newcomer().buy(scarce).status_code == 303
    seller.post(f"/books/{gone}/withdraw", {})
    page = buyer.get("/cart").text
    assert "It cost COP\u00a025,000 when you put it in; now it costs COP\u00a030,000." in page
    assert "Only one copy is left." in page
    assert "This book is not on sale any more." in page
    assert 'href="/checkout' not in page
    refused = buyer.get("/checkout")
    assert (refused.status_code, refused.location) == (303, "/cart")

    buyer.post(f"/cart/{gone}/remove", {})
    buyer.post(f"/cart/{scarce}", {"quantity": "1"})
    buyer.post(f"/cart/{dearer}", {"quantity": "2"})
    page = buyer.get("/cart").text
    assert "It cost" not in page
    assert 'href="/checkout?' in page


@on_sqlite
@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Write a whole number.", "Write 1 or more.", "Write 20 or less."]),
        ("es", ["Escribe un número entero.", "Escribe 1 o más.", "Escribe 20 o menos."]),
    ],
)
def test_a_bad_quantity_is_told_and_kept(
    seller: Shopper, buyer: Shopper, language: str, sentences: list[str]
) -> None:
    book = seller.publish(quantity="50")
    buyer.add(book)
    buyer.language = language
    for typed, sentence in zip(["two", "0", "21"], sentences, strict=True):
        for path, more in (("/cart", {"book_id": str(book)}), (f"/cart/{book}", {})):
            answer = buyer.post(path, {"quantity": typed, **more})
            assert answer.status_code == 422
            assert sentence in answer.text
            assert f'value="{typed}"' in answer.text
    assert buyer.cart() == [(book, 1)]


def test_no_more_copies_than_there_are_or_than_one_may_buy(seller: Shopper, buyer: Shopper) -> None:
    few, many = seller.publish(quantity="2"), seller.publish(quantity="50")
    answer = buyer.add(few, 3)
    assert answer.status_code == 409
    assert "Only 2 copies are left." in answer.text
    buyer.add(few, 2)
    assert buyer.add(few, 1).status_code == 409
    buyer.add(many, 15)
    answer = buyer.add(many, 6)
    assert answer.status_code == 409
    assert "You can buy 20 copies of a book at most." in answer.text
    answer = buyer.post(f"/cart/{few}", {"quantity": "3"})
    assert answer.status_code == 409
    assert 'value="3"' in answer.text
    assert buyer.cart() == [(few, 2), (many, 15)]


@on_sqlite
def test_nobody_puts_their_own_book_or_one_that_is_not_there(seller: Shopper) -> None:
    answer = seller.add(seller.publish())
    assert answer.status_code == 409
    assert "This book is your own." in answer.text
    for book in ("4711", "0", "x", "", "²", str(2**63)):
        assert seller.post("/cart", {"book_id": book}).status_code == 404
    assert seller.cart() == []


@on_sqlite
def test_a_bad_number_of_a_book_that_is_not_in_the_cart_is_not_found(
    seller: Shopper, buyer: Shopper
) -> None:
    assert buyer.post(f"/cart/{seller.publish()}", {"quantity": "x"}).status_code == 404


@on_sqlite
def test_a_cart_that_is_full_takes_more_copies_but_no_other_book(
    seller: Shopper, buyer: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.orders.account_cart.MOST_LINES", 2)
    one, two, three = (seller.publish() for _ in range(3))
    buyer.add(one)
    buyer.add(two)
    answer = buyer.add(three)
    assert answer.status_code == 409
    assert "Your cart holds 50 books at most." in answer.text
    assert buyer.add(two).status_code == 303
    assert buyer.cart() == [(one, 1), (two, 2)]


@on_sqlite
def test_a_program_is_told_that_a_cart_is_full(
    client: Client, other: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.orders.account_cart.MOST_LINES", 1)
    assert other.post("/cart/items", {"book_id": client.publish()}).status_code == 201
    answer = other.post("/cart/items", {"book_id": client.publish()})
    assert (answer.status_code, answer.json["type"]) == (
        409,
        "urn:problem-type:bookstore:cart-full",
    )
    assert answer.json["errors"] == [
        {"field": "book_id", "message": "Your cart holds 50 books at most."}
    ]


@on_sqlite
def test_a_book_that_is_sold_out_does_not_go_into_a_cart(
    seller: Shopper, buyer: Shopper, newcomer: Callable[[], Shopper]
) -> None:
    book = seller.publish(quantity="1")
    assert newcomer().buy(book).status_code == 303
    answer = buyer.add(book)
    assert answer.status_code == 409
    assert "No copy is left." in answer.text
    assert buyer.cart() == []


@on_sqlite
def test_who_comes_second_to_the_last_copy_reads_that_none_is_left(
    seller: Shopper, buyer: Shopper, newcomer: Callable[[], Shopper]
) -> None:
    book = seller.publish(quantity="1")
    form = buyer.checkout(book)
    assert newcomer().buy(book).status_code == 303
    answer = buyer.post("/checkout", {**form, **purchase()})
    assert answer.status_code == 409
    assert "No copy of “Rayuela” is left." in answer.text
    assert buyer.orders() == []


def test_copies_that_are_added_at_once_are_all_there(
    app: Flask, seller: Shopper, buyer: Shopper
) -> None:
    book = seller.publish(quantity="20")
    cart = service(LocalOrders, app).cart(4711)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: cart.add(book, 1), range(8)))
    assert cart.count() == 8
    assert buyer.cart() == []


@on_mysql
def test_a_copy_that_is_added_meanwhile_is_not_lost(
    app: Flask, seller: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = seller.publish(quantity="20")
    cart = service(LocalOrders, app).cart(4711)
    other = service(LocalOrders, app).cart(4711)
    put: Any = cart._put
    meanwhile = [1]

    def add_another_first(*arguments: object, **named: object) -> None:
        if meanwhile:
            meanwhile.clear()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(other.add, book, 1).result()
        put(*arguments, **named)

    monkeypatch.setattr(cart, "_put", add_another_first)
    cart.add(book, 1)
    assert cart.count() == 2
