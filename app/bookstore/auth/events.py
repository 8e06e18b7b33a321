"""Events of accounts: what other domains are told, each by a job of its own.

An event names the account and its version alone. Who hears of it asks for the account as it is
by then, so that events may come late, twice, or in another order.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.core.db.database import Database, now
from bookstore.core.identity.access import LIFETIME
from bookstore.core.interfaces.catalogue import AccountSnapshot, CatalogueService
from bookstore.core.interfaces.orders import OrdersService
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.queue import Queue

REGISTERED = "account.registered"
RENAMED = "account.renamed"
SUSPENDED = "account.suspended"
RESTORED = "account.restored"
EVENTS = (REGISTERED, RENAMED, SUSPENDED, RESTORED)
SESSIONS_ENDED = "account.sessions_ended"
# A service that is back is told before long, and for as long as it may believe an old token.
SESSIONS_PAUSE_SECONDS, SESSIONS_ATTEMPTS = 20, 100


class AccountEvents:
    """The events of the accounts in a database."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

    def subscribe(self, catalogue: CatalogueService) -> None:
        """Add a job at each event that gives the catalogue, which shows sellers, the account."""

        def tell(job: Job) -> None:
            snapshot = self.snapshot(int(job.payload["account"]))
            if snapshot is not None:
                catalogue.account_changed(snapshot)

        for event in EVENTS:
            self._queue.subscribe(event, "catalogue", tell)

    def subscribe_sessions(self, name: str, part: CatalogueService | OrdersService) -> None:
        """Tell another service of ended sessions, whose tokens it believes without asking.

        In one shop with the accounts nobody does, and no such event is published.
        """

        def tell(job: Job) -> None:
            if now() - job.created_at > LIFETIME:
                # The tokens from before have ended by themselves.
                return
            snapshot = self.snapshot(int(job.payload["account"]))
            if snapshot is not None:
                part.sessions_ended(snapshot.account_id, snapshot.version)

        kind = f"{SESSIONS_ENDED}:{name}"
        self._queue.handle(
            kind,
            tell,
            attempts=SESSIONS_ATTEMPTS,
            longest_pause_seconds=SESSIONS_PAUSE_SECONDS,
        )
        self._queue.follow(SESSIONS_ENDED, kind)

    def publish_sessions_ended(self, db: Session, account_id: int) -> None:
        """Add the event that tokens from before are void, where another service believes them."""
        if self._queue.is_followed(SESSIONS_ENDED):
            self.publish(db, SESSIONS_ENDED, account_id)

    def publish(self, db: Session, event: str, account_id: int) -> None:
        """Add an event to the transaction of the change that it is about."""
        version = models.Account.version
        changed = update(models.Account).where(models.Account.id == account_id)
        db.execute(changed.values(version=version + 1).execution_options(synchronize_session=False))
        current = db.scalar(select(version).where(models.Account.id == account_id))
        self._queue.publish(db, event, {"account": account_id}, key=f"{account_id}.{current}")

    def snapshot(self, account_id: int) -> AccountSnapshot | None:
        """Return an account as other domains know it, or None when there is none."""
        row = models.Account
        query = select(row.id, row.version, row.name, row.suspended_at).where(row.id == account_id)
        with self._database.reading() as db:
            found = db.execute(query).one_or_none()
        if found is None:
            return None
        return AccountSnapshot(found.id, found.version, found.name, found.suspended_at is not None)
