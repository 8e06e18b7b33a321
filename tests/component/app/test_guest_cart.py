"""A guest's cart: filled without an account, and there still once its owner has logged in."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import BOOK, Shopper, purchase

pytestmark = on_sqlite
OWN_SITE = "http://localhost"


def click(
    guest: Shopper, book_id: int, quantity: int = 1, origin: str = OWN_SITE, **more: str
) -> TestResponse:
    """Send the form of a book's page, which has no token, as a browser does."""
    typed = {"book_id": str(book_id), "quantity": str(quantity), **more}
    headers = {"Accept-Language": guest.language, "Origin": origin}
    return guest.client.post("/cart", data=typed, headers=headers)


def test_a_guest_fills_changes_and_empties_a_cart(seller: Shopper, visitor: Shopper) -> None:
    one, other = seller.publish(quantity="9"), seller.publish(title="Pedro Páramo")
    page = visitor.get(f"/books/{one}").text
    assert 'action="/cart"' in page
    assert "csrf_token" not in page
    assert click(visitor, one, 2).location == "/cart"
    click(visitor, one)
    click(visitor, other)
    assert visitor.cart() == [(one, 3), (other, 1)]
    assert 'data-cart="4"' in visitor.get("/").text
    assert visitor.post(f"/cart/{one}", {"quantity": "5"}).location == "/cart"
    assert visitor.post(f"/cart/{other}/remove", {}).location == "/cart"
    assert visitor.cart() == [(one, 5)]
    assert visitor.post(f"/cart/{one}/remove", {}).location == "/cart"
    assert "Your cart is empty." in visitor.get("/cart").text
    assert "data-cart" not in visitor.get("/").text


def test_a_guest_finds_the_way_to_the_cart_on_every_page(visitor: Shopper) -> None:
    page = visitor.get("/")
    assert 'href="/cart"' in page.text
    assert "Set-Cookie" not in page.headers
    assert "Your cart is empty." in visitor.get("/cart").text


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "", "http://[", "²"])
def test_a_form_of_another_site_puts_nothing_into_a_guests_cart(
    seller: Shopper, visitor: Shopper, origin: str
) -> None:
    book = seller.publish()
    answer = click(visitor, book, origin=origin)
    assert answer.status_code == 422
    assert "Rayuela" in answer.text, "who has an old browser confirms it there"
    assert visitor.cart() == []
    assert visitor.add(book).location == "/cart"
    assert visitor.cart() == [(book, 1)]


def test_the_form_of_an_account_needs_its_token_whatever_its_origin(
    seller: Shopper, buyer: Shopper
) -> None:
    assert click(buyer, seller.publish()).status_code == 422
    assert buyer.cart() == []


def test_a_guest_is_told_what_cannot_be_had(seller: Shopper, visitor: Shopper) -> None:
    few, many = seller.publish(quantity="2"), seller.publish(quantity="50")
    answer = click(visitor, few, 3)
    assert (answer.status_code, "Only 2 copies are left." in answer.text) == (409, True)
    click(visitor, many, 15)
    answer = click(visitor, many, 6)
    assert (answer.status_code, "20 copies of a book at most" in answer.text) == (409, True)
    assert click(visitor, 4711).status_code == 404
    answer = visitor.post(f"/cart/{many}", {"quantity": "x"})
    assert (answer.status_code, 'value="x"' in answer.text) == (422, True)
    answer = visitor.post(f"/cart/{many}", {"quantity": "21"})
    assert answer.status_code == 422
    assert visitor.post(f"/cart/{few}", {"quantity": "1"}).status_code == 404
    assert visitor.post(f"/cart/{few}/remove", {}).status_code == 404
    assert visitor.cart() == [(many, 15)]


