"""Who moderates the shop, and how one ceases to; see ``Invitations`` for how one begins."""

from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.auth.audit import Action, write_entry
from bookstore.auth.events import AccountEvents
from bookstore.auth.moderation import MODERATED, ModeratedAccount, NothingToDo, find_account
from bookstore.core.db.database import Database, changed_rows


class LastModerator(Exception):
    """Nobody else could moderate then."""


class Moderators:
    """The accounts that may moderate."""

    def __init__(self, database: Database, events: AccountEvents) -> None:
        self._database = database
        self._events = events

    def all(self) -> list[ModeratedAccount]:
        """Return the moderators, oldest first, those who are suspended too."""
        query = select(*MODERATED).where(models.Account.is_moderator).order_by(models.Account.id)
        with self._database.reading() as db:
            return [ModeratedAccount(*cast("Any", row)) for row in db.execute(query)]

    def demote(
        self, actor_id: int | None, account_id: int, reason: str | None, *, force: bool = False
    ) -> None:
        """Make a moderator an account like any other, from their next request on.

        :param force: also when nobody else could moderate then.
        :raise NotFound: when there is no such account.
        :raise NothingToDo: when they do not moderate.
        :raise LastModerator: when nobody else does who can log in.
        """

        def work(db: Session) -> None:
            account = find_account(db, account_id)
            if not account.is_moderator:
                raise NothingToDo(account_id)
            # All of them, in one order: of two who demote each other, one comes second.
            able = select(models.Account.id).where(
                models.Account.is_moderator, models.Account.suspended_at.is_(None)
            )
            ids = db.scalars(able.order_by(models.Account.id).with_for_update()).all()
            if not force and set(ids) <= {account_id}:
                raise LastModerator(account_id)
            own = (models.Account.id == account_id, models.Account.is_moderator)
            statement = update(models.Account).where(*own).values(is_moderator=False)
            if changed_rows(db, statement) != 1:
                raise NothingToDo(account_id)
            write_entry(db, actor_id, Action.DEMOTE, (account_id, account.email), reason)
            self._events.publish_sessions_ended(db, account_id)

        self._database.transaction(work)
