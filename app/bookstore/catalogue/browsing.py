"""What readers see of the catalogue: lists of books, and a book's own page."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookstore.catalogue.cards import CARD_COLUMNS, BookCard, cards, select_books
from bookstore.catalogue.finding import cursor_after, find
from bookstore.catalogue.forms import Search
from bookstore.catalogue.models import Book
from bookstore.core.db.database import Database
from bookstore.core.db.hints import IndexHint, hinted
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.catalogue import BookState, SitemapEntry
from bookstore.core.paging import Page, newest_after, page_of


@dataclass(frozen=True)
class BookDetail(BookCard):
    """What a book's own page shows."""

    isbn: str | None
    description: str
    sold: int
    updated_at: datetime

    @property
    def is_listed(self) -> bool:
        """Return whether everybody sees it."""
        return self.state == BookState.LISTED

    @property
    def version(self) -> str:
        """Return a name for exactly this state of what its seller changes, the stock included."""
        told = (self.id, self.title, self.author, self.isbn, self.description, self.condition)
        more = (self.language, self.price_minor, self.currency, self.stock, self.state, self.cover)
        return hashlib.sha256(repr(told + more).encode()).hexdigest()[:32]

    def typed(self) -> dict[str, Any]:
        """Return the fields as a form for the seller begins with."""
        return {
            "title": self.title,
            "author": self.author,
            "isbn": self.isbn or "",
            "description": self.description,
            "condition": self.condition,
            "language": self.language,
            "quantity": str(self.stock),
            "stock_seen": str(self.stock),
        }


_DETAIL = (*CARD_COLUMNS, Book.isbn, Book.description, Book.sold, Book.updated_at)


class Browsing:
    """Finds and shows books.

    Where ``late`` may be said, what was committed a moment ago may be missing then.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def browse(self, search: Search, *, late: bool = False) -> Page[BookCard]:
        """Return a page of the books on sale that a search finds, in its order."""
        rows = self._database.read(lambda db: find(db, search), late=late)
        return page_of(rows, cards, partial(cursor_after, search.sort))

    def books_of(
        self, seller_id: int, after: str | None = None, *, late: bool = False
    ) -> Page[BookCard]:
        """Return a page of what a seller has on sale, newest first."""
        # For a seller of few books among many it might walk all books, newest first.
        listed = select_books(*CARD_COLUMNS, by="ix_books_seller_id_id").where(
            Book.seller_id == seller_id, Book.state == BookState.LISTED
        )
        wanted = newest_after(listed, Book.id, after)
        rows = self._database.read(lambda db: db.execute(wanted).all(), late=late)
        return page_of(rows, cards)

    def book(self, book_id: int, reader_id: int | None = None, *, late: bool = False) -> BookDetail:
        """Return a book for its page.

        :param reader_id: who reads; a book that is not on sale is shown to its seller only.
        :raise NotFound: when there is none to show.
        """
        book = self._database.read(lambda db: book_detail(db, book_id), late=late)
        if book is None or not (book.is_listed or book.seller_id == reader_id):
            raise NotFound(book_id)
        return book

    def shows_cover(self, cover: str, reader_id: int | None = None) -> bool:
        """Return whether somebody may see a cover.

        :param reader_id: who asks; the cover of a book that is not on sale is its seller's only.
        """
        named = select(Book.id).where(Book.cover == cover)
        if reader_id is None:
            named = named.where(Book.state == BookState.LISTED)
        else:
            named = named.where(Book.seller_id == reader_id)
        with self._database.reading() as db:
            return db.execute(named.limit(1)).first() is not None

    def newest_id(self) -> int:
        """Return the id of the newest book, 0 when there is none."""
        with self._database.reading() as db:
            return db.scalar(select(func.max(Book.id))) or 0

    def for_sitemap(self, after: int, limit: int) -> Sequence[SitemapEntry]:
        """Return books on sale in the order of their ids.

        :param after: the last id of the part before, 0 for the first part.
        """
        listed = (
            select(Book.id, Book.updated_at)
            .where(Book.state == BookState.LISTED, Book.id > after)
            .order_by(Book.id)
            .limit(limit)
        )
        # It would sort all books on sale, which another index of the state finds as well.
        listed = hinted(listed, IndexHint(Book, "ix_books_state_id"))
        with self._database.reading() as db:
            return [SitemapEntry(*row) for row in db.execute(listed)]


def book_detail(db: Session, book_id: int) -> BookDetail | None:
    """Return a book in any state, or None when there is none."""
    row = db.execute(select_books(*_DETAIL).where(Book.id == book_id)).one_or_none()
    return BookDetail(*cast("Any", row)) if row is not None else None
