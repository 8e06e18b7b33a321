"""Pages: who may see what, what is refused and how, in both languages."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.database import Database
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import BOOK, Shopper
from tests.support.keys import SECRET_KEY


def test_the_catalogue_is_public_and_never_sets_a_cookie(visitor: Shopper) -> None:
    answer = visitor.get("/")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"].startswith("public")
    assert {"Accept-Language", "Cookie"} <= set(answer.vary)
    etag = answer.headers["ETag"]
    again = visitor.client.get("/", headers={"If-None-Match": etag, "Accept-Language": "en"})
    assert again.status_code == 304


def test_a_page_for_a_person_is_not_cached(buyer: Shopper) -> None:
    assert buyer.get("/").headers["Cache-Control"] == "private, no-store"


def test_every_page_forbids_scripts(visitor: Shopper) -> None:
    for path in ("/", "/auth/login", "/nothing"):
        policy = visitor.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy


def test_a_stale_form_comes_back_with_what_was_typed(seller: Shopper) -> None:
    answer = seller.post("/sell", {**BOOK, "title": "Kept title"}, token="stale")
    assert answer.status_code == 422
    assert "open too long" in answer.text
    assert 'value="Kept title"' in answer.text


def test_a_login_does_not_lead_to_another_site(seller: Shopper) -> None:
    for target in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        answer = seller.post(
            "/auth/login", {"email": seller.email, "password": seller.password, "next": target}
        )
        assert answer.location == "/"


def test_markup_in_a_book_is_text(seller: Shopper, visitor: Shopper) -> None:
    book = seller.publish(title="<script>alert(1)</script>", author='"><img src=x>')
    for path in ("/", f"/books/{book}"):
        page = visitor.get(path).text
        assert "<script>" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Fill in this field.", "Write the price in pesos", "This is no ISBN"]),
        ("es", ["Completa este campo.", "Escribe el precio en pesos", "Esto no es un ISBN"]),
    ],
)
def test_bad_fields_are_named_in_the_readers_language_and_kept(
    seller: Shopper, language: str, sentences: list[str]
) -> None:
    seller.language = language
    answer = seller.post("/sell", {**BOOK, "title": " ", "price": "gratis", "isbn": "123"})
    assert answer.status_code == 422
    for sentence in sentences:
        assert sentence in answer.text
    assert 'value="gratis"' in answer.text
    assert "Tapa blanda, bien conservada." in answer.text


def test_a_language_that_was_asked_for_is_remembered(visitor: Shopper) -> None:
    visitor.language = "es"
    assert '<html lang="es">' in visitor.get("/").text
    assert '<html lang="en">' in visitor.get("/?lang=en").text
    assert '<html lang="en">' in visitor.get("/").text


def test_a_search_finds_by_the_beginnings_of_words(seller: Shopper, visitor: Shopper) -> None:
    seller.publish(title="Cien años de soledad", author="Gabriel García Márquez")
    seller.publish(title="Rayuela", isbn="978-84-376-0494-7")
    for query in ("anos soled", "MÁRQUEZ", "cien"):
        page = visitor.get("/", query_string={"q": query}).text
        assert "Cien años de soledad" in page
        assert "Rayuela" not in page
    assert "Rayuela" in visitor.get("/", query_string={"q": "978-84-376-0494-7"}).text
    assert "No book has all these words" in visitor.get("/?q=nadie+' OR 1=1 --").text


def test_more_pages_follow_without_gap_or_double(seller: Shopper, visitor: Shopper) -> None:
    published = [seller.publish() for _ in range(26)]
    first = visitor.get("/").text
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = visitor.get(more[1]).text
    shown = [int(book) for book in re.findall(r'data-book-id="(\d+)"', first + second)]
    assert shown == published[::-1]
    assert 'rel="next"' not in second


@on_sqlite
@pytest.mark.parametrize("query", ["endpoint=x", "_method=POST", "_anchor=x", "_external=1", "x=1"])
def test_no_query_leads_the_next_page_elsewhere(query: str, seller: Shopper) -> None:
    for _ in range(25):
        seller.publish()
    page = seller.get(f"/account/books?{query}")
    assert page.status_code == 200
    assert f'rel="next" href="/account/books?{query}&amp;after=' in page.text


def test_too_many_wrong_passwords_are_held_up(seller: Shopper) -> None:
    seller.post("/auth/logout", {})
    answers = [seller.log_in("a wrong password").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
    held_up = seller.log_in()
    assert held_up.status_code == 429
    assert held_up.headers["Retry-After"] == "900"


def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(seller: Shopper) -> None:
    seller.post("/auth/logout", {})
    wrong = seller.log_in("a wrong password").text
    seller.email = "nobody@example.com"
    unknown = seller.log_in("a wrong password").text
    sentence = "The email address or the password is wrong."
    assert sentence in wrong
    assert sentence in unknown


def test_readiness_follows_the_database_and_draining(app: Flask, visitor: Shopper) -> None:
    assert visitor.get("/readyz").status_code == 200
    service(Readiness, app).drain()
    assert visitor.get("/readyz").status_code == 503
    assert visitor.get("/healthz").status_code == 200


@on_sqlite
def test_what_fails_while_the_database_is_away_says_when_to_come_back(visitor: Shopper) -> None:
    nobody_listens = "mysql+pymysql://shop@127.0.0.1:1/shop"
    settings = load_settings(sqlalchemy_database_uri=nobody_listens, secret_key=SECRET_KEY)
    app = create_app(settings)
    for path in ("/", "/books/1", "/api/v1/books", "/api/v1/books/1", "/readyz"):
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path
    assert "Retry-After" not in app.test_client().get("/healthz").headers
    for path in ("/", "/nothing", "/auth/login"):
        assert "Retry-After" not in visitor.get(path).headers


def test_a_shop_without_its_schema_is_not_ready(settings: Settings) -> None:
    app = create_app(settings)
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 3),
        ("/books/{book}", 4),
        ("/account/books", 5),
        ("/orders", 7),
        ("/sales", 5),
        ("/orders/{order}", 5),
        ("/sell", 2),
    ],
)
def test_a_page_asks_the_database_a_fixed_number_of_times(
    seller: Shopper, buyer: Shopper, database: Database, path: str, most: int
) -> None:
    from sqlalchemy import event

    book, *_ = (seller.publish() for _ in range(5))
    for _ in range(3):
        buyer.buy(book)
    (order, _), *_ = buyer.orders()
    asked: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: asked.append(statement),
    )
    reader = seller if path in {"/account/books", "/sales"} else buyer
    assert reader.get(path.format(book=book, order=order)).status_code == 200
    queries = [statement for statement in asked if not statement.startswith("BEGIN")]
    assert len(queries) <= most, queries


def test_a_page_that_was_shown_before_tells_what_is_true_now(
    seller: Shopper, buyer: Shopper, visitor: Shopper
) -> None:
    book = seller.publish(quantity="2")
    for path in ("/", f"/books/{book}"):
        assert 'data-stock="2"' in visitor.get(path).text
        assert "2 copies" in visitor.get(path).text
        spanish = visitor.client.get(path, headers={"Accept-Language": "es"}).text
        assert "2 ejemplares" in spanish
        # To who has a session the same book shows what is theirs.
        assert "/auth/logout" in buyer.get(path).text
        assert "/auth/logout" not in visitor.get(path).text
    buyer.buy(book)
    for path in ("/", f"/books/{book}"):
        assert 'data-stock="1"' in visitor.get(path).text
    seller.post(f"/books/{book}/withdraw", {})
    assert 'data-stock="1"' not in visitor.get("/").text
    assert visitor.get(f"/books/{book}").status_code == 404
