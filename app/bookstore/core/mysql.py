"""The shop's connections to MySQL and MariaDB, sparing with round trips."""

import select
import ssl
import time
from typing import Any

from pymysql.connections import Connection
from pymysql.constants import SERVER_STATUS
from sqlalchemy import Dialect

from bookstore.core.config import Settings

# An answer as young as this is believed, unless the server has said something since.
HEARD_SECONDS = 1


class SparingConnection(Connection):
    """Spare a page the round trips that tell nothing new.

    A ROLLBACK goes where no transaction is open, and the ping before use where the server has
    just answered and its end of the socket is quiet. A server that ends a connection closes it,
    which the kernel tells at once; one that vanished says nothing, so silence alone is no proof.
    """

    server_status: int
    _sock: Any
    _heard = 0.0

    def query(self, sql: Any, unbuffered: Any = False) -> Any:
        """Run a statement and remember when the server answered it."""
        result = super().query(sql, unbuffered)
        self._heard = time.monotonic()
        return result

    def ping(self, reconnect: Any = False) -> None:
        """Ask whether the server is there, if that is in doubt.

        :raise pymysql.Error: when it is not.
        """
        if time.monotonic() - self._heard < HEARD_SECONDS and self._is_quiet():
            return
        super().ping(reconnect)

    def _is_quiet(self) -> bool:
        if self._sock is None:
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

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
