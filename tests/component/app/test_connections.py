"""Connections to MySQL: no round trip without need, and none kept that is dead."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bookstore.core import mysql
from bookstore.core.db import Database
from tests.component.app.databases import on_mysql

TRANSACTIONS = ("Com_begin", "Com_commit", "Com_rollback")
PINGS = ("Com_admin_commands",)


def asked(db: Session, counted: Sequence[str] = TRANSACTIONS) -> dict[str, int]:
    """Return how often the connection was asked to begin and to end a transaction, or else."""
    names = ", ".join(f"'{name}'" for name in counted)
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
@pytest.mark.parametrize(("believed", "pings"), [(3600, 0), (0, 4)])
def test_a_connection_is_pinged_unless_it_just_answered(
    database: Database, monkeypatch: pytest.MonkeyPatch, believed: float, pings: int
) -> None:
    monkeypatch.setattr(mysql, "HEARD_SECONDS", believed)
    counts = []
    for _ in range(5):
        with database.reading() as db:
            counts.append(asked(db, PINGS)["Com_admin_commands"])
    assert counts[-1] - counts[0] == pings


@on_mysql
def test_a_transaction_begins_and_ends_once(database: Database) -> None:
    before = database.transaction(asked)
    with pytest.raises(ZeroDivisionError):
        database.transaction(lambda _: 1 / 0)
    with database.reading() as db:
        after = asked(db)
    assert {name: after[name] - before[name] for name in TRANSACTIONS} == {
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
