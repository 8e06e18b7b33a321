"""Database access: reads, transactions that retry, and the column types of the models."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import (
    BigInteger,
    DateTime,
    Delete,
    Dialect,
    Integer,
    MetaData,
    String,
    Update,
    event,
)
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator, TypeEngine

from bookstore.core.config.settings import Settings
from bookstore.core.db.engine import (
    READS_ALONE,
    RETRIES,
    build_engine,
    build_reader_engine,
    is_retried,
    pause,
)
from bookstore.core.db.reader import Reader, ReaderAway
from bookstore.core.observability import trace
from bookstore.core.observability.trace import Kind

T = TypeVar("T")

ON_MYSQL = ("mysql", "mariadb")
# A dialect reads only the options under its own name, and MariaDB's older default is latin1.
TABLE_OPTIONS: dict[str, Any] = {
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
    """The database of an app: sessions to read in, and transactions that are tried again.

    No transaction joins another. Domains share none, and a domain hands its session on.

    :ivar engine: the engine of the primary, which everything goes to but what may be late.
    :ivar reader: the servers whose rows may be a moment late, where there are such.
    """

    def __init__(self, settings: Settings) -> None:
        self.engine = build_engine(settings)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        reading = self.engine.execution_options(**{READS_ALONE: True})
        self._readings = sessionmaker(reading, expire_on_commit=False)
        late = build_reader_engine(settings)
        self.reader = None if late is None else Reader(late)

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Return the engines, each with a pool of its own."""
        return (self.engine,) if self.reader is None else (self.engine, self.reader.engine)

    def dispose(self, *, close: bool = True) -> None:
        """Empty the pools.

        :param close: False in a forked process, whose parent goes on with the connections.
        """
        for engine in self.engines:
            engine.dispose(close)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for queries; what is changed in it is not written.

        Each of them sees what was committed when it began. One that meets a deadlock or a change
        of the schema runs again by itself.
        """
        with trace.span("database read", Kind.CLIENT), self._readings() as session:
            yield session

    def read(self, work: Callable[[Session], T], *, late: bool) -> T:
        """Run queries, at the reader if they may be late and there is one.

        Where it fails the work runs again at the primary, at once, so it may change nothing.

        :param work: what to ask with the session; its result is returned.
        :param late: whether rows may be missing that were committed a moment ago. Not for what is
            sold, paid for or allowed by them, and not for who has just written them.
        """
        if late and self.reader is not None:
            with suppress(ReaderAway):
                return self.reader.read(work)
        with self.reading() as db:
            return work(db)

    def transaction(self, work: Callable[[Session], T]) -> T:
        """Run work in a transaction and commit it.

        The whole work runs again, three times at most, after a deadlock, a lock wait timeout
        or a concurrent change, so it may have no effect outside the database.

        :param work: what to do with the session; its result is returned.
        :raise DBAPIError: what the database answered, once the retries are used up.
        """
        about = {"code.function.name": getattr(work, "__qualname__", "")}
        with trace.span("database transaction", Kind.CLIENT, about):
            for attempt in range(RETRIES):
                try:
                    return self._once(work)
                except DBAPIError as error:
                    if not is_retried(error):
                        raise
                    trace.note({"bookstore.retries": attempt + 1})
                    pause(attempt)
            return self._once(work)

    def _once(self, work: Callable[[Session], T]) -> T:
        with self._sessions() as session:
            session.connection(execution_options={"begin_immediate": True})
            result = work(session)
            session.commit()
            return result


def changed_rows(db: Session, statement: Update | Delete) -> int:
    """Run an UPDATE or a DELETE and return how many rows met its condition.

    Objects that the session holds are not touched; read them again where they are needed.
    """
    result = db.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def insert_absent(db: Session, table: type[Any], row: Mapping[str, Any], key: str) -> None:
    """Insert a row unless one of its key is there, and lock it either way.

    :param key: the column that is the primary key.
    """
    if db.get_bind().dialect.name in ON_MYSQL:
        # Not INSERT IGNORE: two at once would share its lock and then wait for each other.
        unchanged = {key: row[key]}
        db.execute(mysql.insert(table).values(row).on_duplicate_key_update(unchanged))
    else:
        db.execute(sqlite.insert(table).values(row).on_conflict_do_nothing())


def once_committed(db: Session, effect: Callable[[], None]) -> None:
    """Run an effect outside the database after the commit; a rollback drops it."""
    event.listen(db, "after_commit", lambda _session: effect(), once=True)