def test_a_guests_cart_that_is_full_takes_no_other_book(
    seller: Shopper, visitor: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.orders.guest_cart.MOST_LINES", 1)
    one, two = seller.publish(), seller.publish()
    click(visitor, one)
    answer = click(visitor, two)
    assert (answer.status_code, "holds 50 books at most" in answer.text) == (409, True)
    assert click(visitor, one).status_code == 303


def test_a_guests_cart_of_fifty_books_fits_into_a_cookie(seller: Shopper, visitor: Shopper) -> None:
    for book in [seller.publish() for _ in range(50)]:
        click(visitor, book, 3)
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    assert len(cookie.value) < 2000
    assert len(visitor.cart()) == 50


def test_a_guests_cart_tells_what_has_changed(seller: Shopper, visitor: Shopper) -> None:
    dearer, gone = seller.publish(title="Dearer"), seller.publish(title="Gone")
    for book in (dearer, gone):
        click(visitor, book)
    seller.post(f"/books/{dearer}/edit", {**BOOK, "title": "Dearer", "price": "30.000"})
    seller.post(f"/books/{gone}/withdraw", {})
    page = visitor.get("/cart").text
    assert "It cost COP\u00a025,000 when you put it in; now it costs COP\u00a030,000." in page
    assert "This book is not on sale any more." in page
    assert 'href="/checkout' not in page
    visitor.post(f"/cart/{gone}/remove", {})
    page = visitor.get("/cart").text
    assert "COP\u00a039,000" in page, "with the first carrier"
    assert 'href="/checkout' in page


@pytest.mark.parametrize("way", ["login", "register"])
def test_a_guests_cart_survives_becoming_an_account(
    app: Flask, seller: Shopper, newcomer: Callable[[], Shopper], way: str
) -> None:
    book, other = seller.publish(quantity="9"), seller.publish()
    known = newcomer()
    if way == "login":
        known.add(book, 2)
    guest = Shopper(app, email=known.email if way == "login" else "new@example.com")
    click(guest, book, 3)
    click(guest, other)
    onward = re.search(r'href="(/checkout[^"]*)"', guest.get("/cart").text)
    assert onward is not None
    sent_on = guest.get(unescape(onward[1]))
    assert sent_on.location.startswith("/auth/login?next=")
    page = guest.get(sent_on.location).text
    target = re.search(r'name="next" value="([^"]*)"', page)
    assert target is not None
    typed = {"email": guest.email, "password": guest.password, "next": unescape(target[1])}
    if way == "register":
        assert "/auth/register?next=" in page
        typed["name"] = "Ana"
    entered = guest.post(f"/auth/{way}", typed)
    assert entered.location == unescape(onward[1])
    assert guest.get(entered.location).status_code == 200
    assert guest.cart() == [(book, 5 if way == "login" else 3), (other, 1)]
    guest.buy()
    assert guest.cart() == []
    assert len(guest.orders()) == 1


def test_a_guests_cart_is_merged_as_far_as_it_can_be_had(
    app: Flask, seller: Shopper, newcomer: Callable[[], Shopper]
) -> None:
    known, third = newcomer(), newcomer()
    own, scarce, gone = known.publish(), seller.publish(quantity="3"), seller.publish()
    known.add(scarce, 2)
    guest = Shopper(app, email=known.email)
    for book, copies in ((own, 1), (scarce, 2), (gone, 1)):
        click(guest, book, copies)
    seller.post(f"/books/{gone}/withdraw", {})
    guest.log_in()
    page = guest.get("/").text
    assert "Your own books are not in your cart" in page
    assert "Of some books in your cart there are fewer copies than you chose." in page
    assert guest.cart() == [(scarce, 3)]
    assert "fewer copies than you chose" not in guest.get("/").text
    assert third.cart() == []


def test_a_guest_who_buys_at_once_logs_in_and_comes_back_with_the_cart_intact(
    app: Flask, seller: Shopper, newcomer: Callable[[], Shopper]
) -> None:
    book, kept = seller.publish(), seller.publish()
    guest = Shopper(app, email=newcomer().email)
    click(guest, kept)
    now = click(guest, book, 2, now="1")
    assert now.location == f"/checkout?book_id={book}&quantity=2"
    login = guest.get(now.location)
    entered = guest.post(
        "/auth/login",
        {"email": guest.email, "password": guest.password, "next": now.location},
    )
    assert login.location.startswith("/auth/login?next=")
    assert entered.location == now.location
    assert guest.post("/checkout", {**guest.checkout(book, 2), **purchase()}).status_code == 303
    assert guest.cart() == [(kept, 1)]


def test_who_logs_out_leaves_no_cart_behind(app: Flask, seller: Shopper, buyer: Shopper) -> None:
    buyer.add(seller.publish())
    buyer.post("/auth/logout", {})
    assert buyer.cart() == []
    buyer.log_in()
    assert len(buyer.cart()) == 1
