"""Connections to the database: encrypted where it can be, each query fresh, none kept dead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.db.engine import build_engine
from bookstore.core.db.obstacles import Obstacle, obstacle_of
from tests.component.app.databases import on_mysql, on_sqlite
from tests.component.app.shopper import Shopper
from tests.support import mysql


@pytest.fixture(scope="module")
def unencrypted_mysql() -> Iterator[str]:
    """Give the URL of a server that offers no encryption."""
    with mysql.running("--tls-version=") as url:
        yield url


@contextmanager
def connected(settings: Settings, **changes: object) -> Iterator[str]:
    """Give the cipher of a connection to the database; empty where there is none."""
    engine = build_engine(settings.model_copy(update=changes))
    try:
        with engine.connect() as connection:
            row = connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()
            yield row[1]
    finally:
        engine.dispose()


@on_mysql
def test_a_connection_is_encrypted_where_nothing_is_said(settings: Settings) -> None:
    with connected(settings) as cipher:
        assert cipher


@on_mysql
def test_a_connection_is_not_encrypted_where_that_is_disabled(settings: Settings) -> None:
    with connected(settings, db_tls="disabled") as cipher:
        assert not cipher


@on_sqlite
def test_a_server_without_encryption_is_used_unless_encryption_is_required(
    unencrypted_mysql: str, settings: Settings
) -> None:
    there = settings.model_copy(update={"sqlalchemy_database_uri": SecretStr(unencrypted_mysql)})
    with connected(there) as cipher:
        assert not cipher
    with (
        pytest.raises(OperationalError, match="SSL") as refused,
        connected(there, db_tls="required"),
    ):
        pass
    assert obstacle_of(refused.value) is Obstacle.TLS_MISSING


@on_mysql
def test_a_query_sees_what_was_committed_since_the_one_before(
    app: Flask, database: Database
) -> None:
    with database.reading() as db:
        before = db.scalar(text("SELECT COUNT(*) FROM books"))
        Shopper(app).register().publish()
        assert db.scalar(text("SELECT COUNT(*) FROM books")) == before + 1


@on_mysql
def test_a_connection_that_was_cut_is_not_used_again(
    database: Database, settings: Settings
) -> None:
    with database.reading() as db:
        lost = db.scalar(text("SELECT CONNECTION_ID()"))
    engine = build_engine(settings)
    with engine.connect() as other:
        other.execute(text(f"KILL {lost}"))
    engine.dispose()
    for _ in range(2):
        with database.reading() as db:
            assert db.scalar(text("SELECT CONNECTION_ID()")) != lost


@on_mysql
def test_a_transaction_inside_of_another_is_one_of_its_own(database: Database, app: Flask) -> None:
    add = text(
        "INSERT INTO login_attempts (account_hash, address, attempted_at)"
        " VALUES (:of, '127.0.0.1', NOW())"
    )

    def fail(db: Session) -> None:
        db.execute(add, {"of": "outer"})
        database.transaction(lambda inner: inner.execute(add, {"of": "inner"}).close())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.transaction(fail)
    with database.reading() as db:
        assert db.scalars(text("SELECT account_hash FROM login_attempts")).all() == ["inner"]
