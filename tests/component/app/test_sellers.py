"""What the catalogue knows of sellers: by events in any order, and by what they publish."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from bookstore.catalogue.forms import BookInput
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import AccountSnapshot
from bookstore.core.services import service
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.moderator import id_of, judge, suspend
from tests.component.app.shopper import BOOK, Shopper, purchase

OFFER = BookInput.model_validate({**BOOK, "isbn": None})
ANA = Account(7, "Ana", "ana@example.com")


@pytest.fixture
def catalogue(app: Flask) -> LocalCatalogue:
    """Give the shop's catalogue."""
    found: LocalCatalogue = service(LocalCatalogue, app)
    return found


def test_events_may_come_twice_and_in_any_order(catalogue: LocalCatalogue) -> None:
    book = catalogue.publishing.publish(ANA, OFFER)

    def told(version: int, name: str, *, suspended: bool = False) -> tuple[str, str]:
        catalogue.account_changed(AccountSnapshot(7, version, name, suspended))
        shown = catalogue.moderation.book(book)
        return shown.seller_name, shown.state

    assert told(2, "Ana María") == ("Ana María", "listed")
    assert told(1, "Ana") == ("Ana María", "listed")
    assert told(4, "Ana María", suspended=True) == ("Ana María", "paused")
    assert told(4, "Ana María", suspended=True) == ("Ana María", "paused")
    assert told(3, "Anita") == ("Ana María", "paused")
    assert told(5, "Anita") == ("Anita", "listed")
    assert told(4, "Ana María", suspended=True) == ("Anita", "listed")


def test_a_seller_of_whom_no_event_has_arrived_has_the_name_they_publish_under(
    catalogue: LocalCatalogue,
) -> None:
    book = catalogue.publishing.publish(ANA, OFFER)
    assert catalogue.browsing.book(book).seller_name == "Ana"
    assert catalogue.books([book])[book].seller_name == "Ana"


def test_who_is_suspended_before_they_ever_sold_lists_nothing(catalogue: LocalCatalogue) -> None:
    catalogue.account_changed(AccountSnapshot(7, 2, "Ana", suspended=True))
    book = catalogue.publishing.publish(ANA, OFFER)
    assert catalogue.moderation.book(book).state == "paused"
    with pytest.raises(NotFound):
        catalogue.sellers.profile(7)


def test_a_sellers_page_shows_their_books_and_what_they_sold(
    seller: Shopper, buyer: Shopper, visitor: Shopper, stranger: Client
) -> None:
    sold, withdrawn = seller.publish(title="Vendido"), seller.publish(title="Retirado")
    others = buyer.publish(title="Ajeno")
    seller.post(f"/books/{withdrawn}/withdraw", {})
    assert buyer.buy(sold, purchase(quantity=2)).status_code == 303
    place = f"/sellers/{id_of(seller)}"
    assert f'href="{place}"' in visitor.get(f"/books/{sold}").text
    page = visitor.get(place)
    assert "2 copies sold" in page.text
    assert re.findall(r'data-book-id="(\d+)"', page.text) == [str(sold)]
    assert str(others) not in re.findall(r'data-book-id="(\d+)"', page.text)
    assert page.headers["Cache-Control"].startswith("public")
    assert stranger.get(place).json["sold"] == 2
    assert [item["id"] for item in stranger.get(f"{place}/books").json["items"]] == [sold]


def test_there_is_no_page_of_who_sells_nothing_or_is_suspended(
    admin: Shopper, seller: Shopper, buyer: Shopper, visitor: Shopper, stranger: Client
) -> None:
    seller.publish()
    place = f"/sellers/{id_of(seller)}"
    assert visitor.get(place).status_code == 200
    suspend(admin, seller)
    for address in (place, f"/sellers/{id_of(buyer)}", "/sellers/999999"):
        assert visitor.get(address).status_code == 404
        assert stranger.get(address).status_code == 404
        assert stranger.get(f"{address}/books").status_code == 404


@on_sqlite
def test_a_seller_whose_only_book_is_hidden_has_no_page(
    admin: Shopper, seller: Shopper, visitor: Shopper
) -> None:
    book = seller.publish()
    assert judge(admin, f"/admin/books/{book}", "hide") == 303
    assert visitor.get(f"/sellers/{id_of(seller)}").status_code == 404


def test_a_sellers_books_come_in_pages_without_gap_or_double(
    seller: Shopper, visitor: Shopper
) -> None:
    books = [seller.publish() for _ in range(26)]
    place = f"/sellers/{id_of(seller)}"
    first = visitor.get(place).text
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = visitor.get(more[1]).text
    assert 'rel="next"' not in second
    shown = [int(book) for book in re.findall(r'data-book-id="(\d+)"', first + second)]
    assert shown == books[::-1]
