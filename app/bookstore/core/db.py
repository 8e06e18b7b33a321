"""Database access: one engine, transactions that retry, and the column types of the models."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Update,
    create_engine,
    event,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, CursorResult, Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator, TypeEngine

from bookstore.core.config import Settings
from bookstore.core.mysql import connect, tls_arguments

T = TypeVar("T")

REQUEST_SECONDS, PATIENT_SECONDS = 30, 3600
RETRIES = 3
CONCURRENT_CHANGE, LOCK_WAIT_TIMEOUT, DEADLOCK = 1020, 1205, 1213
RETRIED = frozenset({CONCURRENT_CHANGE, LOCK_WAIT_TIMEOUT, DEADLOCK})
READ_ONLY_SERVER = frozenset({1290, 1792, 1836})
ON_MYSQL = ("mysql", "mariadb")
# A dialect reads only the options under its own name, and MariaDB's older default is latin1.
TABLE_OPTIONS = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}


def new_metadata() -> MetaData:
    """Return the metadata for a domain's models; migrations rely on its names of constraints."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """Store an aware moment as UTC with microseconds, which MySQL drops by default."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of a dialect."""
        if dialect.name in ON_MYSQL:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn an aware moment into the naive UTC one that is stored."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn the stored moment into an aware one."""
        return None if value is None else value.replace(tzinfo=UTC)


# SQLite numbers rows by itself only in a column of type INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")


def exact(length: int) -> String:
    """Return a text column type that tells case and accents apart, also on MySQL."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


def now() -> datetime:
    """Return the present moment, aware and in UTC."""
    return datetime.now(UTC)


class Database:
    """Own the engine and run the transactions of all domains.

    A transaction begun inside another joins it, so that a domain called through its local
    interface changes all or nothing together with its caller.
    """

    def __init__(self, settings: Settings) -> None:
        self.engine = build_engine(settings)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        # Each query sees what is committed, in a transaction or not: READ COMMITTED promises no
        # more, and without one a page asks the database once instead of thrice.
        self._reader = self.engine.execution_options(only_reads=True)
        self._reads = sessionmaker(self._reader, expire_on_commit=False)
        self._current: ContextVar[Session | None] = ContextVar("session", default=None)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session for queries: the running transaction's, else one without a transaction.

        What is changed in it outside of a transaction is written at once.
        """
        current = self._current.get()
        if current is not None:
            yield current
            return
        with self._reads() as session:
            yield session

    @contextmanager
    def querying(self) -> Iterator[Connection]:
        """Give a connection for queries of columns, of which a session would keep nothing.

        It sees what ``reading`` would, at a tenth less of the time that a page takes.
        """
        current = self._current.get()
        if current is not None:
            current.flush()
            yield current.connection()
            return
        with self._reader.connect() as connection:
            yield connection

    def transaction(self, work: Callable[[Session], T]) -> T:
        """Run work in a transaction and commit it.

        The whole work runs again, three times at most, after a deadlock, a lock wait timeout
        or a concurrent change, so it may have no effect outside the database. Inside another
        transaction it joins that one, which then is the one to be retried.

        :param work: what to do with the session; its result is returned.
        :raise DBAPIError: what the database answered, once the retries are used up.
        """
        current = self._current.get()
        if current is not None:
            result = work(current)
            current.flush()
            return result
        for attempt in range(RETRIES):
            try:
                return self._once(work)
            except DBAPIError as error:
                if not _is_retried(error):
                    raise
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        return self._once(work)

    def _once(self, work: Callable[[Session], T]) -> T:
        with self._sessions() as session:
            session.connection(execution_options={"begin_immediate": True})
            token = self._current.set(session)
            try:
                result = work(session)
                session.commit()
                return result
            finally:
                self._current.reset(token)


def changed_rows(db: Session, statement: Update) -> int:
    """Run an UPDATE and return how many rows met its condition.

    Objects that the session holds are not touched; read them again where they are needed.
    """
    result = db.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def once_committed(db: Session, effect: Callable[[], None]) -> None:
    """Have an effect outside the database after the commit, and none after a rollback."""
    event.listen(db, "after_commit", lambda _session: effect(), once=True)


def error_code(error: BaseException | None) -> int | None:
    """Return the MySQL error number of a driver's exception, or None."""
    code = error.args[0] if error is not None and error.args else None
    return code if isinstance(code, int) else None


def driver_message(error: Exception) -> str:
    """Return what the database said, in one line, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    said = origin.args[-1] if origin.args else type(origin).__name__
    return " ".join(str(said).split()).rstrip(".")[:300]


def _is_retried(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig)
    return error_code(error.orig) in RETRIED


def build_engine(settings: Settings, *, patient: bool = False) -> Engine:
    """Build the engine; it connects on first use, never here.

    :param patient: let a statement take an hour, as a change of a large table may; a request's
        takes 30 seconds at most.
    """
    url = settings.database_url
    if settings.on_sqlite:
        engine = create_engine(url, connect_args={"timeout": 15})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin)
        return engine
    seconds = PATIENT_SECONDS if patient else REQUEST_SECONDS
    engine = create_engine(
        url,
        # The last used first, so that what only a busy moment needed is left alone.
        pool_size=2 * settings.db_pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=10,
        pool_recycle=280,
        pool_pre_ping=True,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": 5,
            "read_timeout": seconds,
            "write_timeout": seconds,
            "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            # DDL ends a transaction, and what follows it shall be in the next one.
            "autocommit": not patient,
            **tls_arguments(settings),
        },
    )
    event.listen(engine, "do_connect", connect)
    if not patient:
        event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _leave_read_only_server)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN would come too late to keep two writers apart.
    connection.isolation_level = None
    for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("only_reads"):
        return
    # On SQLite a writer that begins with a read may be too late to write.
    immediate = options.get("begin_immediate") and connection.dialect.name not in ON_MYSQL
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _leave_read_only_server(context: ExceptionContext) -> None:
    # After a failover the pool still holds connections to the old primary, now read-only.
    if error_code(context.original_exception) in READ_ONLY_SERVER:
        context.is_disconnect = True
