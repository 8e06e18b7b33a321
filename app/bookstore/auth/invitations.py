"""Invitations to moderate: to an email address, never to a password that somebody had.

An address may have been taken by anybody before its owner is invited. So an invitation is
accepted with a new password, which ends all sessions of before, or in a session of the account
that was opened by who has the link.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.auth.audit import Action, write_entry
from bookstore.auth.email_change import AnothersLink
from bookstore.auth.epochs import new_epoch
from bookstore.auth.links import DAY_SECONDS, LinkInvalid, Links
from bookstore.auth.moderation import NothingToDo
from bookstore.auth.passwords import hash_password
from bookstore.auth.service import LocalAuth, NewAccount, account_of
from bookstore.core.db.database import Database, changed_rows
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.auth import Account
from bookstore.core.jobs.queue import Queue

MAIL = "mail.invitation"
GOOD_DAYS = 3


@dataclass(frozen=True)
class OpenInvitation:
    """An invitation that nobody has accepted; without an actor it came from the command line."""

    id: int
    email: str
    invited_at: datetime
    actor: str | None


@dataclass(frozen=True)
class Invitee:
    """Whom an invitation is for."""

    email: str
    has_account: bool


@dataclass(frozen=True)
class InvitationMail:
    """What the mail of an invitation is made of."""

    email: str
    language: str
    token: str


class Invitations:
    """The invitations to become a moderator; each act leaves a line in the trail."""

    def __init__(
        self, database: Database, auth: LocalAuth, queue: Queue, keys: Sequence[str]
    ) -> None:
        """Take the keys that links are accepted from; the last one signs."""
        self._database = database
        self._auth = auth
        self._queue = queue
        self._links = Links(keys, "invitation", GOOD_DAYS * DAY_SECONDS)

    def all(self) -> list[OpenInvitation]:
        """Return the invitations that are open, oldest first."""
        row = models.Invitation
        query = (
            select(row.id, row.email, row.created_at, models.Account.name)
            .outerjoin(models.Account, models.Account.id == row.actor_id)
            .order_by(row.id)
        )
        with self._database.reading() as db:
            return [OpenInvitation(*cast("Any", found)) for found in db.execute(query)]

    def invite(self, actor_id: int | None, email: str, reason: str | None, language: str) -> int:
        """Invite whoever reads mail at an address; an earlier invitation to it is void.

        :param actor_id: the moderator who invites; None from the command line.
        :param language: of the mail, where the address has no account with one of its own.
        :return: the invitation's id.
        :raise NothingToDo: when they moderate already, or are suspended.
        """

        def work(db: Session) -> int:
            found = select(models.Account).where(models.Account.email == email)
            account = db.scalar(found)
            if account is not None and (account.is_moderator or account.suspended_at is not None):
                raise NothingToDo(account.id)
            db.execute(delete(models.Invitation).where(models.Invitation.email == email))
            row = models.Invitation(
                email=email,
                actor_id=actor_id,
                language=language if account is None else account.language,
            )
            db.add(row)
            db.flush()
            target = (account.id if account is not None else None, email)
            write_entry(db, actor_id, Action.INVITE, target, reason)
            self._queue.add(db, MAIL, {"invitation": row.id, "nonce": row.nonce})
            return row.id

        return self._database.transaction(work)

    def withdraw(self, actor_id: int | None, invitation_id: int) -> None:
        """Take an invitation back; its link is void.

        :raise NotFound: when there is none, or it was accepted.
        """

        def work(db: Session) -> None:
            row = db.get(models.Invitation, invitation_id)
            if row is None or not _remove(db, row):
                raise NotFound(invitation_id)
            write_entry(db, actor_id, Action.WITHDRAW, (None, row.email))

        self._database.transaction(work)

    def mail(self, invitation_id: int, nonce: int | None = None) -> InvitationMail | None:
        """Return what the mail of an invitation says; None once it is gone.

        :param nonce: the invitation's own, for an id may come again.
        """
        with self._database.reading() as db:
            row = db.get(models.Invitation, invitation_id)
        if row is None or nonce not in (None, row.nonce):
            return None
        return InvitationMail(row.email, row.language, self._links.token(row.id, row.nonce))

    def invitee(self, token: str) -> Invitee:
        """Return whom an invitation is for; it changes nothing.

        :raise LinkInvalid: when the link does not work.
        """
        row = self._open(token)
        return Invitee(row.email, self._auth.find(row.email) is not None)

    def accept(self, token: str, account: Account) -> None:
        """Make the account of a session a moderator; the invitation is used up.

        :raise LinkInvalid: when the link does not work.
        :raise AnothersLink: when the invitation is for another address.
        """
        row = self._open(token)
        if row.email != account.email:
            raise AnothersLink

        def work(db: Session) -> None:
            _use(db, row)
            _promote(db, row, account.id, {})

        self._database.transaction(work)

    def accept_with_password(
        self, token: str, password: str, name: str, language: str
    ) -> tuple[Account, int]:
        """Make a moderator of whoever has the link, with a new password.

        An account that the address has gets the password, and all its sessions end; else one is
        opened. The invitation is used up.

        :param name: of the account, where it is new.
        :return: the account, and the epoch for its session.
        :raise LinkInvalid: when the link does not work.
        """
        row = self._open(token)
        hashed = hash_password(password)

        def work(db: Session) -> tuple[Account, int]:
            # First, so that of two uses at once the second waits here and opens no account.
            _use(db, row)
            found = select(models.Account.id).where(models.Account.email == row.email)
            account_id = db.scalar(found)
            if account_id is None:
                opened, _ = self._auth.open(db, NewAccount(row.email, name, hashed, language))
                account_id = opened.id
            values = {"password_hash": hashed, "session_epoch": new_epoch()}
            _promote(db, row, account_id, values)
            self._auth.events.publish_sessions_ended(db, account_id)
            account = db.get(models.Account, account_id, populate_existing=True)
            if account is None:
                raise LinkInvalid
            return account_of(account), account.session_epoch

        return self._database.transaction(work)

    def _open(self, token: str) -> models.Invitation:
        invitation_id, nonce = self._links.open(token)
        with self._database.reading() as db:
            row = db.get(models.Invitation, invitation_id)
        if row is None or row.nonce != nonce:
            raise LinkInvalid
        return row


def _use(db: Session, row: models.Invitation) -> None:
    if not _remove(db, row):
        raise LinkInvalid


def _promote(db: Session, row: models.Invitation, account_id: int, values: dict[str, Any]) -> None:
    able = (models.Account.id == account_id, models.Account.suspended_at.is_(None))
    statement = update(models.Account).where(*able).values(is_moderator=True, **values)
    if changed_rows(db, statement) != 1:
        raise LinkInvalid
    write_entry(db, account_id, Action.ACCEPT, (account_id, row.email))


def _remove(db: Session, row: models.Invitation) -> bool:
    same = (models.Invitation.id == row.id, models.Invitation.nonce == row.nonce)
    return changed_rows(db, delete(models.Invitation).where(*same)) == 1
