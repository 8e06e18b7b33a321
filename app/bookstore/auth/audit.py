"""The audit trail of what moderators did to accounts and to each other."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.core.db.database import Database
from bookstore.core.paging import Page, newest_after, page_of


class Action(StrEnum):
    """What a moderator did."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    INVITE = "invite"
    WITHDRAW = "withdraw"
    ACCEPT = "accept"
    DEMOTE = "demote"


@dataclass(frozen=True)
class AuditRecord:
    """One line of the audit trail; without an actor it was done from the command line.

    Who was invited may have had no account then, and so no ``target_id``. The reason is what the
    moderator typed; nobody types one to accept or withdraw an invitation or on the command line.
    """

    id: int
    action: str
    target_id: int | None
    target_name: str
    reason: str | None
    done_at: datetime
    actor_id: int | None
    actor: str | None


class AuditTrail:
    """The lines of the trail, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, after: str | None = None) -> Page[AuditRecord]:
        """Return a page of the trail."""
        entry = models.AuditEntry
        query = select(
            entry.id,
            entry.action,
            entry.target_id,
            entry.target_name,
            entry.reason,
            entry.created_at,
            entry.actor_id,
            models.Account.name,
        ).outerjoin(models.Account, models.Account.id == entry.actor_id)
        with self._database.reading() as db:
            rows = db.execute(newest_after(query, entry.id, after)).all()
        return page_of(rows, lambda kept: [AuditRecord(*cast("Any", row)) for row in kept])


def write_entry(
    db: Session,
    actor_id: int | None,
    action: Action,
    target: tuple[int | None, str],
    reason: str | None = None,
) -> None:
    """Add a line to the trail, in the transaction that does what it says.

    :param target: the account's id, if there is one, and its address.
    :param reason: what the moderator typed, where they were asked.
    """
    target_id, name = target
    db.add(
        models.AuditEntry(
            actor_id=actor_id,
            action=action,
            target_id=target_id,
            target_name=name,
            reason=reason,
        )
    )
