"""The API asks the database a fixed number of times, however much there is to show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from bookstore.core.db.database import Database
from tests.component.app.client import Client
from tests.component.app.databases import on_sqlite
from tests.component.app.test_api_orders import order
from tests.component.app.test_api_purchases import buy


@contextmanager
def asked(database: Database) -> Iterator[list[str]]:
    """Give a list that the statements are written to, but for those that begin a transaction."""
    queries: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            queries.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield queries
    event.remove(database.engine, "before_cursor_execute", note)


@on_sqlite
@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/account", 1),
        ("/account/addresses", 2),
        ("/books", 1),
        ("/books/{book}", 3),
        ("/account/books", 4),
        ("/account/books/{book}", 3),
        ("/orders", 4),
        ("/orders/{order}", 4),
        ("/sales", 4),
        ("/cart", 2),
        ("/purchases/1", 4),
        ("/carriers", 0),
        ("/openapi.json", 0),
        ("/admin/accounts", 2),
        ("/admin/accounts/1", 2),
        ("/admin/books/{book}", 3),
        ("/admin/audit", 2),
    ],
)
def test_a_route_asks_the_database_a_fixed_number_of_times(
    client: Client, other: Client, moderator: Client, database: Database, path: str, most: int
) -> None:
    books = [client.publish() for _ in range(4)]
    orders = [order(other, book) for book in books]
    for book in books:
        assert moderator.post(f"/admin/books/{book}/hide", {"reason": "Spam"}).status_code == 200
        assert moderator.post(f"/admin/books/{book}/unhide", {"reason": "Ham"}).status_code == 200
    readers = {"admin": moderator, "orders": other, "purchases": other}
    reader = readers.get(path.split("/")[1], client)
    with asked(database) as queries:
        answer = reader.get(path.format(book=books[0], order=orders[0].rsplit("/", 1)[1]))
    assert answer.status_code == 200
    assert len(queries) <= most, queries


@on_sqlite
def test_the_names_of_all_sellers_are_asked_for_at_once(
    client: Client, other: Client, moderator: Client, buyer_client: Client, database: Database
) -> None:
    books = [person.publish() for person in (client, other, moderator) for _ in range(2)]
    with asked(database) as queries:
        assert buyer_client.get("/cart").json["items"] == []
    assert len(queries) <= 2, queries
    for book in books:
        buyer_client.post("/cart/items", {"book_id": book})
    bought = buy(buyer_client, *({"book_id": book} for book in books))
    for book in books:
        buyer_client.post("/cart/items", {"book_id": book})
    for path, most in (("/cart", 4), (f"/purchases/{bought.json['id']}", 4)):
        with asked(database) as queries:
            answer = buyer_client.get(path)
        assert '"seller_name":"Eva Moderadora"' in answer.text
        assert len(queries) <= most, queries


@on_sqlite
@pytest.mark.parametrize(
    ("place", "most"),
    [
        ("accounts/{person}", {"suspend": 10, "restore": 10}),
        ("books/{book}", {"hide": 6, "unhide": 9}),
    ],
)
def test_a_moderators_verb_asks_the_database_a_fixed_number_of_times(
    client: Client, moderator: Client, database: Database, place: str, most: dict[str, int]
) -> None:
    books = [client.publish() for _ in range(4)]
    path = place.format(person=client.get("/account").json["id"], book=books[0])
    for verb, number in most.items():
        with asked(database) as queries:
            answer = moderator.post(f"/admin/{path}/{verb}", {"reason": "Spam"})
        assert answer.status_code == 200
        assert len(queries) <= number, queries
