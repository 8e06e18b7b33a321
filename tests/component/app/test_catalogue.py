"""The catalogue: what filters, orders and words find together, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from itertools import product
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import event

from bookstore.catalogue import finding
from bookstore.catalogue.forms import BookInput, Search
from bookstore.catalogue.samples import publish_samples
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import Database
from bookstore.core.interfaces.auth import Account
from bookstore.core.services import service
from tests.component.app.databases import on_every_database, on_sqlite
from tests.component.app.shopper import BOOK, Shopper

Publish = Callable[..., int]

ANA = Account(1, "Ana", "ana@example.com")
SELLERS = {1: "Ana", 2: "Eva"}

SHELF = (
    {"title": "Rayuela", "price": "30000", "condition": "good", "language": "es"},
    {"title": "Ficciones", "price": "20000", "condition": "worn", "language": "es"},
    {"title": "Persuasion", "price": "20000", "condition": "good", "language": "en"},
    {"title": "Amok", "price": "45000,50", "condition": "new", "language": "de"},
)
SORTS = ("newest", "cheapest", "dearest", "title")


@pytest.fixture
def publish(app: Flask) -> Publish:
    """Give a way to publish quickly, as account 1, a book that differs from ``BOOK``."""

    def work(stock: int = 3, **changes: str) -> int:
        data = BookInput.model_validate({**BOOK, "isbn": None, **changes})
        sold_out = data.model_copy(update={"quantity": stock})
        return int(service(LocalCatalogue, app).publishing.publish(ANA, sold_out))

    return work


@pytest.fixture
def shelf(publish: Publish) -> None:
    """Publish four books, and one that is sold out."""
    for book in SHELF:
        publish(**book)
    publish(stock=0, title="Bomarzo", price="90000", condition="fair", language="it")


@pytest.fixture
def statements(database: Database) -> list[str]:
    """Give the list of statements that the database is asked from now on."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    return asked


def titles(page: str) -> list[str]:
    """Return the titles that a page of the catalogue shows."""
    return [unescape(title) for title in re.findall(r'<h2><a href="/books/\d+">(.+?)</a>', page)]


def following(page: str) -> str | None:
    """Return the address that the link to more books leads to."""
    found = re.search(r'rel="next" href="([^"]+)"', page)
    return unescape(found[1]) if found else None


@pytest.mark.usefixtures("shelf")
def test_filters_and_orders_find_what_they_say(visitor: Shopper) -> None:
    for query, found in (
        ("", ["Bomarzo", "Amok", "Persuasion", "Ficciones", "Rayuela"]),
        ("sort=newest", ["Bomarzo", "Amok", "Persuasion", "Ficciones", "Rayuela"]),
        ("sort=cheapest", ["Ficciones", "Persuasion", "Rayuela", "Amok", "Bomarzo"]),
        ("sort=dearest", ["Bomarzo", "Amok", "Rayuela", "Persuasion", "Ficciones"]),
        ("sort=title", ["Amok", "Bomarzo", "Ficciones", "Persuasion", "Rayuela"]),
        ("price_from=30.000", ["Bomarzo", "Amok", "Rayuela"]),
        ("price_to=30000", ["Persuasion", "Ficciones", "Rayuela"]),
        ("price_from=45000,51", ["Bomarzo"]),
        ("price_from=20000&price_to=20000&sort=title", ["Ficciones", "Persuasion"]),
        ("price_from=0&price_to=1", []),
        ("condition=good", ["Persuasion", "Rayuela"]),
        ("language=es&sort=cheapest", ["Ficciones", "Rayuela"]),
        ("language=es&condition=good&sort=title", ["Rayuela"]),
        ("availability=in_stock&sort=dearest", ["Amok", "Rayuela", "Persuasion", "Ficciones"]),
        ("q=cortazar&condition=good&sort=cheapest", ["Persuasion", "Rayuela"]),
        ("q=rayu+blanda&language=es", ["Rayuela"]),
        ("q=rayuela&language=en", []),
        ("q=de&sort=title", []),
        ("price_from=&price_to=+&condition=&sort=&q=", None),
    ):
        page = visitor.get(f"/?{query}").text
        assert titles(page) == (titles(visitor.get("/").text) if found is None else found), query


