"""The verbs of moderators: suspend people, hide listings, and leave a trail of both."""

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
from bookstore.core.interfaces.catalogue import CatalogueService, Listing
from bookstore.core.paging import Page, newest_after, page_of
from bookstore.core.services import service


class Action(StrEnum):
    """What a moderator did."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    HIDE = "hide"
    UNHIDE = "unhide"
    MAKE_ADMIN = "make_admin"


class Target(StrEnum):
    """What it was done to."""

    ACCOUNT = "account"
    BOOK = "book"


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
    target_kind: str
    target_id: int
    target_name: str
    reason: str
    done_at: datetime
    actor_id: int | None
    actor: str | None


_PERSON = (User.id, User.name, User.email, User.is_admin, User.suspended_at, User.created_at)


class Moderation:
    """Act on people and listings; each act and its line in the trail are one transaction."""

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

    def listing(self, book_id: int) -> Listing:
        """Return a book in any state.

        :raise NotFound: when there is none.
        """
        listing = self._catalogue.listing(book_id)
        if listing is None:
            raise NotFound(book_id)
        return listing

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

    def hide(self, actor_id: int, book_id: int, reason: str) -> None:
        """Take a listed book off the catalogue; its seller cannot put it back.

        :raise NotFound: when there is no such book.
        :raise NothingToDo: when it is not listed.
        """
        self._turn_book(actor_id, book_id, Action.HIDE, reason)

    def unhide(self, actor_id: int, book_id: int, reason: str) -> None:
        """Put a hidden book back on the catalogue.

        :raise NotFound: when there is no such book.
        :raise NothingToDo: when it is not hidden.
        """
        self._turn_book(actor_id, book_id, Action.UNHIDE, reason)

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
                target = (Target.ACCOUNT, account.id, account.email)
                _write(db, None, Action.MAKE_ADMIN, target, "bookstore create-admin")
            return is_new

        return self._database.transaction(work)

    def trail(self, after: str | None = None) -> Page[AuditRecord]:
        """Return a page of the audit trail, newest first."""
        query = select(
            AuditEntry.id,
            AuditEntry.action,
            AuditEntry.target_kind,
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
            _write(db, actor_id, action, (Target.ACCOUNT, account_id, person.email), reason)

        self._database.transaction(work)

    def _turn_book(self, actor_id: int, book_id: int, action: Action, reason: str) -> None:
        turn = self._catalogue.hide if action == Action.HIDE else self._catalogue.unhide

        def work(db: Session) -> None:
            listing = self.listing(book_id)
            if not turn(book_id):
                raise NothingToDo(book_id)
            _write(db, actor_id, action, (Target.BOOK, book_id, listing.title), reason)

        self._database.transaction(work)


def _write(
    db: Session, actor_id: int | None, action: Action, target: tuple[Target, int, str], reason: str
) -> None:
    kind, target_id, name = target
    db.add(
        AuditEntry(
            actor_id=actor_id,
            action=action,
            target_kind=kind,
            target_id=target_id,
            target_name=name,
            reason=reason,
        )
    )


def moderation() -> Moderation:
    """Return this process's own moderation, for its views."""
    return service(Moderation)
