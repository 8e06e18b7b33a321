"""The pool's connections to MySQL and MariaDB, without a round trip that asks for nothing.

SQLAlchemy's own ways are to ping a connection each time before it is used, and to roll it back each
time after. A request uses one up to ten times, and each round trip costs as much as a quick query.
"""

import select
import time
from typing import Any

from pymysql.constants import SERVER_STATUS
from pymysql.err import Error
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidatePoolError

# Whoever drops connections in silence, as a firewall does, waits longer.
PINGED_AFTER_SECONDS = 30
_USED = "bookstore.used"


def install(engine: Engine) -> None:
    """Make an engine's pool ask its connections for no more than is not known."""
    event.listen(engine, "checkout", _check)
    event.listen(engine, "reset", _end_transaction)
    event.listen(engine, "checkin", _note_use)


def _check(connection: Any, record: Any, _proxy: object) -> None:
    """Replace a connection, and all others of the pool, when the server has closed it."""
    used = record.info.get(_USED)
    if used is None:
        return
    if time.monotonic() - used < PINGED_AFTER_SECONDS and not _is_readable(connection):
        return
    try:
        connection.ping(reconnect=False)
    except Error as error:
        raise InvalidatePoolError from error


def _is_readable(connection: Any) -> bool:
    """Return whether there is something to read, though nothing was asked.

    It is the end of the connection, as after a restart, a failover or a KILL. The driver has no way
    to ask that of a connection, so its socket is asked.
    """
    socket = connection._sock  # noqa: SLF001
    if socket is None:
        return True
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))


def _end_transaction(connection: Any, _record: Any, _state: object) -> None:
    """Roll back what was left open; with each answer the server says whether something is."""
    if connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:
        connection.rollback()


def _note_use(connection: object, record: Any) -> None:
    # A connection that was lost has no place to note it.
    if connection is not None:
        record.info[_USED] = time.monotonic()
