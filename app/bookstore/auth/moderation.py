"""The verbs of moderators on people: suspend and restore them, and leave a trail of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.auth.epochs import new_epoch
from bookstore.auth.models import AuditEntry, User
from bookstore.auth.service import LocalAuth
from bookstore.core.db import Database, changed_rows, now
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.paging import Page, newest_after, page_of
from bookstore.core.services import service


class Action(StrEnum):
    """What a moderator did."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    MAKE_ADMIN = "make_admin"


class NothingToDo(Exception):
    """It is so already, or somebody else was first."""


class OwnAccount(Exception):
    """A moderator does not suspend themselves."""


@dataclass(frozen=True)
class Person:
    """Hold what a moderator sees of a person."""

    id: int
    name: str
    email: str
    is_admin: bool
    suspended_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class AuditRecord:
    """Hold one line of the audit trail; without an actor it was done from the command line."""

    id: int
    action: str
    target_id: int
    target_name: str
    reason: str
    done_at: datetime
    actor_id: int | None
    actor: str | None


_PERSON = (User.id, User.name, User.email, User.is_admin, User.suspended_at, User.created_at)


class Moderation:
    """Act on people; each act and its line in the trail are one transaction."""

    def __init__(self, database: Database, auth: LocalAuth, catalogue: CatalogueService) -> None:
        self._database = database
        self._auth = auth
        self._catalogue = catalogue

    def people(self, email: str = "", after: str | None = None) -> Page[Person]:
        """Return a page of the accounts, newest first, or the one with an email address."""
        query = select(*_PERSON)
        if email:
            query = query.where(User.email == email)
        with self._database.reading() as db:
            rows = db.execute(newest_after(query, User.id, after)).all()
        return page_of(rows, lambda kept: [Person(*cast("Any", row)) for row in kept])

    def person(self, account_id: int) -> Person:
        """Return a person.

        :raise NotFound: when there is none.
        """
        with self._database.reading() as db:
            row = db.execute(select(*_PERSON).where(User.id == account_id)).one_or_none()
        if row is None:
            raise NotFound(account_id)
        return Person(*cast("Any", row))

    def suspend(self, actor_id: int, account_id: int, reason: str) -> None:
        """Keep a person out: their sessions end at once and they cannot log in.

        Their listings leave the catalogue for as long.

        :raise OwnAccount: when it is the moderator's own.
        :raise NotFound: when there is no such person.
        :raise NothingToDo: when they are suspended already.
        """
        if actor_id == account_id:
            raise OwnAccount(account_id)
        values = {"suspended_at": now(), "session_epoch": new_epoch()}
        self._turn_account(actor_id, account_id, Action.SUSPEND, reason, values)

    def restore(self, actor_id: int, account_id: int, reason: str) -> None:
        """Let a suspended person log in again, and put their listings back on sale.

        :raise NotFound: when there is no such person.
        :raise NothingToDo: when they are not suspended.
        """
        self._turn_account(actor_id, account_id, Action.RESTORE, reason, {"suspended_at": None})

    def create_admin(self, email: str, name: str, password: str | None) -> bool:
        """Make a person a moderator, from the command line.

        :param password: opens the account; None for one that must be there.
        :return: whether the account is new; that of a person who is here keeps its password.
        :raise NotFound: when there is no account and no password to open one.
        """

        def work(db: Session) -> bool:
            account = self._auth.find(email)
            is_new = account is None
            if account is None:
                if password is None:
                    raise NotFound(email)
                account, _ = self._auth.register(email, name, password)
                db.flush()
            if not account.is_admin:
                changed_rows(db, update(User).where(User.id == account.id).values(is_admin=True))
                target = (account.id, account.email)
                _write(db, None, Action.MAKE_ADMIN, target, "bookstore create-admin")
            return is_new

        return self._database.transaction(work)

    def trail(self, after: str | None = None) -> Page[AuditRecord]:
        """Return a page of the audit trail, newest first."""
        query = select(
            AuditEntry.id,
            AuditEntry.action,
            AuditEntry.target_id,
            AuditEntry.target_name,
            AuditEntry.reason,
            AuditEntry.created_at,
            AuditEntry.actor_id,
            User.name,
        ).outerjoin(User, User.id == AuditEntry.actor_id)
        with self._database.reading() as db:
            rows = db.execute(newest_after(query, AuditEntry.id, after)).all()
        return page_of(rows, lambda kept: [AuditRecord(*cast("Any", row)) for row in kept])

    def _turn_account(
        self, actor_id: int, account_id: int, action: Action, reason: str, values: dict[str, Any]
    ) -> None:
        is_so = (
            User.suspended_at.is_(None)
            if action == Action.SUSPEND
            else User.suspended_at.is_not(None)
        )

        turn = self._catalogue.pause if action == Action.SUSPEND else self._catalogue.resume

        def work(db: Session) -> None:
            person = self.person(account_id)
            statement = update(User).where(User.id == account_id, is_so).values(**values)
            if changed_rows(db, statement) != 1:
                raise NothingToDo(account_id)
            turn(account_id)
            _write(db, actor_id, action, (account_id, person.email), reason)

        self._database.transaction(work)


def _write(
    db: Session, actor_id: int | None, action: Action, target: tuple[int, str], reason: str
) -> None:
    target_id, name = target
    db.add(
        AuditEntry(
            actor_id=actor_id,
            action=action,
            target_id=target_id,
            target_name=name,
            reason=reason,
        )
    )


def moderation() -> Moderation:
    """Return this process's own moderation, for its views."""
    return service(Moderation)
