"""Events of accounts: what other domains are told, each by a job of its own.

An event names the account and its version alone. Who hears of it asks for the account as it is
by then, so that events may come late, twice, or in another order.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.core.db.database import Database
from bookstore.core.interfaces.catalogue import AccountSnapshot, CatalogueService
from bookstore.core.jobs.kinds import Job
from bookstore.core.jobs.queue import Queue

REGISTERED = "account.registered"
RENAMED = "account.renamed"
SUSPENDED = "account.suspended"
RESTORED = "account.restored"
EVENTS = (REGISTERED, RENAMED, SUSPENDED, RESTORED)


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
