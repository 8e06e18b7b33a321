"""A seller's own books, as the seller sees them; see ``Publishing`` for what they do with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import func, select

from bookstore.catalogue.browsing import BookDetail, Browsing
from bookstore.catalogue.cards import CARD_COLUMNS, BookCard, select_books
from bookstore.catalogue.models import Book
from bookstore.core.db.database import Database
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.money import CURRENCY
from bookstore.core.paging import Page, newest_after, page_of


@dataclass(frozen=True)
class OwnCard(BookCard):
    """A book among many as its seller sees it.

    :ivar sold: how many copies were sold.
    """

    sold: int


@dataclass(frozen=True)
class OnSale:
    """What a seller has on sale altogether; the value is in minor units."""

    titles: int
    copies: int
    value_minor: int
    currency: str


class OwnBooks:
    """The books of one seller in any state."""

    def __init__(self, database: Database, browsing: Browsing) -> None:
        self._database = database
        self._browsing = browsing

    def page(self, seller_id: int, after: str | None = None) -> Page[OwnCard]:
        """Return a page of a seller's books in any state, newest first."""
        own = select_books(*CARD_COLUMNS, Book.sold).where(Book.seller_id == seller_id)
        with self._database.reading() as db:
            rows = db.execute(newest_after(own, Book.id, after)).all()
        return page_of(rows, _own_cards)

    def on_sale(self, seller_id: int) -> OnSale:
        """Return what a seller has on sale altogether."""
        query = select(
            func.count(),
            func.coalesce(func.sum(Book.stock), 0),
            func.coalesce(func.sum(Book.stock * Book.price_minor), 0),
        ).where(Book.seller_id == seller_id, Book.state == BookState.LISTED)
        with self._database.reading() as db:
            titles, copies, value = db.execute(query).one()
        # MySQL sums whole numbers up to a decimal.
        return OnSale(titles, int(copies), int(value), CURRENCY)

    def book(self, book_id: int, seller_id: int) -> BookDetail:
        """Return a book to its seller.

        :raise NotFound: when there is none or it is another's.
        """
        book = self._browsing.book(book_id, seller_id)
        if book.seller_id != seller_id:
            raise NotFound(book_id)
        return book


def _own_cards(rows: Sequence[Any]) -> list[OwnCard]:
    return [OwnCard(*cast("Any", row)) for row in rows]
