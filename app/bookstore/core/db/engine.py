"""The connections to the database: SQLite for a developer, MySQL or MariaDB for everyone else."""

import random
import re
import sqlite3
import ssl
import time
from functools import partial
from typing import Any, NamedTuple

from pymysql.err import Error
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError

from bookstore.core.config.settings import Settings
from bookstore.core.db import pool

CONNECT_SECONDS, GREETING_SECONDS, POOL_SECONDS = 5, 10, 10
REQUEST_SECONDS, PATIENT_SECONDS = 30, 3600
# To servers that another one stands in for at once.
READER_CONNECT_SECONDS, READER_SECONDS, READER_POOL_SECONDS = 2, 5, 1
# Less than servers and load balancers keep a connection that rests.
RECYCLE_SECONDS = 280
# A proxy that no longer leads to a server which has fallen behind leaves it its connections.
READER_RECYCLE_SECONDS = 30
CONCURRENT_CHANGE, LOCK_WAIT_TIMEOUT, DEADLOCK = 1020, 1205, 1213
RETRIED = frozenset({CONCURRENT_CHANGE, LOCK_WAIT_TIMEOUT, DEADLOCK})
RETRIES = 3
READS_ALONE = "reads_alone"
"""The execution option of a connection that changes nothing, whose statements may run again."""
# Errors of statements whose quoted words are names of the schema; those of others may be values.
NAMES_ONLY = frozenset({1048, 1050, 1054, 1060, 1061, 1091, 1142, 1146, 1364, 1406, 3819})
QUOTED = re.compile(r"'.*'", re.DOTALL)
KEY = re.compile(r" for key '[\w.]+'$")
READ_ONLY_SERVER = frozenset({1290, 1792, 1836})
# A node of a Galera cluster that the majority goes on without: "WSREP has not yet prepared node".
DETACHED_NODE = 1047


def build_engine(settings: Settings, *, patient: bool = False) -> Engine:
    """Build the engine; it connects on first use, never here.

    :param patient: let a statement take an hour, as a change of a large table may; a request's
        takes 30 seconds at most.
    """
    if settings.on_sqlite:
        url, arguments = settings.database_url, {"timeout": 15}
        engine = create_engine(url, connect_args=arguments, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    seconds = PATIENT_SECONDS if patient else REQUEST_SECONDS
    waits = _Waits(CONNECT_SECONDS, GREETING_SECONDS, seconds, POOL_SECONDS, RECYCLE_SECONDS)
    return _engine_of_server(settings, settings.database_url, waits)


def build_reader_engine(settings: Settings) -> Engine | None:
    """Build the engine to the servers whose rows may be a moment late, or none where none are set.

    It gives up soon: each statement takes 5 seconds at most, and a connection 2.
    """
    if settings.reader_url is None:
        return None
    waits = _Waits(
        READER_CONNECT_SECONDS,
        READER_CONNECT_SECONDS,
        READER_SECONDS,
        READER_POOL_SECONDS,
        READER_RECYCLE_SECONDS,
    )
    return _engine_of_server(settings, settings.reader_url, waits)


class _Waits(NamedTuple):
    """For how many seconds is waited: for a socket, a greeting, an answer, and for the pool.

    ``recycle`` is how old a connection may be that is used.
    """

    connect: float
    greeting: float
    answer: float
    pool: float
    recycle: int


def _engine_of_server(settings: Settings, url: URL, waits: _Waits) -> Engine:
    engine = create_engine(
        url,
        isolation_level="READ COMMITTED",
        # An error's text is logged; what a person typed is not.
        hide_parameters=True,
        # The last used first, so that what only a busy moment needed is left alone.
        pool_size=2 * settings.db_pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=waits.pool,
        pool_recycle=waits.recycle,
        pool_reset_on_return=None,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": waits.connect,
            # Also for the server's greeting: a proxy takes connections for one that is away.
            "read_timeout": waits.greeting,
            "write_timeout": waits.answer,
            **tls_arguments(settings),
        },
    )
    event.listen(engine, "connect", partial(_wait_for_answers, waits.answer))
    pool.install(engine)
    event.listen(engine, "do_execute", _read_again)
    event.listen(engine, "handle_error", _leave_server)
    event.listen(engine, "handle_error", _hide_values)
    return engine


def pause(attempt: int) -> None:
    """Wait before an attempt that follows, for each a random time of about twice as long."""
    time.sleep(random.uniform(0.01, 0.05) * 2**attempt)


def tls_arguments(settings: Settings) -> dict[str, Any]:
    """Return PyMySQL's arguments for the wanted TLS mode."""
    if settings.db_tls == "preferred":
        # PyMySQL's own way: encrypted where the server can, and no certificate is checked.
        return {}
    if settings.db_tls == "disabled":
        return {"ssl_disabled": True}
    context = ssl.create_default_context(cafile=settings.db_tls_ca)
    # Private authorities of databases often lack the extensions that Python 3.13 insists on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.db_tls == "required":
        context.check_hostname = False
        if settings.db_tls_ca is None:
            context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def error_code(error: BaseException | None) -> int | None:
    """Return the MySQL error number of a driver's exception, or None."""
    code = error.args[0] if error is not None and error.args else None
    return code if isinstance(code, int) else None


def driver_message(error: Exception) -> str:
    """Return what the database said, in one line, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    said = origin.args[-1] if origin.args else type(origin).__name__
    return " ".join(str(said).split()).rstrip(".")[:300]


def is_retried(error: DBAPIError) -> bool:
    """Return whether the same work may well succeed when it is done again."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig)
    return error_code(error.orig) in RETRIED


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN would come too late to keep two writers apart.
    connection.isolation_level = None
    for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer that begins with a read may be too late to write.
    immediate = connection.get_execution_options().get("begin_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _read_again(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Run a statement of a connection that reads, and again where it may well succeed then.

    A change of the schema may be in the way of who reads several tables, and be given precedence:
    MySQL then ends the transaction, of which nothing is lost here.
    """
    if not context.execution_options.get(READS_ALONE):
        return False
    for attempt in range(RETRIES):
        try:
            cursor.execute(statement, parameters)
        except Error as error:
            if error_code(error) not in RETRIED:
                raise
            pause(attempt)
        else:
            return True
    return False


def _wait_for_answers(seconds: float, connection: Any, _record: object) -> None:
    # The driver has one limit for the greeting and for what a statement takes.
    connection._read_timeout = seconds  # noqa: SLF001


def _leave_server(context: ExceptionContext) -> None:
    # After a failover the pool still holds connections to the old primary, now read-only; and
    # proxies leave those to a detached node as they are.
    if error_code(context.original_exception) in {*READ_ONLY_SERVER, DETACHED_NODE}:
        context.is_disconnect = True


def _hide_values(context: ExceptionContext) -> None:
    # MySQL repeats what it was given: "Duplicate entry 'ana@example.com' for key 'users.email'".
    error = context.original_exception
    code = error_code(error)
    if context.statement is None or code is None or code in NAMES_ONLY:
        return
    said = str(error)
    error.args = (code, *(_without_values(str(part)) for part in error.args[1:]))
    wrapped = context.sqlalchemy_exception
    if wrapped is not None:
        wrapped.args = tuple(str(part).replace(said, str(error)) for part in wrapped.args)


def _without_values(said: str) -> str:
    key = KEY.search(said)
    end = key.start() if key else len(said)
    return QUOTED.sub("'…'", said[:end]) + said[end:]
