"""What MySQL reads for a page of the catalogue: the next rows of one index, sorted by it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from bookstore.catalogue.samples import publish_samples
from bookstore.catalogue.service import LocalCatalogue
from bookstore.core.db.database import Database
from bookstore.core.services import service
from tests.component.app.databases import on_mysql
from tests.component.app.shopper import Shopper

pytestmark = on_mysql

Plan = list[dict[str, Any]]


@pytest.fixture
def shelf(database: Database) -> None:
    """Fill the catalogue: two large sellers, and one of a few old books."""
    publish_samples(database, 20, {3: "Small"})
    publish_samples(database, 3000, {1: "Ana", 2: "Eva"})
    with database.engine.connect() as connection:
        connection.execute(text("ANALYZE TABLE books, sellers"))


def plan_of(database: Database, statement: str, values: Any) -> Plan:
    """Return how MySQL would run a statement."""
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", values)
        return [dict(row) for row in rows.mappings()]


def plans(app: Flask, database: Database, path: str) -> list[Plan]:
    """Return how MySQL runs what a page asks of books."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        asked.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        assert Shopper(app).get(path).status_code == 200
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return [plan_of(database, *each) for each in asked if "books" in each[0]]


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("path", "index"),
    [
        ("/", "ix_books_state_id"),
        ("/?sort=cheapest", "ix_books_state_price_minor_id"),
        ("/?sort=title&language=es", "ix_books_state_language_title_id"),
        ("/sellers/3", "ix_books_seller_id_id"),
        ("/sellers/1", "ix_books_seller_id_id"),
    ],
)
def test_a_page_of_books_is_read_from_one_index_without_sorting(
    app: Flask, database: Database, path: str, index: str
) -> None:
    *_, page = plans(app, database, path)
    (books,) = (row for row in page if row["table"] == "books")
    assert books["key"] == index
    for row in page:
        assert "filesort" not in (row["Extra"] or ""), row
        assert "temporary" not in (row["Extra"] or ""), row
    (seller,) = (row for row in page if row["table"] == "sellers")
    assert seller["type"] in {"eq_ref", "const"}


@pytest.mark.usefixtures("shelf")
def test_a_sitemap_is_read_from_one_index_without_sorting(app: Flask, database: Database) -> None:
    ((books,),) = plans(app, database, "/sitemap-0.xml")
    assert books["key"] == "ix_books_state_id"
    assert "filesort" not in (books["Extra"] or ""), books
    found = service(LocalCatalogue, app).books_for_sitemap(100, 50)
    assert [entry.book_id for entry in found] == sorted({entry.book_id for entry in found})
    assert len(found) == 50
    assert found[0].book_id > 100
