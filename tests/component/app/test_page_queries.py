"""A page asks the database a fixed number of times, whoever reads it and however much it shows."""

from __future__ import annotations

import pytest

from bookstore.core.db.database import Database
from tests.component.app.databases import counted, on_mysql, on_sqlite, round_trips
from tests.component.app.shopper import Shopper

# Its books or book; for who is logged in, who they are and what is in their cart too.
PAGES = [("/", 1), ("/?q=rayuela", 1), ("/books/{book}", 1)]
OF_A_READER = 2


@on_sqlite
@pytest.mark.parametrize(("path", "asked"), PAGES)
def test_a_page_asks_for_what_it_shows_alone(
    visitor: Shopper, seller: Shopper, buyer: Shopper, database: Database, path: str, asked: int
) -> None:
    books = [seller.publish() for _ in range(3)]
    for reader, more in ((visitor, 0), (buyer, OF_A_READER)):
        with counted(database) as statements:
            assert reader.get(path.format(book=books[0])).status_code == 200
        assert len(statements) == asked + more, statements


@on_mysql
def test_the_server_is_asked_for_the_queries_and_their_ends(
    seller: Shopper, buyer: Shopper, database: Database
) -> None:
    book = seller.publish()
    before = round_trips(database)
    assert buyer.get(f"/books/{book}").status_code == 200
    assert round_trips(database) - before == 2 * (1 + OF_A_READER)
