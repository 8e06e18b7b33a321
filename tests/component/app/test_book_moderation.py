"""Moderators hide books, each time with a reason; nobody else can or sees it."""

from __future__ import annotations

import pytest
from flask import Flask

from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import now
from bookstore.core.interfaces.catalogue import Line, OutOfStock
from bookstore.core.services import service
from tests.component.app.databases import on_sqlite
from tests.component.app.moderator import judge
from tests.component.app.shopper import Shopper, purchase


def test_a_hidden_book_is_gone_for_all_but_its_seller_who_cannot_list_it(
    app: Flask, admin: Shopper, seller: Shopper, buyer: Shopper, visitor: Shopper
) -> None:
    book = seller.publish(title="Rayuela escondida")
    shown = "Rayuela escondida"
    assert f'href="/admin/books/{book}"' in admin.get(f"/books/{book}").text
    assert "/admin" not in buyer.get(f"/books/{book}").text
    assert judge(admin, f"/admin/books/{book}", "hide", "Forbidden goods") == 303
    for person in (visitor, buyer, admin):
        assert person.get(f"/books/{book}").status_code == 404
        assert shown not in person.get("/").text
        assert shown not in person.get("/?q=escondida").text.replace('value="escondida"', "")
    assert buyer.buy(book, purchase()).status_code == 404
    catalogue = service(LocalCatalogue, app)
    assert catalogue.books([book]) == {}
    with pytest.raises(OutOfStock):
        catalogue.reserve("a key", [Line(book, 1)], now())

    sentence = "The shop has hidden this book"
    assert sentence in seller.get(f"/books/{book}").text
    own = seller.get("/account/books").text
    assert "Hidden by the shop" in own
    assert "List again" not in own
    for verb in ("republish", "withdraw"):
        answer = seller.post(f"/books/{book}/{verb}", {})
        assert answer.location == "/account/books"
        assert sentence in seller.get("/account/books").text
    assert visitor.get(f"/books/{book}").status_code == 404

    assert judge(admin, f"/admin/books/{book}", "hide") == 409
    assert judge(admin, f"/admin/books/{book}", "unhide", "All is well") == 303
    assert shown in visitor.get("/").text
    assert judge(admin, f"/admin/books/{book}", "unhide") == 409
    assert "Forbidden goods" in admin.get("/admin/books/audit").text


@on_sqlite
def test_a_withdrawn_book_is_not_brought_back_by_a_moderator(
    admin: Shopper, seller: Shopper
) -> None:
    book = seller.publish()
    seller.post(f"/books/{book}/withdraw", {})
    page = admin.get(f"/admin/books/{book}").text
    assert "Withdrawn" in page
    assert "<textarea" not in page
    for action in ("hide", "unhide"):
        assert judge(admin, f"/admin/books/{book}", action) == 409
    assert "Rayuela" not in admin.get("/admin/books/audit").text


@on_sqlite
@pytest.mark.parametrize(
    ("language", "sentence"), [("en", "Write at least 3"), ("es", "Escribe al menos 3")]
)
def test_no_book_is_hidden_without_a_reason(
    admin: Shopper, seller: Shopper, language: str, sentence: str
) -> None:
    admin.language = language
    book = seller.publish()
    answer = admin.post(f"/admin/books/{book}", {"action": "hide", "reason": "no"})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert ">\nno</textarea>" in answer.text
    assert judge(admin, f"/admin/books/{book}", "suspend") == 422
    assert admin.get(f"/books/{book}").status_code == 200
