"""Kept keys: what auth published last, for a service that starts while auth is away.

Public keys are no secret, but whose they are decides who is believed. So a service keeps them
signed with its ``SECRET_KEY``, which is in no database: who can write into the schema alone makes
it believe nobody. Not with the service's own key, whose rotation would make what is kept worthless.
The signature's age bounds how old keys may be, of which auth may have retired some since, where a
service starts with them; one that runs goes on with what it has, as ever.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import Connection, Text, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from bookstore.core.db.database import (
    TABLE_OPTIONS,
    Database,
    UtcDateTime,
    changed_rows,
    exact,
    insert_absent,
    now,
)
from bookstore.core.db.engine import driver_message

# As long as who was logged in lately could still have a token, with room for a quiet hour: the
# keys are written anew every few minutes while somebody is.
LIFETIME = timedelta(hours=1)

log = logging.getLogger("bookstore.keys")


class KeptKeysColumns:
    """What a service published, signed by the service that keeps it."""

    issuer: Mapped[str] = mapped_column(exact(20), primary_key=True)
    token: Mapped[str] = mapped_column(Text)
    kept_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[dict[str, object]]:  # noqa: N805 - as SQLAlchemy calls it
        """Return the options of the table."""
        return (TABLE_OPTIONS,)


class KeptKeys:
    """The keys of others that a service keeps in its own schema; see ``jwks.Memory``.

    :param name: the service that keeps them.
    :param database: gives its database, once there is one.
    :param secrets: what is kept is believed by any of them, and signed with the last.
    """

    def __init__(
        self,
        name: str,
        database: Callable[[], Database],
        table: type[KeptKeysColumns],
        secrets: Sequence[str],
    ) -> None:
        self._name = name
        self._database = database
        self._table = table
        self._secrets = list(secrets)

    def keep(self, issuer: str, published: str) -> None:
        """Keep what an issuer published, unless later keys are kept already.

        A database that is away is no reason for a request to fail: what is known is known.
        """
        moment = now()
        token = str(self._signed(issuer).dumps(published))
        try:
            self._database().transaction(lambda db: self._write(db, issuer, token, moment))
        except SQLAlchemyError as error:
            log.warning("keys not kept", extra={"domain": issuer, "error": driver_message(error)})

    def _write(self, db: Session, issuer: str, token: str, moment: datetime) -> None:
        table = self._table
        row = {"issuer": issuer, "token": token, "kept_at": moment}
        insert_absent(db, table, row, "issuer")
        older = update(table).where(table.issuer == issuer, table.kept_at < moment)
        changed_rows(db, older.values(token=token, kept_at=moment))

    def last(self, issuer: str) -> str | None:
        """Return what an issuer published, or None where nothing is kept that is believed."""
        wanted = select(self._table.token).where(self._table.issuer == issuer)
        try:
            with self._database().reading() as db:
                token = db.scalar(wanted)
            if token is None:
                return None
            return str(self._signed(issuer).loads(token, int(LIFETIME.total_seconds())))
        except SQLAlchemyError as error:
            log.warning("keys not found", extra={"domain": issuer, "error": driver_message(error)})
            return None
        except BadData as refused:
            about = {"domain": issuer, "error": type(refused).__name__}
            log.warning("kept keys refused", extra=about)
            return None

    def _signed(self, issuer: str) -> URLSafeTimedSerializer:
        # Neither another service's row nor that of another issuer is taken for this one.
        return URLSafeTimedSerializer(
            self._secrets,
            salt=f"bookstore.keys of {issuer} kept by {self._name}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )


def forget_all(connection: Connection, table: type[KeptKeysColumns]) -> None:
    """Forget the keys that are kept, as after a restore: those of the backup may be retired."""
    connection.execute(delete(table))
