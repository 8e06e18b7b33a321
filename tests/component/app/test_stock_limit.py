"""How many copies a listing may have: the seller's own change keeps to it, a cancel need not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bookstore.core.config.settings import Settings
from tests.component.app.client import NEW_BOOK, Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import BOOK, Shopper, purchase
from tests.component.app.test_covers import picture, send

pytestmark = on_sqlite
TOLD = {
    "en": "%s copies are too many: a book has 1000 at most. Write %s or less.",
    "es": "%s ejemplares son demasiados: un libro tiene 1000 como máximo. Escribe %s o menos.",
}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    ("stock", "seen", "typed", "most"),
    [
        (1000, 0, 1000, 0),
        (1000, 999, 1000, 999),
        (3, 3, 1001, 1000),
        (3, None, 10**30, 1000),
        (990, 980, 1000, 990),
    ],
)
def test_a_seller_does_not_pass_the_limit_by_the_api(
    client: Client, language: str, stock: int, seen: int | None, typed: int, most: int
) -> None:
    book = client.publish(stock=stock)
    body = {**NEW_BOOK, "title": "Changed", "stock": typed, "stock_seen": seen}
    answer = client.put(f"/account/books/{book}", body, Accept_Language=language)
    assert answer.status_code == 422
    told = TOLD[language] % (typed, most)
    assert answer.json["errors"] == [{"field": "stock", "message": told}]
    shown = client.get(f"/account/books/{book}").json
    assert (shown["title"], shown["stock"]) == ("Rayuela", stock)
    assert client.put(f"/account/books/{book}", {**body, "stock": most}).status_code == 200


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_seller_does_not_pass_the_limit_by_the_page(seller: Shopper, language: str) -> None:
    book = seller.publish(quantity="1000")
    seller.language = language
    typed = {**BOOK, "title": "Changed", "quantity": "1000", "stock_seen": "0"}
    answer = seller.post(f"/books/{book}/edit", typed)
    assert answer.status_code == 422
    told = TOLD[language] % (1000, 0)
    assert f'<a href="#quantity">{told}</a>' in answer.text
    assert f'id="quantity-error">{told}' in answer.text
    for kept in ("Changed", "1000", "0"):
        assert f'value="{kept}"' in answer.text
    assert seller.stock(book) == 1000


def test_a_cancel_passes_the_limit_and_the_book_can_be_edited(
    seller: Shopper, buyer: Shopper, run_jobs: Callable[..., int]
) -> None:
    book = seller.publish(quantity="1000")
    (order,) = buyer.ordered(buyer.buy(book, purchase(quantity=5)))
    seller.post(f"/books/{book}/edit", {**BOOK, "quantity": "1000", "stock_seen": "995"})
    assert buyer.post(f"/orders/{order}/cancel", {}).status_code == 303
    run_jobs()
    assert seller.stock(book) == 1005
    page = seller.get(f"/books/{book}/edit").text
    assert 'max="1005"' in page
    typed = {**BOOK, "quantity": "1006", "stock_seen": "1005"}
    assert seller.post(f"/books/{book}/edit", typed).status_code == 422
    for copies in (1005, 1003):
        typed = {**BOOK, "title": f"Now {copies}", "quantity": str(copies), "stock_seen": "1005"}
        assert seller.post(f"/books/{book}/edit", typed).status_code == 303
        assert f"Now {copies}" in seller.get(f"/books/{book}").text
    assert seller.stock(book) == 1003


def test_a_book_past_the_limit_is_edited_by_the_api(
    client: Client, buyer: Shopper, run_jobs: Callable[..., int]
) -> None:
    book = client.publish(stock=1000)
    (order,) = buyer.ordered(buyer.buy(book, purchase(quantity=2)))
    client.put(f"/account/books/{book}", {**NEW_BOOK, "stock": 1000})
    buyer.post(f"/orders/{order}/cancel", {})
    run_jobs()
    assert client.get(f"/account/books/{book}").json["stock"] == 1002
    for body in ({"stock": 1002}, {"stock": 0, "stock_seen": 0}, {"stock": 1001}):
        assert client.put(f"/account/books/{book}", {**NEW_BOOK, **body}).status_code == 200
    answer = client.put(f"/account/books/{book}", {**NEW_BOOK, "stock": 1002})
    assert answer.json["errors"][0]["message"] == TOLD["en"] % (1002, 1001)


@pytest.mark.parametrize("typed", ["9" * 4300, "-1", str(2**31)])
def test_numbers_that_no_stock_has_are_answered(client: Client, typed: str) -> None:
    book = client.publish()
    for name in ("stock", "stock_seen"):
        body = {**NEW_BOOK, "stock": 5, "stock_seen": 3, name: int(typed)}
        answer = client.put(f"/account/books/{book}", body)
        assert [error["field"] for error in answer.json["errors"]] == [name]


def test_a_picture_sent_with_too_many_copies_is_asked_for_again_and_not_kept(
    seller: Shopper, settings: Settings
) -> None:
    book = seller.publish()
    typed = {"quantity": "1001", "stock_seen": "3"}
    answer = send(seller, f"/books/{book}/edit", picture(), **typed)
    assert answer.status_code == 422
    assert 'id="cover-error">Choose the picture again.' in answer.text
    assert not any(path.is_file() for path in settings.uploads.rglob("*"))
