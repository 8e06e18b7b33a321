"""Connections to the database: encrypted where it can be, each query fresh, none kept dead."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr
from pymysql.constants import SERVER_STATUS
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from bookstore.core.config.settings import Settings
from bookstore.core.db import engine as engine_module
from bookstore.core.db import pool
from bookstore.core.db.database import Database
from bookstore.core.db.engine import REQUEST_SECONDS, RETRIES, build_engine
from bookstore.core.db.obstacles import Obstacle, obstacle_of
from tests.component.app.databases import on_mysql, on_sqlite, round_trips
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
def test_all_connections_may_be_cut_at_once_and_no_query_fails(
    database: Database, settings: Settings
) -> None:
    with ExitStack() as open_ones:
        sessions = [open_ones.enter_context(database.reading()) for _ in range(4)]
        lost = {db.scalar(text("SELECT CONNECTION_ID()")) for db in sessions}
    engine = build_engine(settings)
    with engine.connect() as other:
        for one in lost:
            other.execute(text(f"KILL {one}"))
    engine.dispose()
    with ExitStack() as open_ones:
        sessions = [open_ones.enter_context(database.reading()) for _ in range(4)]
        fresh = {db.scalar(text("SELECT CONNECTION_ID()")) for db in sessions}
    assert len(fresh) == 4
    assert not fresh & lost


@on_mysql
def test_connections_in_steady_use_are_asked_for_no_more_than_the_work(database: Database) -> None:
    def work(db: Session) -> None:
        db.execute(text("SELECT 1 FROM books FOR UPDATE"))

    database.transaction(work)
    before = round_trips(database)
    for _ in range(10):
        database.transaction(work)
    # Each a statement and a COMMIT.
    assert round_trips(database) - before == 20


@on_mysql
def test_a_connection_that_was_idle_for_long_is_asked_whether_it_lives(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PINGED_AFTER_SECONDS", 0)
    for asked in (0, 1):
        before = round_trips(database)
        with database.engine.connect():
            pass
        assert round_trips(database) - before >= asked


@on_mysql
@pytest.mark.parametrize("commits", [True, False])
def test_a_connection_goes_back_without_a_transaction(database: Database, commits: bool) -> None:
    with database.engine.connect() as connection:
        connection.execute(
            text(
                "INSERT INTO login_attempts (account_hash, address, attempted_at)"
                " VALUES ('one', '127.0.0.1', NOW())"
            )
        )
        if commits:
            connection.commit()
        connection.execute(text("SELECT COUNT(*) FROM login_attempts"))
    with database.engine.connect() as again:
        driver: Any = again.connection.dbapi_connection
        assert not driver.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS
        assert again.scalar(text("SELECT COUNT(*) FROM login_attempts")) == commits


@on_mysql
def test_a_transaction_that_nobody_ended_is_rolled_back(database: Database) -> None:
    raw = database.engine.raw_connection()
    raw.cursor().execute(
        "INSERT INTO login_attempts (account_hash, address, attempted_at)"
        " VALUES ('one', '127.0.0.1', NOW())"
    )
    raw.close()
    with database.engine.connect() as again:
        assert again.scalar(text("SELECT COUNT(*) FROM login_attempts")) == 0


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


def refuse(db: Session, code: int) -> None:
    """Have MySQL answer as if something had gone wrong."""
    db.execute(text(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'no'"))


@on_mysql
@pytest.mark.parametrize("code", [1020, 1205, 1213])
def test_work_that_lost_a_conflict_is_done_again(database: Database, code: int) -> None:
    begun: list[int] = []

    def work(db: Session) -> str:
        begun.append(len(begun))
        if len(begun) < 3:
            refuse(db, code)
        return "done"

    assert database.transaction(work) == "done"
    assert len(begun) == 3


@on_mysql
@pytest.mark.parametrize(("code", "tries"), [(1213, RETRIES + 1), (1064, 1)])
def test_what_the_database_goes_on_refusing_is_told(
    database: Database, code: int, tries: int
) -> None:
    begun: list[int] = []

    def work(db: Session) -> None:
        begun.append(len(begun))
        refuse(db, code)

    with pytest.raises(DBAPIError, match=str(code)):
        database.transaction(work)
    assert len(begun) == tries


@on_mysql
@pytest.mark.parametrize("code", [1290, 1047])
def test_a_server_that_takes_no_writes_any_more_is_left(database: Database, code: int) -> None:
    """Leave it as after a failover, when the pool's connections lead to the old primary.

    It is read-only, or a node of a Galera cluster that the majority has gone on without.
    """
    with database.reading() as db:
        before = db.scalar(text("SELECT CONNECTION_ID()"))
    with pytest.raises(OperationalError, match=str(code)):
        database.transaction(lambda db: refuse(db, code))
    with database.reading() as db:
        assert db.scalar(text("SELECT CONNECTION_ID()")) != before


@on_sqlite
def test_a_server_that_takes_connections_and_says_nothing_is_given_up_soon(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give it up as one that is away: its proxy takes connections before it has noticed."""
    monkeypatch.setattr(engine_module, "GREETING_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql+pymysql://shop:secret@127.0.0.1:{silent.getsockname()[1]}/shop"
        of_silent = settings.model_copy(update={"sqlalchemy_database_uri": SecretStr(url)})
        begun = time.monotonic()
        with pytest.raises(OperationalError), build_engine(of_silent).connect():
            pass
    assert time.monotonic() - begun < REQUEST_SECONDS / 2


@on_mysql
def test_a_statement_may_take_longer_than_a_connection(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "GREETING_SECONDS", 1)
    with build_engine(settings).connect() as connection:
        assert connection.scalar(text("SELECT SLEEP(1.5)")) == 0


@on_mysql
def test_a_connection_that_was_closed_under_way_is_not_used_again(database: Database) -> None:
    raw = database.engine.raw_connection()
    driver: Any = raw.dbapi_connection
    driver.close()
    raw.close()
    with database.reading() as db:
        assert db.scalar(text("SELECT 1")) == 1


@on_sqlite
def test_a_write_that_finds_sqlite_locked_is_tried_again(
    database: Database, settings: Settings
) -> None:
    other = sqlite3.connect(str(settings.database_url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.engine.dispose()
    refused: list[object] = []

    def be_impatient(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 0")

    def unlock(context: object) -> None:
        refused.append(context)
        other.rollback()

    event.listen(database.engine, "connect", be_impatient)
    event.listen(database.engine, "handle_error", unlock)
    assert database.transaction(lambda db: db.scalar(text("SELECT 1"))) == 1
    assert len(refused) == 1
    other.close()
