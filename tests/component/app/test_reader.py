"""What may be a moment late is read at the reader, nothing else is, and it may be away."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.pool import base as sqlalchemy_pool

from bookstore.core.config.settings import Settings
from bookstore.core.db import engine as engine_module
from bookstore.core.db import reader as reader_module
from bookstore.core.db.database import Database
from bookstore.core.db.reader import Reader
from bookstore.core.observability import metrics
from tests.component.app.client import Client
from tests.component.app.conftest import migrated, rowless
from tests.component.app.databases import on_mysql
from tests.component.app.scene import Scene
from tests.component.app.shopper import Shopper
from tests.support.ports import free_port

LATE = "Anteayer"
PUBLIC_PAGES = ["/", "/?q=rayuela", "/?sort=title", "/books/{book}", "/sellers/{seller}"]
PUBLIC_API = ["/books", "/books?q=rayuela", "/books/{book}", "/sellers/{seller}"]
PUBLIC_API += ["/sellers/{seller}/books"]

pytestmark = on_mysql


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Give settings with a reader: another schema of the same server, see ``late``."""
    return settings.model_copy(update={"db_reader_host": settings.database_url.host})


@pytest.fixture(scope="module")
def migrated_reader(mysql_url: str) -> Iterator[Engine]:
    with migrated(mysql_url) as engine:
        yield engine


@pytest.fixture
def reader(database: Database) -> Reader:
    assert database.reader is not None
    return database.reader


@pytest.fixture
def late(reader: Reader, migrated_reader: Engine) -> Iterator[Engine]:
    """Give a way into the schema that the reader leads to, whose rows can be made late."""
    with rowless(migrated_reader), leading(reader, database=migrated_reader.url.database):
        yield migrated_reader


@contextmanager
def leading(reader: Reader, **parameters: Any) -> Iterator[list[str]]:
    """Have the reader's connections lead elsewhere, and give those that are tried."""
    tried: list[str] = []

    def lead(_dialect: object, _record: object, _args: object, given: dict[str, Any]) -> None:
        tried.append(given["host"])
        given.update(parameters)

    event.listen(reader.engine, "do_connect", lead)
    reader.engine.dispose()
    try:
        yield tried
    finally:
        event.remove(reader.engine, "do_connect", lead)
        reader.engine.dispose()


