"""What a list of books shows of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Select, select

from bookstore.catalogue.models import Book, Seller
from bookstore.core.db.hints import PRIMARY, IndexHint, hinted


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


_SELLER = IndexHint(Seller, PRIMARY, to_join=True)


def select_books(*columns: Any, by: str | None = None) -> Select[Any]:
    """Return the query for columns of books and their sellers.

    Every book has a seller; the outer join keeps MySQL from reading the few sellers first and
    sorting all of their books, and the hint from reading all sellers for a page of books.

    :param by: the index that the books are read by, where the database is not left to choose.
    """
    books = select(*columns).outerjoin(Seller, Seller.account_id == Book.seller_id)
    hints = [_SELLER] if by is None else [_SELLER, IndexHint(Book, by)]
    return hinted(books, *hints)


def cards(rows: Sequence[Any]) -> list[BookCard]:
    """Return the cards of rows that were asked for by ``CARD_COLUMNS``."""
    return [BookCard(*cast("Any", row)) for row in rows]
