"""The lock of migrations, backups and restores: one at a time, and none for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from bookstore.core.backups.backup import back_up
from bookstore.core.backups.restore import restore
from bookstore.core.config.settings import Settings
from bookstore.core.db import lock as locking
from bookstore.core.db.engine import build_engine
from bookstore.core.db.lock import DatabaseLocked, database_lock
from bookstore.core.db.migrate import migrate
from tests.component.app.databases import on_every_database
from tests.support.keys import SECRET_KEY
from tests.support.poll import eventually

on_servers = pytest.mark.parametrize("database_uri", ["mysql", "mariadb"], indirect=True)

# What the strict mode of Percona XtraDB Cluster denies; the second and third end with one node.
DENIED = ("GET_LOCK", "RELEASE_LOCK", "LOCK TABLE", "FLUSH TABLES", "XA ", "CREATE TABLE AS")
HOLD = """
import sys
from bookstore.core.config.settings import load_settings
from bookstore.core.db.engine import build_engine
from bookstore.core.db.lock import database_lock
with build_engine(load_settings(), patient=True).connect() as connection:
    with database_lock(connection):
        print("held", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = build_engine(settings, patient=True)
    yield engine
    engine.dispose()


@contextmanager
def statements() -> Iterator[list[str]]:
    """Give what any database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def held_by_another_process(database_uri: str) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SQLALCHEMY_DATABASE_URI": database_uri,
        "SECRET_KEY": SECRET_KEY,
    }
    with subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def leased_until(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT leased_until FROM database_lock")) or 0)


def let_the_lease_end(engine: Engine) -> None:
    """Have the time of a lease pass."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE database_lock SET leased_until = leased_until - :lease - 1"),
            {"lease": locking.LEASE_SECONDS},
        )


@on_servers
def test_a_second_one_is_kept_out_and_told_why(settings: Settings, engine: Engine) -> None:
    with engine.connect() as first, engine.connect() as second:
        with (
            database_lock(first),
            pytest.raises(DatabaseLocked, match="Another migration"),
            database_lock(second, wait_seconds=0),
        ):
            pass
        with database_lock(second, wait_seconds=0):
            pass


@on_servers
def test_of_many_at_once_one_has_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "ASK_AGAIN_SECONDS", 0.01)
    engines = [build_engine(settings, patient=True) for _ in range(8)]
    inside: list[int] = []

    def enter(number: int) -> None:
        with engines[number].connect() as connection, database_lock(connection):
            inside.append(number)
            assert inside == [number]
            connection.execute(text("SELECT 1"))
            inside.remove(number)

    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(enter, range(len(engines))))
    for engine in engines:
        engine.dispose()


@on_servers
def test_who_is_killed_holds_it_until_the_lease_ends(
    settings: Settings, database_uri: str, engine: Engine
) -> None:
    with held_by_another_process(database_uri) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with engine.connect() as connection:
        with pytest.raises(DatabaseLocked), database_lock(connection, wait_seconds=0):
            pass
        let_the_lease_end(engine)
        with database_lock(connection, wait_seconds=0):
            pass


@on_servers
def test_it_is_held_for_longer_than_a_lease(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "RENEW_SECONDS", 0.05)
    with engine.connect() as connection, database_lock(connection):
        for _ in range(3):
            let_the_lease_end(engine)
            ended = leased_until(engine)

            def is_renewed(ended: int = ended) -> None:
                assert leased_until(engine) > ended + locking.LEASE_SECONDS

            eventually(is_renewed, within=30)


@on_servers
def test_who_stood_still_for_longer_than_a_lease_does_not_go_on(
    settings: Settings, engine: Engine
) -> None:
    with engine.connect() as slow, engine.connect() as quick, database_lock(slow) as held:
        held.check()
        let_the_lease_end(engine)
        with database_lock(quick, wait_seconds=0) as other:
            with pytest.raises(DatabaseLocked, match="stood still"):
                held.check()
            other.check()


@on_every_database
def test_nothing_is_asked_that_a_percona_cluster_denies(settings: Settings) -> None:
    with statements() as asked:
        migrate(settings)
        restore(settings, back_up(settings).name, replace=True)
    assert asked
    denied = [each for each in asked if any(word in each.upper() for word in DENIED)]
    assert denied == []


@on_every_database
def test_every_table_has_a_primary_key(settings: Settings, engine: Engine) -> None:
    migrate(settings)
    inspector = inspect(engine)
    for table in inspector.get_table_names():
        assert inspector.get_pk_constraint(table)["constrained_columns"], table


@pytest.mark.parametrize("database_uri", ["mysql"], indirect=True)
@pytest.mark.parametrize(
    ("code", "told"),
    [
        # Another node of the cluster was first, which shows at the commit.
        (1213, (DatabaseLocked, "Another migration")),
        (1290, (OperationalError, "the server is read-only")),
    ],
)
def test_a_lock_that_the_database_refuses_is_waited_for_only_where_another_was_first(
    engine: Engine, code: int, told: tuple[type[Exception], str]
) -> None:
    with engine.connect() as connection, database_lock(connection):
        pass  # The table of the lock is there now.
    with engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TRIGGER refusing BEFORE INSERT ON {locking.LOCK_TABLE} FOR EACH ROW"
                f" SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code},"
                " MESSAGE_TEXT = 'the server is read-only'"
            )
        )
    kind, sentence = told
    with (
        pytest.raises(kind, match=sentence),
        engine.connect() as connection,
        database_lock(connection, wait_seconds=0),
    ):
        pass
