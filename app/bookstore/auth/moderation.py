"""Moderation of accounts: who is here, who is suspended, and a trail of what was done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.auth.audit import Action, write_entry
from bookstore.auth.epochs import new_epoch
from bookstore.auth.events import RESTORED, SUSPENDED, AccountEvents
from bookstore.core.db.database import Database, changed_rows, now
from bookstore.core.errors import NotFound
from bookstore.core.paging import Page, newest_after, page_of


class NothingToDo(Exception):
    """It is so already, or somebody else was first."""


class OwnAccount(Exception):
    """A moderator does not suspend themselves."""


@dataclass(frozen=True)
class ModeratedAccount:
    """What a moderator sees of an account."""

    id: int
    name: str
    email: str
    is_moderator: bool
    suspended_at: datetime | None
    created_at: datetime


MODERATED = (
    models.Account.id,
    models.Account.name,
    models.Account.email,
    models.Account.is_moderator,
    models.Account.suspended_at,
    models.Account.created_at,
)


class Moderation:
    """What moderators do to accounts; each act and its line in the trail are one transaction."""

    def __init__(self, database: Database, events: AccountEvents) -> None:
        self._database = database
        self._events = events

    def accounts(self, email: str = "", after: str | None = None) -> Page[ModeratedAccount]:
        """Return a page of the accounts, newest first, or the one with an email address."""
        query = select(*MODERATED)
        if email:
            query = query.where(models.Account.email == email)
        with self._database.reading() as db:
            rows = db.execute(newest_after(query, models.Account.id, after)).all()
        return page_of(rows, lambda kept: [ModeratedAccount(*cast("Any", row)) for row in kept])

    def account(self, account_id: int) -> ModeratedAccount:
        """Return an account.

        :raise NotFound: when there is none.
        """
        with self._database.reading() as db:
            return find_account(db, account_id)

    def suspend(self, actor_id: int, account_id: int, reason: str) -> None:
        """Keep an account out: its sessions end at once and nobody can log in.

        Other domains are told; the catalogue takes its books off sale for as long.

        :raise OwnAccount: when it is the moderator's own.
        :raise NotFound: when there is no such account.
        :raise NothingToDo: when it is suspended already.
        """
        if actor_id == account_id:
            raise OwnAccount(account_id)
        values = {"suspended_at": now(), "session_epoch": new_epoch()}
        self._turn(actor_id, account_id, Action.SUSPEND, reason, values)

    def restore(self, actor_id: int, account_id: int, reason: str) -> None:
        """Lift a suspension: who has the account can log in, and its books are on sale again.

        :raise NotFound: when there is no such account.
        :raise NothingToDo: when it is not suspended.
        """
        self._turn(actor_id, account_id, Action.RESTORE, reason, {"suspended_at": None})

    def _turn(
        self, actor_id: int, account_id: int, action: Action, reason: str, values: dict[str, Any]
    ) -> None:
        suspended_at = models.Account.suspended_at
        suspends = action == Action.SUSPEND
        is_so = suspended_at.is_(None) if suspends else suspended_at.is_not(None)
        statement = update(models.Account).where(models.Account.id == account_id, is_so)

        def work(db: Session) -> None:
            account = find_account(db, account_id)
            if changed_rows(db, statement.values(**values)) != 1:
                raise NothingToDo(account_id)
            write_entry(db, actor_id, action, (account_id, account.email), reason)
            self._events.publish(db, SUSPENDED if suspends else RESTORED, account_id)
            if suspends:
                self._events.publish_sessions_ended(db, account_id)

        self._database.transaction(work)


def find_account(db: Session, account_id: int) -> ModeratedAccount:
    """Return an account, asked for in the caller's session.

    :raise NotFound: when there is none.
    """
    row = db.execute(select(*MODERATED).where(models.Account.id == account_id)).one_or_none()
    if row is None:
        raise NotFound(account_id)
    return ModeratedAccount(*cast("Any", row))