@contextmanager
def asked(engine: Engine) -> Iterator[list[str]]:
    """Give the statements that an engine is asked meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def fall_behind(database: Database, late: Engine) -> None:
    """Give the reader the catalogue as it is, but for what its seller has changed since."""
    name = database.engine.url.database
    with late.begin() as connection:
        for table in ("sellers", "books"):
            connection.execute(text(f"INSERT INTO {table} SELECT * FROM {name}.{table}"))
        connection.execute(text(f"UPDATE sellers SET name = '{LATE}'"))
        connection.execute(text(f"UPDATE books SET title = 'Rayuela {LATE}', stock = 77"))


@pytest.fixture
def book(seller: Shopper, database: Database, late: Engine) -> int:
    """Give a book that both have, with another title at the reader."""
    number = seller.publish()
    fall_behind(database, late)
    return number


def of_book(database: Database, path: str, book: int) -> str:
    with database.reading() as db:
        seller = db.scalar(text(f"SELECT seller_id FROM books WHERE id = {book}"))
    return path.format(book=book, seller=seller)


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_a_public_page_is_late_for_whom_nobody_knows_and_not_for_who_is_logged_in(
    database: Database, visitor: Shopper, seller: Shopper, buyer: Shopper, book: int, path: str
) -> None:
    page = of_book(database, path, book)
    assert LATE in visitor.get(page).text
    for known in (seller, buyer):
        shown = known.get(page)
        assert shown.status_code == 200
        assert LATE not in shown.text


@pytest.mark.parametrize("path", PUBLIC_API)
def test_a_public_reply_is_late_for_who_sends_no_token(
    database: Database, stranger: Client, client: Client, book: int, path: str
) -> None:
    address = of_book(database, path, book)
    assert LATE in stranger.get(address).text
    shown = client.get(address)
    assert shown.status_code == 200
    assert LATE not in shown.text


def test_who_has_just_published_sees_it_though_the_reader_has_not_heard_of_it(
    app: Flask, seller: Shopper, client: Client, visitor: Shopper, late: Engine
) -> None:
    for address in (f"/books/{seller.publish(title='Recién publicado')}", "/", "/account/books"):
        assert "Recién publicado" in seller.get(address).text
    book = client.publish()
    assert client.get(f"/books/{book}").status_code == 200
    assert Client(app).get(f"/books/{book}").status_code == 404
    assert visitor.get(f"/books/{book}").status_code == 404
    with late.connect() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM books")) == 0


def test_who_puts_something_in_a_cart_reads_what_is_so(visitor: Shopper, book: int) -> None:
    assert visitor.stock(book) == 77
    assert visitor.add(book).status_code == 303
    assert visitor.cart() == [(book, 1)]
    assert visitor.stock(book) == 3
    assert LATE not in visitor.get("/cart").text


def test_what_is_sold_is_what_there_is_and_not_what_the_reader_tells(
    seller: Shopper, buyer: Shopper, visitor: Shopper, book: int
) -> None:
    assert len(buyer.ordered(buyer.buy(book))) == 1
    assert seller.stock(book) == 2
    assert visitor.stock(book) == 77
    for _ in range(2):
        assert buyer.ordered(buyer.buy(book))
    assert buyer.buy(book).status_code != 303, "sold out, whatever the reader tells"


def test_nobody_who_sells_buys_or_moderates_asks_the_reader(
    app: Flask, reader: Reader, late: Engine
) -> None:
    """Have people register, publish, buy, pay, ship, moderate and change what is theirs."""
    assert late.url != reader.engine.url
    with asked(reader.engine) as statements:
        scene = Scene(app)
        for name in ("seller", "buyer", "moderator"):
            person = scene.shopper(name)
            for page in ("/", "/sell", "/account", "/account/books", "/cart", "/orders"):
                assert person.get(page).status_code == 200, page
        assert scene.client("buyer").get("/orders").status_code == 200
        assert scene.client("seller").get("/account/books").status_code == 200
    assert statements == []
    with asked(reader.engine) as statements:
        assert scene.shopper("visitor").client.get("/").status_code == 200
    assert statements == []
    with asked(reader.engine) as statements:
        assert app.test_client().get("/").status_code == 200
    assert len(statements) == 1


def test_a_reader_that_is_away_is_left_alone_and_the_primary_answers_at_once(
    reader: Reader,
    visitor: Shopper,
    book: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with leading(reader, port=free_port()) as tried, caplog.at_level(logging.INFO):
        for _ in range(5):
            page = visitor.get(f"/books/{book}")
            assert page.status_code == 200
            assert LATE not in page.text
        assert len(tried) == 1
        assert visitor.get("/readyz").status_code == 200
    told = [one for one in caplog.records if one.name == "bookstore.reader"]
    assert [one.getMessage() for one in told] == ["the reader is left alone"]


def test_a_reader_that_was_away_is_asked_again_once_it_is_back(
    reader: Reader,
    visitor: Shopper,
    book: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader_module, "REST_SECONDS", 0)
    with caplog.at_level(logging.INFO):
        with leading(reader, port=free_port()) as tried:
            for _ in range(3):
                assert LATE not in visitor.get(f"/books/{book}").text
        assert len(tried) == 3
        for _ in range(2):
            assert LATE in visitor.get(f"/books/{book}").text
    told = [one.getMessage() for one in caplog.records if one.name == "bookstore.reader"]
    assert told == ["the reader is left alone", "the reader answers again"]


def test_a_reader_that_takes_connections_and_says_nothing_holds_up_no_page_for_long(
    reader: Reader, visitor: Shopper, book: int
) -> None:
    assert reader.engine.pool.timeout() == engine_module.READER_POOL_SECONDS  # type: ignore[attr-defined]
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        leading(reader, port=silent.getsockname()[1], read_timeout=0.1) as tried,
    ):
        assert LATE not in visitor.get(f"/books/{book}").text
        assert len(tried) == 1


def test_a_reader_whose_connections_are_cut_costs_no_page(
    late: Engine, visitor: Shopper, book: int
) -> None:
    def cut() -> None:
        own = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> "
        with late.connect() as connection:
            for one in connection.scalars(text(f"{own} CONNECTION_ID()")).all():
                connection.execute(text(f"KILL {one}"))

    for _ in range(3):
        assert LATE in visitor.get(f"/books/{book}").text
        cut()


def test_a_reader_that_lacks_a_table_yet_is_stood_in_for(
    late: Engine, visitor: Shopper, book: int
) -> None:
    with late.begin() as connection:
        connection.execute(text("RENAME TABLE books TO books_of_later"))
    try:
        page = visitor.get(f"/books/{book}")
    finally:
        with late.begin() as connection:
            connection.execute(text("RENAME TABLE books_of_later TO books"))
    assert page.status_code == 200
    assert LATE not in page.text


def test_a_connection_to_the_reader_is_made_anew_so_that_a_proxy_can_lead_it_elsewhere(
    database: Database, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = time.time()
    monkeypatch.setattr(sqlalchemy_pool, "time", SimpleNamespace(time=lambda: moment))

    def connection() -> int:
        number: int = reader.read(lambda db: db.scalars(text("SELECT CONNECTION_ID()")).one())
        return number

    first = connection()
    moment += 29
    assert connection() == first
    moment += 2
    assert connection() != first


def test_late_reads_are_counted_by_who_answers(
    reader: Reader, visitor: Shopper, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[bool] = []
    monkeypatch.setattr(reader, "watch", counted.append)
    visitor.get(f"/books/{book}")
    with leading(reader, port=free_port()):
        for _ in range(2):
            visitor.get(f"/books/{book}")
    assert counted == [True, False, False]
    before = metrics.LATE_READS.labels("primary")._value.get()
    metrics.count_late_read(answered=False)
    assert metrics.LATE_READS.labels("primary")._value.get() == before + 1


def test_a_shop_without_a_reader_has_one_pool(settings: Settings) -> None:
    assert len(Database(settings).engines) == 2
    without = settings.model_copy(update={"db_reader_host": None})
    assert len(Database(without).engines) == 1
    assert without.most_connections * 2 == settings.most_connections
