"""The shop's connections to MySQL and MariaDB, sparing with round trips."""

import ssl
import time
from typing import Any

from pymysql.connections import Connection
from pymysql.constants import SERVER_STATUS
from sqlalchemy import Dialect

from bookstore.core.config import Settings

# A page waits for every round trip. What answered a second ago is not asked whether it lives.
FRESH_SECONDS = 1


class SparingConnection(Connection):
    """Leave out a ping soon after an answer, and a ROLLBACK where no transaction is open."""

    server_status: int
    _answered = float("-inf")

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:
        """Run a statement and return how many rows it gives or changed."""
        rows = super().query(sql, unbuffered)
        self._answered = time.monotonic()
        return rows

    def ping(self, reconnect: Any = False) -> None:
        """Ask whether the server is there, unless it has just answered.

        :raise pymysql.err.Error: when it is not, or the connection is closed.
        """
        if not self.open or time.monotonic() - self._answered > FRESH_SECONDS:
            super().ping(reconnect)

    def rollback(self) -> None:
        """Roll back the open transaction, if there is one.

        The flag is that of the last answer. An error carries none, and leaves it as it was.
        """
        if self.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:
            super().rollback()


def connect(
    _dialect: Dialect, _record: object, arguments: tuple[Any, ...], named: dict[str, Any]
) -> SparingConnection:
    """Open a connection, as SQLAlchemy's ``do_connect`` event asks for it."""
    return SparingConnection(*arguments, **named)


def tls_arguments(settings: Settings) -> dict[str, Any]:
    """Return PyMySQL's arguments for the wanted TLS mode."""
    if settings.db_tls == "disabled":
        # Not told so, PyMySQL encrypts where the server can, and builds a context each time.
        return {"ssl_disabled": True}
    context = ssl.create_default_context(cafile=settings.db_tls_ca)
    # Private authorities of databases often lack the extensions that Python 3.13 insists on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.db_tls == "required":
        context.check_hostname = False
        if settings.db_tls_ca is None:
            context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}
