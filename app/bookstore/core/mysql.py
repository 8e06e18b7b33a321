"""The shop's connections to MySQL and MariaDB, sparing with round trips."""

import ssl
from typing import Any

from pymysql.connections import Connection
from pymysql.constants import SERVER_STATUS
from sqlalchemy import Dialect

from bookstore.core.config import Settings


class SparingConnection(Connection):
    """Leave out a ROLLBACK where no transaction is open: a page waits for every round trip.

    The ping before use stays: a page that finds its connection dead can only be answered by 503.
    """

    server_status: int

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
