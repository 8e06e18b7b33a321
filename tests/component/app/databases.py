"""Marks that choose the databases of a test (else each kind), and what a database is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, event, text

from bookstore.auth import models as auth
from bookstore.catalogue import models as catalogue
from bookstore.core.db.database import Database
from bookstore.orders import models as orders

METADATA = {
    "auth": auth.Base.metadata,
    "catalogue": catalogue.Base.metadata,
    "orders": orders.Base.metadata,
}
# Each after those that it refers to.
TABLES = [table for metadata in METADATA.values() for table in metadata.sorted_tables]

# For what no database can do differently: forms, sentences, mail, who may see a page.
on_sqlite = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)
# For what SQLite, which has one writer at a time and one process, cannot show.
on_mysql = pytest.mark.parametrize("database_uri", ["mysql"], indirect=True)
on_every_database = pytest.mark.parametrize(
    "database_uri", ["sqlite", "mysql", "mariadb"], indirect=True
)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Give the statements that a database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield asked
    event.remove(database.engine, "before_cursor_execute", note)


_ROUND_TRIPS = text(
    "SELECT COALESCE(SUM(asked.count_star), 0)"
    " FROM performance_schema.events_statements_summary_by_thread_by_event_name asked"
    " JOIN performance_schema.threads thread USING (thread_id)"
    " WHERE thread.processlist_db = :name"
)


def round_trips(database: Database) -> int:
    """Return how often MySQL was asked over the connections that a database has, pings included."""
    url = database.engine.url
    server = create_engine(url.set(database="mysql"))
    with server.connect() as connection:
        asked = int(connection.scalar(_ROUND_TRIPS, {"name": url.database}) or 0)
    server.dispose()
    return asked
