"""The catalogue among strangers: what is another's, markup, statements, shared pages, any input."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.db.migrate import migrate
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import Shopper

FIELDS = (
    *("q", "price_from", "price_to", "condition", "language", "availability", "sort", "after"),
)
MARKUP = """"'><script>alert(1)</script><img src=x>"""
STATEMENTS = ("' OR '1'='1", "1) OR (1=1", "x'; DROP TABLE books; --", "%' UNION SELECT 1 -- ")


def test_a_seller_sees_what_is_on_sale_altogether(seller: Shopper) -> None:
    assert "data-worth" not in seller.get("/account/books").text
    seller.publish(price="25.000", quantity="3")
    seller.publish(price="1.000,50", quantity="2")
    withdrawn = seller.publish(price="90.000", quantity="9")
    seller.post(f"/books/{withdrawn}/withdraw", {})
    page = seller.get("/account/books").text
    told = re.findall(r"<dd data-(\w+)>(.+?)</dd>", page)
    assert told == [("titles", "2"), ("copies", "5"), ("worth", "COP\u00a077,001")]


def test_a_search_by_the_api_filters_and_sorts_as_the_page_does(client: Client) -> None:
    for price, condition in ((2_000_000, "good"), (1_000_000, "worn"), (3_000_050, "good")):
        client.publish(price_minor=price, condition=condition)
    found = client.get("/books?price_from_minor=1000001&condition=good&sort=dearest")
    assert [book["price_minor"] for book in found.json["items"]] == [3_000_050, 2_000_000]
    for query, name in (
        ("price_from_minor=5&price_to_minor=4", "price_to_minor"),
        ("price_to_minor=-1", "price_to_minor"),
        ("price_from=5", "price_from"),
        ("sort=worst", "sort"),
        ("sort=title&after=AQ", "after"),
    ):
        refused = client.get(f"/books?{query}")
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json["errors"]] == [name]


def test_markup_in_a_search_is_text(visitor: Shopper) -> None:
    for name in FIELDS:
        answer = visitor.get("/", query_string={name: MARKUP})
        assert answer.status_code in {200, 422}
        for tag in ("<script", "<img"):
            assert tag not in answer.text, name
    page = visitor.get("/", query_string={"q": MARKUP, "price_from": MARKUP}).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_statement_in_a_search_is_text(seller: Shopper, visitor: Shopper) -> None:
    seller.publish(title="Still here")
    for name in FIELDS:
        for statement in STATEMENTS:
            answer = visitor.get("/", query_string={name: statement})
            assert answer.status_code == (200 if name == "q" else 422), (name, statement)
            assert "data-book-id" not in answer.text, (name, statement)
    for operators in ('+still -here "', "still* (here) @3 ~<>", "st_ll%"):
        assert visitor.get("/", query_string={"q": operators}).status_code == 200
    assert "Still here" in visitor.get("/?q=still+here").text


@pytest.fixture
def cached(settings: Settings) -> Iterator[Flask]:
    """Give the shop with its cache of pages on."""
    migrate(settings)
    app = create_app(settings.model_copy(update={"page_cache_seconds": 60}))
    yield app
    service(Database, app).engine.dispose()
    service(Readiness, app).engine.dispose()


@on_sqlite
def test_cached_pages_are_told_apart_by_what_they_show(cached: Flask) -> None:
    visitor, seller = Shopper(cached), Shopper(cached).register()
    seller.publish(title="Rayuela", price="2000")
    for same in ("/", "/?q=&price_from=&sort=", "/?utm_source=x", "/?q=+", "/?_=1&after="):
        assert "Rayuela" in visitor.get(same).text
        assert "utm_source" not in visitor.get(same).text
    for same in ("/?sort=title&language=es", "/?language=es&x=2&sort=title&sort=newest"):
        assert "Rayuela" in visitor.get(same).text
    assert "Rayuela" not in visitor.get("/?language=en&sort=title").text
    assert "Rayuela" not in visitor.get("/?price_from=2001").text
    assert visitor.get("/?price_from=x").status_code == 422


@on_sqlite
def test_a_part_that_all_see_alike_holds_nothing_of_its_reader(cached: Flask) -> None:
    seller, other = Shopper(cached).register(), Shopper(cached).register()
    seller.publish(title="Rayuela", price="2000")
    for reader in (seller, other, seller):
        shown = reader.get("/").text
        assert "Rayuela" in shown
        assert reader.email in shown
    assert seller.email not in other.get("/").text
