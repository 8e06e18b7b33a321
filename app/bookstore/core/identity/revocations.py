"""Revocations: since which change of an account its older tokens are not believed.

Auth tells each service of an account whose sessions have ended, by the account's version. The
service keeps it for longer than a token from before can live.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Index, bindparam, delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from bookstore.core.db.database import (
    TABLE_OPTIONS,
    Database,
    UtcDateTime,
    changed_rows,
    insert_absent,
    now,
)

KEPT = timedelta(hours=1)
EVERYBODY = 0
"""In the place of an account: the version is the second up to which no token was rightly signed."""
CLOCKS_APART = timedelta(seconds=30)


class RevocationColumns:
    """An account whose tokens from before ``version`` are not believed."""

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - SQLAlchemy hands over the class
        """Return the index that old ones are found by."""
        return (Index(None, "noted_at"), TABLE_OPTIONS)


@dataclass(frozen=True)
class Belief:
    """Which tokens of an account are believed.

    :ivar version: the version of the account from which they are.
    :ivar after: the second, since 1970, after which they have to be signed.
    """

    version: int = 0
    after: int = 0

    def admits(self, version: int, issued_at: datetime) -> bool:
        """Return whether a token of this version of the account is believed."""
        return version >= self.version and issued_at.timestamp() > self.after


def believe_none_of_before(connection: Connection, table: type[RevocationColumns]) -> None:
    """Believe no token from before now, whosever it is, as after a restore.

    Accounts go back with it to earlier versions, and those that came after the backup are gone,
    so that no account's own version tells its tokens of before. Where clocks differ, a token of
    the first half minute is not believed either, and auth is asked.
    """
    connection.execute(delete(table).where(table.account_id == EVERYBODY))
    moment = now()
    last = int((moment + CLOCKS_APART).timestamp())
    row = {"account_id": EVERYBODY, "version": last, "noted_at": moment}
    connection.execute(insert(table).values(row))


class Revocations:
    """The revocations that a domain has been told of."""

    def __init__(self, database: Database, table: type[RevocationColumns]) -> None:
        self._database = database
        self._table = table
        whose = table.account_id.in_([bindparam("account"), EVERYBODY])
        self._known = select(table.account_id, table.version).where(whose)

    def note(self, account_id: int, version: int) -> None:
        """Believe no token of an account from before a version; what is known already stays."""
        table, moment = self._table, now()
        older = update(table).where(table.account_id == account_id, table.version < version)

        def work(db: Session) -> None:
            row = {"account_id": account_id, "version": version, "noted_at": moment}
            insert_absent(db, table, row, "account_id")
            changed_rows(db, older.values(version=version, noted_at=moment))

        self._database.transaction(work)
        gone = delete(table).where(table.noted_at < moment - KEPT)
        self._database.transaction(lambda db: changed_rows(db, gone))

    def belief(self, account_id: int) -> Belief:
        """Return which tokens of an account are believed."""
        with self._database.reading() as db:
            rows = db.execute(self._known, {"account": account_id})
            known = {row.account_id: row.version for row in rows}
        return Belief(known.get(account_id, 0), known.get(EVERYBODY, 0))
