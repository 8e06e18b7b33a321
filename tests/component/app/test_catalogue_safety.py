"""The catalogue among strangers: what is another's, markup, statements, shared pages, any input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookstore.core.config import Settings, load_settings
from bookstore.core.migrate import migrate
from bookstore.core.pagecache import LARGEST_CACHE
from bookstore.factory import create_app
from tests.component.app.client import LISTING, Client
from tests.component.app.shopper import BOOK, Shopper

FIELDS = (
    *("q", "price_from", "price_to", "condition", "language", "availability", "order", "after"),
)
MARKUP = """"'><script>alert(1)</script><img src=x>"""
STATEMENTS = ("' OR '1'='1", "1) OR (1=1", "x'; DROP TABLE books; --", "%' UNION SELECT 1 -- ")


def test_every_route_of_a_listing_is_its_sellers_alone(
    seller: Shopper, newcomer: Callable[[], Shopper], visitor: Shopper
) -> None:
    book = seller.publish(title="Mine")
    other = newcomer()
    for verb in ("edit", "withdraw", "republish"):
        path = f"/books/{book}/{verb}"
        assert other.post(path, {**BOOK, "title": "Taken"}).status_code == 404
        assert visitor.post(path, {**BOOK, "title": "Taken"}).location == "/auth/login"
    assert other.get(f"/books/{book}/edit").status_code == 404
    assert visitor.get(f"/books/{book}/edit").location == f"/auth/login?next=/books/{book}/edit"
    assert "Mine" in visitor.get(f"/books/{book}").text
    assert seller.post(f"/books/{book}/withdraw", {}).status_code == 303
    assert other.post(f"/books/{book}/republish", {}).status_code == 404
    assert visitor.get(f"/books/{book}").status_code == 404
    assert other.get(f"/books/{book}").status_code == 404
    assert "Mine" not in other.get("/publications").text
    assert "Mine" not in visitor.get("/").text
    assert "Mine" in seller.get("/publications").text
    assert seller.get("/books/999999999/edit").status_code == 404


def test_every_operation_on_a_listing_is_its_sellers_alone(
    client: Client, other: Client, stranger: Client
) -> None:
    listing = client.publish()
    path = f"/listings/{listing}"
    for asker, status in ((other, 404), (stranger, 401)):
        assert asker.get(path).status_code == status
        assert asker.put(path, {**LISTING, "title": "Taken"}).status_code == status
        for verb in ("withdraw", "republish"):
            assert asker.post(f"{path}/{verb}").status_code == status
    assert client.get(path).json["title"] == LISTING["title"]
    assert client.get(path).json["state"] == "listed"
    assert other.get("/listings").json["items"] == []


def test_a_seller_sees_what_is_on_sale_altogether(seller: Shopper) -> None:
    assert "data-worth" not in seller.get("/publications").text
    seller.publish(price="25.000", quantity="3")
    seller.publish(price="1.000,50", quantity="2")
    withdrawn = seller.publish(price="90.000", quantity="9")
    seller.post(f"/books/{withdrawn}/withdraw", {})
    page = seller.get("/publications").text
    told = re.findall(r"<dd data-(\w+)>(.+?)</dd>", page)
    assert told == [("titles", "2"), ("copies", "5"), ("worth", "COP\u00a077,001")]


def test_a_search_by_the_api_filters_and_sorts_as_the_page_does(client: Client) -> None:
    for price, condition in ((2_000_000, "good"), (1_000_000, "worn"), (3_000_050, "good")):
        client.publish(price_minor=price, condition=condition)
    found = client.get("/books?price_from_minor=1000001&condition=good&order=dearest")
    assert [book["price_minor"] for book in found.json["items"]] == [3_000_050, 2_000_000]
    for query, name in (
        ("price_from_minor=5&price_to_minor=4", "price_to_minor"),
        ("price_to_minor=-1", "price_to_minor"),
        ("price_from=5", "price_from"),
        ("order=worst", "order"),
        ("order=title&after=AQ", "after"),
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
    app.extensions["bookstore.database"].engine.dispose()
    app.extensions["bookstore.readiness"].engine.dispose()


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
def test_cached_pages_are_few_and_told_apart_by_what_they_show(cached: Flask) -> None:
    visitor = Shopper(cached)
    pages = cached.extensions["bookstore.pages"]._pages
    seller = Shopper(cached).register()
    seller.publish(title="Rayuela", price="2000")
    for same in ("/", "/?q=&price_from=&order=", "/?utm_source=x", "/?q=+", "/?_=1&after="):
        assert "Rayuela" in visitor.get(same).text
        assert "utm_source" not in visitor.get(same).text
    assert len(pages) == 1
    for same in ("/?order=title&language=es", "/?language=es&x=2&order=title&order=newest"):
        assert "Rayuela" in visitor.get(same).text
    assert len(pages) == 2
    assert "Rayuela" not in visitor.get("/?language=en&order=title").text
    assert "Rayuela" not in visitor.get("/?price_from=2001").text
    assert visitor.get("/?price_from=x").status_code == 422
    assert len(pages) == 4
    for price in range(LARGEST_CACHE + 10):
        visitor.get(f"/?price_from={price}")
    assert len(pages) == LARGEST_CACHE


@pytest.fixture(scope="module")
def anyone() -> Iterator[Shopper]:
    """Give a seller at a shop on SQLite with a few books."""
    with TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/shop.sqlite3"
        shop = load_settings(
            sqlalchemy_database_uri=uri,
            secret_key="for the tests alone, not secret",
            instance_dir=Path(folder),
            page_cache_seconds=0,
        )
        migrate(shop)
        seller = Shopper(create_app(shop)).register()
        for number in range(26):
            seller.publish(title=f"Book {number}")
        yield seller


def typed(*known: str) -> st.SearchStrategy[str]:
    """Return what may be typed in a field: anything, numbers, and what it knows."""
    return st.text(max_size=40) | st.integers().map(str) | st.sampled_from(["", *known])


FEW = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SEARCHES = st.fixed_dictionaries(
    {},
    optional={
        "q": typed("book", "rayuela", "book 1"),
        "price_from": typed("0", "25.000", "25000,01"),
        "price_to": typed("25.000", "1e9", "100.000.000"),
        "condition": typed("good", "worn"),
        "language": typed("es", "en"),
        "availability": typed("in_stock"),
        "order": st.sampled_from(["newest", "cheapest", "dearest", "title"]) | typed(),
        "after": st.binary(max_size=40).map(lambda raw: raw.hex()) | typed("AQ", "AAAAAAAAAAE"),
        "lang": typed("es", "en"),
    },
)
BOOKS = st.fixed_dictionaries(
    {name: st.just(good) | typed(good, good * 60) for name, good in BOOK.items()}
)


@FEW
@given(query=SEARCHES)
def test_no_search_breaks_the_catalogue(anyone: Shopper, query: dict[str, str]) -> None:
    assert anyone.get("/", query_string=query).status_code in {200, 422}
    assert anyone.get("/publications", query_string=query).status_code == 200


@FEW
@given(book=BOOKS)
def test_no_book_breaks_the_publish_form(anyone: Shopper, book: dict[str, str]) -> None:
    answer = anyone.post("/sell", book)
    assert answer.status_code in {303, 422}
    if answer.status_code == 303:
        assert anyone.get(answer.location).status_code == 200
        assert anyone.get(f"{answer.location}/edit").status_code == 200
    assert anyone.get("/?order=title").status_code == 200
