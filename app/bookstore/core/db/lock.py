"""The lock that keeps migrations, backups and restores of a database apart."""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from bookstore.core.db.database import TABLE_OPTIONS, exact
from bookstore.core.db.engine import driver_message, is_retried

LOCK_TABLE = "database_lock"
LOCK_WAIT_SECONDS = 300
ASK_AGAIN_SECONDS = 1
LEASE_SECONDS, RENEW_SECONDS = 60, 15
DDL_LOCK_WAIT_SECONDS = 5

log = logging.getLogger("bookstore.lock")

_LOCK = sa.Table(
    LOCK_TABLE,
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("holder", exact(32), nullable=False),
    sa.Column("leased_until", sa.BigInteger, nullable=False),
    **TABLE_OPTIONS,
)
# In seconds since 1970, by the server's clock: those of the machines that ask may differ.
_NOW = sa.func.unix_timestamp()


class DatabaseLocked(Exception):
    """Another migration, backup or restore holds the lock of the database, or has taken it."""


class Lease:
    """The lock's row on a server, held under a name until some seconds from now."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._holder = secrets.token_hex(16)

    def take(self) -> bool:
        """Take the lock if nobody holds it; return whether it is held now."""
        free = sa.update(_LOCK).where(_LOCK.c.id == 1, _LOCK.c.leased_until < _NOW)
        held = {"holder": self._holder, "leased_until": _NOW + LEASE_SECONDS}
        try:
            with self._engine.begin() as connection:
                if connection.execute(free.values(held)).rowcount:
                    return True
                connection.execute(sa.insert(_LOCK).values(id=1, **held))
        except IntegrityError:
            return False
        except DBAPIError as error:
            # Two at once on two nodes of a cluster: the one whose commit is refused is second.
            if is_retried(error):
                return False
            raise
        return True

    def renew(self) -> bool:
        """Extend the lease; return False when another one has taken the lock."""
        held = sa.update(_LOCK).where(_LOCK.c.id == 1, _LOCK.c.holder == self._holder)
        with self._engine.begin() as connection:
            done = connection.execute(held.values(leased_until=_NOW + LEASE_SECONDS))
        return bool(done.rowcount)

    def release(self) -> None:
        """Give the lock to the next one."""
        mine = sa.delete(_LOCK).where(_LOCK.c.id == 1, _LOCK.c.holder == self._holder)
        with self._engine.begin() as connection:
            connection.execute(mine)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the lease again and again in a thread."""
        done = threading.Event()

        def again() -> None:
            while not done.wait(RENEW_SECONDS):
                try:
                    self.renew()
                except SQLAlchemyError as error:
                    log.warning("lock not renewed", extra={"detail": driver_message(error)})

        thread = threading.Thread(target=again, name="lock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


class HeldLock:
    """The lock of a database that this process holds; a lease of None is SQLite's, which stays."""

    def __init__(self, lease: Lease | None) -> None:
        self._lease = lease

    def check(self) -> None:
        """Go on only with the lock, which a process that was stopped for long may have lost.

        :raise DatabaseLocked: when another one has it.
        """
        if self._lease is not None and not self._lease.renew():
            raise DatabaseLocked(
                "This process stood still for so long that another migration, backup or restore "
                "took its lock; run this again when that one has ended."
            )


@contextmanager
def database_lock(
    connection: Connection, wait_seconds: float = LOCK_WAIT_SECONDS
) -> Iterator[HeldLock]:
    """Lock the database against other migrations, backups and restores.

    The lock is a row with a lease, taken by one conditional statement and renewed while it is
    held. A lock of the server's would be shorter, but Percona XtraDB Cluster in its strict mode
    denies GET_LOCK and LOCK TABLES, which hold on one node alone, and XA; and a locked row would
    be let go by the first DDL statement, which commits. A row is the same on all nodes. Who is
    killed renews no longer, and the next one waits for the lease to end.

    SQLite takes changes of the schema into a transaction and has one writer at a time, so there a
    write transaction from the start is the lock; it ends with its process.

    :param connection: the one that is used under the lock; the lease has another.
    :raise DatabaseLocked: when another one holds the lock too long.
    """
    if connection.dialect.name == "sqlite":
        connection.execution_options(begin_immediate=True)
        yield HeldLock(None)
        return
    lease = Lease(connection.engine)
    with connection.engine.begin() as first:
        # Two at once may both find no table.
        first.execute(CreateTable(_LOCK, if_not_exists=True))
    _wait_for(lease, wait_seconds)
    try:
        with lease.renewed():
            connection.execute(sa.text(f"SET SESSION lock_wait_timeout = {DDL_LOCK_WAIT_SECONDS}"))
            connection.commit()
            yield HeldLock(lease)
    finally:
        if not connection.invalidated:
            connection.rollback()
        lease.release()


def _wait_for(lease: Lease, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not lease.take():
        if time.monotonic() >= deadline:
            raise DatabaseLocked(
                f"Another migration, backup or restore held the lock for {seconds:.0f} seconds; "
                "run this again when it has ended."
            )
        time.sleep(ASK_AGAIN_SECONDS)
