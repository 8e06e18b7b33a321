"""What a list of books shows of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Select, select

from bookstore.catalogue.models import Book, Seller
from bookstore.core.db.database import ON_MYSQL


@dataclass(frozen=True)
class BookCard:
    """A book as one of many; the price is in minor units."""

    id: int
    seller_id: int
    seller_name: str
    title: str
    author: str
    condition: str
    language: str
    price_minor: int
    currency: str
    stock: int
    state: str
    cover: str | None


CARD_COLUMNS = (
    Book.id,
    Book.seller_id,
    Seller.name,
    Book.title,
    Book.author,
    Book.condition,
    Book.language,
    Book.price_minor,
    Book.currency,
    Book.stock,
    Book.state,
    Book.cover,
)


def select_books(*columns: Any) -> Select[Any]:
    """Return the query for columns of books and their sellers.

    Every book has a seller; the outer join keeps MySQL from reading the few sellers first and
    sorting all of their books, and the hint from reading all sellers for a page of books.
    """
    books = select(*columns).outerjoin(Seller, Seller.account_id == Book.seller_id)
    for dialect in ON_MYSQL:
        books = books.with_hint(Seller, "FORCE INDEX FOR JOIN (PRIMARY)", dialect)
    return books


def cards(rows: Sequence[Any]) -> list[BookCard]:
    """Return the cards of rows that were asked for by ``CARD_COLUMNS``."""
    return [BookCard(*cast("Any", row)) for row in rows]
