"""The verbs of the catalogue: publish, revise, withdraw, find, show."""

import hashlib
from collections.abc import Container
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookstore.catalogue.browsing import cursor_after, find
from bookstore.catalogue.cards import CARD, CARD_COLUMNS, BookCard, read_cards
from bookstore.catalogue.coverfiles import UNCHANGED, CoverChange
from bookstore.catalogue.forms import LARGEST_QUANTITY, Publication, Revision, Search
from bookstore.catalogue.hiding import Hiding
from bookstore.catalogue.models import Book
from bookstore.catalogue.search import search_text
from bookstore.catalogue.stock import Stock
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.money import CURRENCY
from bookstore.core.paging import Page, newest_after, page_of
from bookstore.core.services import service


@dataclass(frozen=True)
class BookDetail(BookCard):
    """Hold what a book's own page shows."""

    seller_id: int
    isbn: str | None
    description: str

    @property
    def version(self) -> str:
        """Return a name for exactly this state of the book, its stock included."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:32]

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


@dataclass(frozen=True)
class Offered:
    """Hold what a seller has on sale altogether; the value is in minor units."""

    titles: int
    copies: int
    value_minor: int
    currency: str


class Hidden(NotFound):
    """A moderator has hidden the book, so its seller can neither list nor withdraw it."""


class Changed(Exception):
    """The book is not in a state that its seller has seen."""


class TooManyCopies(Exception):
    """The seller's change would leave more copies than a listing has.

    :param most: the largest quantity that would be taken instead.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} copies")
        self.most = most


_DETAIL = (*CARD_COLUMNS, Book.seller_id, Book.isbn, Book.description)


class LocalCatalogue(Hiding, Stock):
    """Keep the catalogue in the shop's own database."""

    def browse(self, search: Search) -> Page[BookCard]:
        """Return a page of the listed books that a search finds, in its order."""
        with self._database.reading() as db:
            rows = find(db, CARD, search)
        return page_of(rows, read_cards, partial(cursor_after, search.order))

    def publications(self, seller_id: int, after: str | None = None) -> Page[BookCard]:
        """Return a page of what a person sells or has withdrawn, newest first."""
        own = select(CARD).where(Book.seller_id == seller_id)
        with self._database.reading() as db:
            rows = db.execute(newest_after(own, Book.id, after)).all()
        return page_of(rows, read_cards)

    def offered(self, seller_id: int) -> Offered:
        """Return what a person has on sale altogether."""
        query = select(
            func.count(),
            func.coalesce(func.sum(Book.stock), 0),
            func.coalesce(func.sum(Book.stock * Book.price_minor), 0),
        ).where(Book.seller_id == seller_id, Book.state == BookState.LISTED)
        with self._database.reading() as db:
            titles, copies, value = db.execute(query).one()
        # MySQL sums whole numbers up to a decimal.
        return Offered(titles, int(copies), int(value), CURRENCY)

    def book(self, book_id: int, reader_id: int | None = None) -> BookDetail:
        """Return a book for its page.

        :param reader_id: who reads; a withdrawn book is shown to its seller only.
        :raise NotFound: when there is none to show.
        """
        with self._database.reading() as db:
            row = db.execute(select(*_DETAIL).where(Book.id == book_id)).one_or_none()
        if row is None:
            raise NotFound(book_id)
        book = BookDetail(*cast("Any", row))
        if book.state != BookState.LISTED and book.seller_id != reader_id:
            raise NotFound(book_id)
        return book

    def own_book(self, book_id: int, seller_id: int) -> BookDetail:
        """Return a book to its seller.

        :raise NotFound: when there is none or it is another's.
        """
        book = self.book(book_id, seller_id)
        if book.seller_id != seller_id:
            raise NotFound(book_id)
        return book

    def publish(self, seller_id: int, data: Publication, cover: str | None = None) -> int:
        """Offer a book.

        :param cover: the name of its picture, which ``Covers`` keeps.
        :return: the book's id.
        """

        def work(db: Session) -> Book:
            book = Book(
                seller_id=seller_id,
                currency=CURRENCY,
                stock=data.quantity,
                cover=cover,
                state=self._listed_as(db, seller_id),
                **book_fields(data),
            )
            db.add(book)
            return book

        return self._database.transaction(work).id

    def revise(
        self,
        book_id: int,
        seller_id: int,
        data: Revision,
        seen: Container[str] | None = None,
        cover: CoverChange = UNCHANGED,
    ) -> str | None:
        """Change a publication; orders keep the title and price of their moment.

        Cancelled orders may leave more copies than a listing has; then they may stay, or be fewer.

        :param seen: the versions that the seller has seen; any by default.
        :return: the name of the picture that was replaced or removed, for ``Covers`` to drop.
        :raise NotFound: when there is none or it is another's.
        :raise Changed: when it is in none of the versions seen.
        :raise TooManyCopies: when the seller's own change makes them too many.
        """

        def work(db: Session) -> str | None:
            book = self._lock_own(db, book_id, seller_id)
            before = book.cover
            if seen is not None and self.own_book(book_id, seller_id).version not in seen:
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
        """Change a publication's picture alone.

        :return: the name of the picture that was replaced or removed, for ``Covers`` to drop.
        :raise NotFound: when there is none or it is another's.
        """

        def work(db: Session) -> str | None:
            book = self._lock_own(db, book_id, seller_id)
            before = book.cover
            book.cover = cover.after(before)
            return before if before != book.cover else None

        return self._database.transaction(work)

    def set_state(self, book_id: int, seller_id: int, state: BookState) -> None:
        """Withdraw a publication or list it again.

        :raise NotFound: when there is none or it is another's.
        :raise Hidden: when a moderator has hidden it.
        """

        def work(db: Session) -> None:
            is_listed = state == BookState.LISTED
            turned = self._listed_as(db, seller_id) if is_listed else state
            book = self._lock_own(db, book_id, seller_id)
            if book.state == BookState.HIDDEN:
                raise Hidden(book_id)
            book.state = turned

        self._database.transaction(work)

    @staticmethod
    def _lock_own(db: Session, book_id: int, seller_id: int) -> Book:
        book = db.scalar(
            select(Book)
            .where(Book.id == book_id, Book.seller_id == seller_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if book is None:
            raise NotFound(book_id)
        return book


def book_fields(data: Publication) -> dict[str, Any]:
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


def local_catalogue() -> LocalCatalogue:
    """Return this process's own catalogue, for the views of its domain."""
    return service(LocalCatalogue)
