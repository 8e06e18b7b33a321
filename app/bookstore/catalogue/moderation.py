"""What moderators do to books, and the trail of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.catalogue.cards import select_books
from bookstore.catalogue.forms import BookAction
from bookstore.catalogue.models import Book, BookAuditEntry, Seller
from bookstore.catalogue.sellers import Sellers
from bookstore.core.db.database import Database, changed_rows
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.paging import Page, newest_after, page_of


class NothingToDo(Exception):
    """The book is so already, or another moderator was first."""


@dataclass(frozen=True)
class ModeratedBook:
    """A book, in any state, as a moderator judges it."""

    id: int
    seller_id: int
    seller_name: str
    title: str
    author: str
    description: str
    state: str


@dataclass(frozen=True)
class BookAuditRecord:
    """A line of the trail; names are those of the moment."""

    id: int
    action: str
    book_id: int
    title: str
    reason: str
    done_at: datetime
    actor_id: int
    actor_name: str


class BookModeration:
    """Hides books from everybody but their sellers, who cannot put them on sale again."""

    def __init__(self, database: Database, sellers: Sellers) -> None:
        self._database = database
        self._sellers = sellers

    def book(self, book_id: int) -> ModeratedBook:
        """Return a book in any state.

        :raise NotFound: when there is none.
        """
        columns = (Book.id, Book.seller_id, Seller.name, Book.title, Book.author)
        query = select_books(*columns, Book.description, Book.state).where(Book.id == book_id)
        with self._database.reading() as db:
            row = db.execute(query).one_or_none()
        if row is None:
            raise NotFound(book_id)
        return ModeratedBook(*cast("Any", row))

    def hide(self, actor: Account, book_id: int, reason: str) -> None:
        """Take a book off sale, also one that is paused; its seller cannot put it back.

        :raise NotFound: when there is no such book.
        :raise NothingToDo: when it is hidden or withdrawn.
        """
        shown = self.book(book_id)

        def work(db: Session) -> None:
            self._turn(db, shown, (BookState.LISTED, BookState.PAUSED), BookState.HIDDEN)
            _write(db, actor, BookAction.HIDE, shown, reason)

        self._database.transaction(work)

    def unhide(self, actor: Account, book_id: int, reason: str) -> None:
        """Put a hidden book back on sale, paused if its seller is suspended.

        :raise NotFound: when there is no such book.
        :raise NothingToDo: when it is not hidden.
        """
        shown = self.book(book_id)

        def work(db: Session) -> None:
            state = self._sellers.state_for_sale(db, shown.seller_id)
            self._turn(db, shown, (BookState.HIDDEN,), state)
            _write(db, actor, BookAction.UNHIDE, shown, reason)

        self._database.transaction(work)

    def trail(self, after: str | None = None) -> Page[BookAuditRecord]:
        """Return a page of what was done to books, newest first."""
        query = select(
            BookAuditEntry.id,
            BookAuditEntry.action,
            BookAuditEntry.book_id,
            BookAuditEntry.title,
            BookAuditEntry.reason,
            BookAuditEntry.created_at,
            BookAuditEntry.actor_id,
            BookAuditEntry.actor_name,
        )
        with self._database.reading() as db:
            rows = db.execute(newest_after(query, BookAuditEntry.id, after)).all()
        return page_of(rows, lambda kept: [BookAuditRecord(*cast("Any", row)) for row in kept])

    @staticmethod
    def _turn(
        db: Session, shown: ModeratedBook, before: tuple[BookState, ...], after: BookState
    ) -> None:
        book = update(Book).where(Book.id == shown.id, Book.state.in_(before))
        if changed_rows(db, book.values(state=after)) != 1:
            raise NothingToDo(shown.id)


def _write(
    db: Session, actor: Account, action: BookAction, shown: ModeratedBook, reason: str
) -> None:
    db.add(
        BookAuditEntry(
            actor_id=actor.id,
            actor_name=actor.name,
            action=action,
            book_id=shown.id,
            title=shown.title,
            reason=reason,
        )
    )
