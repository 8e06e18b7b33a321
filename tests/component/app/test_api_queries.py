"""The API asks the database a fixed number of times, however much there is to show."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from bookstore.core.db import Database
from tests.component.app.client import Client
from tests.component.app.test_api_orders import order


@pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/account", 1),
        ("/account/addresses", 2),
        ("/books", 1),
        ("/books/{book}", 3),
        ("/listings", 3),
        ("/listings/{book}", 3),
        ("/orders", 4),
        ("/orders/{order}", 4),
        ("/sales", 4),
        ("/cart", 2),
        ("/purchases/1", 4),
        ("/carriers", 0),
        ("/openapi.json", 0),
    ],
)
def test_a_route_asks_the_database_a_fixed_number_of_times(
    client: Client, other: Client, database: Database, path: str, most: int
) -> None:
    books = [client.publish() for _ in range(4)]
    orders = [order(other, book) for book in books]
    reader = other if path.startswith(("/orders", "/purchases")) else client
    asked: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: asked.append(statement),
    )
    answer = reader.get(path.format(book=books[0], order=orders[0].rsplit("/", 1)[1]))
    assert answer.status_code == 200
    queries = [statement for statement in asked if not statement.startswith("BEGIN")]
    assert len(queries) <= most, queries