@pytest.mark.usefixtures("shelf")
@on_every_database
def test_every_combination_finds_the_same_wherever_words_are_looked_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsing = service(LocalCatalogue, app).browsing
    books = (*SHELF, {"title": "Bomarzo", "price": "90000", "condition": "fair", "language": "it"})
    choices = product(
        ("", "blanda", "julio conserv"), ("", "30.000"), ("", "good"), ("", "es"), SORTS
    )
    for search, price, condition, language, sort in choices:
        wanted = {
            book["title"]
            for book in books
            if condition in ("", book["condition"])
            and language in ("", book["language"])
            and (not price or book["price"] in {"30000", "45000,50", "90000"})
        }
        typed = {"q": search, "price_from": price, "condition": condition, "language": language}
        given = {name: text for name, text in typed.items() if text}
        query = Search.model_validate({**given, "sort": sort})
        if not search:
            assert {card.title for card in browsing.browse(query).items} == wanted, query
            continue
        for reaches in ((0,), (2,), (300, 4000)):
            # A full page is two here, for then the words are not looked for any further.
            with monkeypatch.context() as patch:
                patch.setattr(finding, "REACHES", reaches)
                patch.setattr(finding, "PAGE_SIZE", 1)
                patch.setattr(finding, "_statements", finding.Statements)
                shown = [card.title for card in browsing.browse(query).items]
            assert set(shown) <= wanted, (query, reaches)
            assert len(shown) == min(2, len(wanted)), (query, reaches)


def test_every_order_is_paged_without_gap_or_double(visitor: Shopper, publish: Publish) -> None:
    books = [
        (publish(title=f"{title} {number % 5}", price=str(1000 * (1 + number % 3))), number)
        for number, title in enumerate(["Ñandú", "100% <b>'quoted'", "nandu"] * 17)
    ]
    for sort in SORTS:
        shown: list[int] = []
        address: str | None = f"/?sort={sort}&language=es&q=blanda"
        while address:
            assert parse_qs(urlsplit(address).query)["q"] == ["blanda"]
            assert parse_qs(urlsplit(address).query)["language"] == ["es"]
            page = visitor.get(address).text
            shown += [int(book) for book in re.findall(r'data-book-id="(\d+)"', page)]
            address = following(page)
        assert sorted(shown) == [book for book, _ in books], sort
        keys = {book: (1000 * (1 + number % 3), book) for book, number in books}
        if sort == "cheapest":
            assert shown == sorted(shown, key=keys.__getitem__)
        if sort == "dearest":
            assert shown == sorted(shown, key=keys.__getitem__, reverse=True)
        if sort == "newest":
            assert shown == sorted(shown, reverse=True)


@pytest.mark.usefixtures("shelf")
def test_the_page_says_which_filters_are_on_and_clears_them(visitor: Shopper) -> None:
    query = "q=julio&price_from=20000&condition=good&availability=in_stock&sort=title"
    page = visitor.get(f"/?{query}&language=en&price_to=1.000.000").text
    told = "Filters: from COP\u00a020,000 · up to COP\u00a01,000,000 · Good · English · in stock."
    assert told in page
    assert 'value="20000"' in page
    assert '<option value="good" selected>' in page
    assert '<details class="filters" open>' in page
    cleared = re.search(r'<a href="([^"]+)">Clear the filters', page)
    assert cleared is not None
    assert unescape(cleared[1]) == "/?q=julio&sort=title"
    other_language = re.search(r'<a href="([^"]+)" lang="es"', page)
    assert other_language is not None
    kept = parse_qs(urlsplit(unescape(other_language[1])).query)
    assert kept["condition"] == ["good"]
    assert kept["lang"] == ["es"]
    assert '<details class="filters">' in visitor.get("/").text


BAD = [
    ("price_from", "gratis", "Write the price in pesos"),
    ("price_to", "-5", "Write the price in pesos"),
    ("price_from", "9" * 20, "Write a price from 0 to 100,000,000 pesos."),
    ("price_to", "100.000.001", "Write a price from 0 to 100,000,000 pesos."),
    ("condition", "ruined", "Choose one of the options."),
    ("language", "klingon", "Choose one of the options."),
    ("availability", "maybe", "Choose one of the options."),
    ("sort", "1; DROP TABLE books", "Choose one of the options."),
    ("q", "x" * 201, "Write at most 200 characters."),
    ("after", "!!", "Take the address from the page before, as it is."),
    ("after", "A" * 2000, "Write at most 1200 characters."),
]


