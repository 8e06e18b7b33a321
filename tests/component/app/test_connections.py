"""Connections to MySQL: no round trip without need, and none kept that is dead."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bookstore.core.db import Database

on_mysql = pytest.mark.parametrize("database_uri", ["mysql"], indirect=True)
COUNTED = ("Com_begin", "Com_commit", "Com_rollback")


def asked(db: Session) -> dict[str, int]:
    """Return how often the connection was asked to begin and to end a transaction."""
    names = ", ".join(f"'{name}'" for name in COUNTED)
    rows = db.execute(text(f"SHOW SESSION STATUS WHERE Variable_name IN ({names})"))
    return {name: int(count) for name, count in rows}


@on_mysql
def test_a_read_needs_no_transaction(database: Database) -> None:
    with database.reading() as db:
        before = asked(db)
    for _ in range(3):
        with database.reading() as db:
            db.execute(text("SELECT 1"))
    with database.reading() as db:
        assert asked(db) == before


@on_mysql
def test_a_transaction_begins_and_ends_once(database: Database) -> None:
    before = database.transaction(asked)
    with pytest.raises(ZeroDivisionError):
        database.transaction(lambda _: 1 / 0)
    with database.reading() as db:
        after = asked(db)
    assert {name: after[name] - before[name] for name in COUNTED} == {
        "Com_begin": 1,
        "Com_commit": 1,
        "Com_rollback": 1,
    }


@on_mysql
def test_a_connection_that_was_cut_is_not_used_again(database: Database) -> None:
    with database.reading() as db:
        lost = db.scalar(text("SELECT CONNECTION_ID()"))
        with database.reading() as other:
            other.execute(text(f"KILL {lost}"))
    for _ in range(2):
        with database.reading() as db:
            assert db.scalar(text("SELECT CONNECTION_ID()")) != lost
