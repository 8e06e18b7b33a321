"""What sellers do with their books: put on sale, change, withdraw."""

from collections.abc import Container
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookstore.catalogue.browsing import book_detail
from bookstore.catalogue.coverfiles import UNCHANGED, CoverChange
from bookstore.catalogue.forms import LARGEST_QUANTITY, BookInput, BookRevision
from bookstore.catalogue.models import Book
from bookstore.catalogue.search import search_text
from bookstore.catalogue.sellers import Sellers
from bookstore.core.db.database import Database
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.auth import Account
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.money import CURRENCY


class Hidden(Exception):
    """A moderator has hidden the book, so its seller can neither list nor withdraw it."""


class Changed(Exception):
    """The book is not in a state that its seller has seen."""


class TooManyCopies(Exception):
    """The seller's change would leave more copies than a book may have.

    :param most: the largest quantity that would be taken instead.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} copies")
        self.most = most


class Publishing:
    """Changes books for their sellers, each in one transaction."""

    def __init__(self, database: Database, sellers: Sellers) -> None:
        self._database = database
        self._sellers = sellers

    def publish(self, seller: Account, data: BookInput, cover: str | None = None) -> int:
        """Put a book on sale.

        :param cover: the name of its picture, which ``Covers`` keeps.
        :return: the book's id.
        """

        def work(db: Session) -> Book:
            self._sellers.enter(db, seller.id, seller.name)
            book = Book(
                seller_id=seller.id,
                currency=CURRENCY,
                stock=data.quantity,
                cover=cover,
                state=self._sellers.state_for_sale(db, seller.id),
                **book_fields(data),
            )
            db.add(book)
            return book

        return self._database.transaction(work).id

    def revise(
        self,
        book_id: int,
        seller_id: int,
        data: BookRevision,
        seen: Container[str] | None = None,
        cover: CoverChange = UNCHANGED,
    ) -> str | None:
        """Change a book; orders keep the title and price of their moment.

        Cancelled orders may leave more copies than a book may have; then they may stay, or be
        fewer.

        :param seen: the versions that the seller has seen; any by default.
        :return: the name of the picture that was replaced or removed, for ``Covers`` to drop.
        :raise NotFound: when there is none or it is another's.
        :raise Changed: when it is in none of the versions seen.
        :raise TooManyCopies: when the seller's own change makes them too many.
        """

        def work(db: Session) -> str | None:
            book = _lock(db, book_id, seller_id)
            before = book.cover
            if seen is not None and not _is_seen(db, book_id, seen):
                raise Changed(book_id)
            shown = book.stock if data.stock_seen is None else data.stock_seen
            most = shown + max(0, LARGEST_QUANTITY - book.stock)
            if data.quantity > most:
                raise TooManyCopies(most)
            for name, value in book_fields(data).items():
                setattr(book, name, value)
            book.stock = max(0, book.stock + data.quantity - shown)
            book.cover = cover.after(before)
            return before if before != book.cover else None

        return self._database.transaction(work)

    def set_cover(self, book_id: int, seller_id: int, cover: CoverChange) -> str | None:
        """Change a book's picture alone.

        :return: the name of the picture that was replaced or removed, for ``Covers`` to drop.
        :raise NotFound: when there is none or it is another's.
        """

        def work(db: Session) -> str | None:
            book = _lock(db, book_id, seller_id)
            before = book.cover
            book.cover = cover.after(before)
            return before if before != book.cover else None

        return self._database.transaction(work)

    def withdraw(self, book_id: int, seller_id: int) -> None:
        """Take a book off sale.

        :raise NotFound: when there is none or it is another's.
        :raise Hidden: when a moderator has hidden it.
        """
        self._database.transaction(
            lambda db: _turn(_lock(db, book_id, seller_id), BookState.WITHDRAWN)
        )

    def republish(self, book_id: int, seller_id: int) -> None:
        """Put a withdrawn book back on sale.

        :raise NotFound: when there is none or it is another's.
        :raise Hidden: when a moderator has hidden it.
        """

        def work(db: Session) -> None:
            state = self._sellers.state_for_sale(db, seller_id)
            _turn(_lock(db, book_id, seller_id), state)

        self._database.transaction(work)


def book_fields(data: BookInput) -> dict[str, Any]:
    """Return the columns of a book that its seller decides."""
    return {
        "title": data.title,
        "author": data.author,
        "isbn": data.isbn,
        "description": data.description,
        "condition": data.condition,
        "language": data.language,
        "price_minor": data.price,
        "search_text": search_text(data.title, data.author, data.isbn, data.description),
    }


def _lock(db: Session, book_id: int, seller_id: int) -> Book:
    book = db.scalar(
        select(Book)
        .where(Book.id == book_id, Book.seller_id == seller_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if book is None:
        raise NotFound(book_id)
    return book


def _is_seen(db: Session, book_id: int, seen: Container[str]) -> bool:
    now = book_detail(db, book_id)
    return now is not None and now.version in seen


def _turn(book: Book, state: BookState) -> None:
    if book.state == BookState.HIDDEN:
        raise Hidden(book.id)
    book.state = state