def test_what_is_not_valid_is_told_by_field_and_kept(visitor: Shopper) -> None:
    for name, typed, sentence in BAD:
        answer = visitor.get("/", query_string={"price_from": "7.500", name: typed})
        assert answer.status_code == 422, name
        assert f'<a href="#{name}">{sentence}' in answer.text
        assert f'id="{name}"' in answer.text
        if name != "price_from":
            assert 'value="7.500"' in answer.text
        if name in {"price_from", "price_to", "q"}:
            assert f'value="{typed}"' in answer.text
        assert answer.headers.get("Cache-Control", "").startswith("public") is False
    visitor.language = "es"
    answer = visitor.get("/?price_from=500&price_to=499,99")
    assert '<a href="#price_to">Escribe un precio máximo' in answer.text
    assert 'value="499,99"' in answer.text


def test_a_cursor_of_another_order_is_refused(visitor: Shopper, publish: Publish) -> None:
    for number in range(25):
        publish(title=f"Title {number:02}", price=str(1000 + number))
    cursors = {}
    for sort in SORTS:
        more = following(visitor.get(f"/?sort={sort}").text)
        assert more is not None
        cursors[sort] = parse_qs(urlsplit(more).query)["after"][0]
    for sort, other in product(SORTS, SORTS):
        answer = visitor.get("/", query_string={"sort": sort, "after": cursors[other]})
        same = sort == other or {sort, other} == {"cheapest", "dearest"}
        assert answer.status_code == (200 if same else 422), (sort, other)
        assert ("Start from the first page" in answer.text) is not same


def test_a_common_word_is_found_among_the_newest(
    visitor: Shopper, publish: Publish, statements: list[str]
) -> None:
    for _ in range(30):
        publish(title="Common")
    rare = publish(title="Rare")
    for number in range(25):
        publish(title=f"Common {number}")
    common = visitor.get("/?q=common").text
    assert len(titles(common)) == 24
    assert not any("MATCH" in statement for statement in statements)
    more = following(common)
    assert more is not None
    assert len(titles(visitor.get(more).text)) == 24
    assert f'data-book-id="{rare}"' in visitor.get("/?q=rare").text


def test_every_page_asks_few_times_and_neither_counts_nor_skips(
    seller: Shopper, visitor: Shopper, publish: Publish, statements: list[str]
) -> None:
    books = [publish(title=f"Book {number}") for number in range(30)]
    own = f"/books/{books[0]}"
    more = [following(visitor.get(f"/?sort={sort}&q=book").text) for sort in SORTS]
    # Whoever is logged in is asked for, and what is in their cart, on every page.
    for reader, path, most in (
        *((visitor, f"/?language=es&sort={sort}", 1) for sort in SORTS),
        *((visitor, str(address), 5) for address in more),
        (visitor, "/?q=nobody", 3),
        (visitor, "/?price_from=x", 0),
        (visitor, own, 1),
        (visitor, "/sellers/1", 2),
        (seller, "/", 3),
        (seller, own, 4),
        (seller, f"{own}/edit", 3),
        (seller, "/sell", 2),
    ):
        statements.clear()
        assert reader.get(path).status_code in {200, 422}, path
        assert len(statements) <= most, statements
        for statement in statements:
            # Only of the few thousand books that words were looked for in.
            assert statement.count("count(") == statement.count("FROM (SELECT ")
            # SQLAlchemy tells SQLite of an offset that is none.
            assert "OFFSET" not in statement.replace("LIMIT ? OFFSET ?", "")
    for reader, path, typed, most in (
        (seller, "/account/books", None, 4),
        (seller, f"{own}/withdraw", {}, 3),
        (seller, f"{own}/republish", {}, 5),
        (seller, f"{own}/edit", BOOK, 4),
        (seller, "/sell", BOOK, 4),
    ):
        token = reader.token()
        statements.clear()
        answer = reader.get(path) if typed is None else reader.post(path, typed, token)
        assert answer.status_code in {200, 303}
        assert len(statements) <= most, statements


@on_sqlite
@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["By Correo Páramo", "COP\u00a09,000, 4 to 6 working days", "COP\u00a018,000"]),
        ("es", ["Por Cóndor Exprés", "$\u00a018.000, de 1 a 2 días hábiles", "$\u00a09.000"]),
    ],
)
def test_a_books_page_tells_what_sending_it_costs(
    seller: Shopper, visitor: Shopper, language: str, shown: list[str]
) -> None:
    visitor.language = language
    page = visitor.get(f"/books/{seller.publish()}").text
    for text in shown:
        assert text in page


def test_sample_books_are_planted_once_and_come_again_as_further_copies(
    database: Database, visitor: Shopper
) -> None:
    assert publish_samples(database, 60, SELLERS) == 60
    assert publish_samples(database, 61, SELLERS) == 1
    assert len(titles(visitor.get("/").text)) == 24
    assert any(title.endswith(" (2)") for title in titles(visitor.get("/").text))
