"""Find listed books by words and filters, in an order, a page at a time, quick at any size.

Every order has an index that begins with the books' state, so a page is the next rows of one, and
filters are looked at on the way. Languages are told apart within an index of their own, because
titles of one language, and prices, stand together and the rest of them would be read in vain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select
from sqlalchemy.engine import Connection

from bookstore.catalogue.forms import FILTERS, Order, Search
from bookstore.catalogue.models import Book
from bookstore.catalogue.search import holds, matches, search_words
from bookstore.core.db import ON_MYSQL
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.paging import PAGE_SIZE, Ordering, encode_cursor, encode_mark

# How many books in front are read for the words before the full-text index is asked. The index
# gives all books that hold a word, in no order, so it is slow for a common word, whose first page
# is found in front; it is quick for a rare one, of which the newest few hundred show none.
REACHES = (300, 4000)

ORDERINGS = {
    Order.NEWEST: Ordering(Book.id, Book.id, descending=True),
    Order.CHEAPEST: Ordering(Book.price_minor, Book.id),
    Order.DEAREST: Ordering(Book.price_minor, Book.id, descending=True),
    Order.TITLE: Ordering(Book.title, Book.id),
}


def find(db: Connection, column: ColumnElement[Any], search: Search) -> Sequence[Row[Any]]:
    """Return a column of the rows of a page, and one row more when it is not the last."""
    words = search_words(search.q)
    if search.q and not words:
        return []
    if not words:
        values = {name: getattr(search, name) for name in FILTERS}
        values["mark_value"], values["mark_id"] = search.mark or (None, None)
        given = {name: value for name, value in values.items() if value is not None}
        statement = _browse(column, search.order, frozenset(given))
        return db.execute(statement, given).all()
    books = select(column).where(*_conditions(search))
    if db.dialect.name not in ON_MYSQL:
        return db.execute(_page(books.where(holds(words)), search)).all()
    plain = search.order is Order.NEWEST and not search.filtered
    among = _among_newest if plain else _among_first
    near = among(db, books, search, words)
    if near is not None:
        return near
    return db.execute(_page(books.where(matches(words)), search)).all()


@dataclass(frozen=True)
class Places:
    """Stand for all searches of one kind: an attribute is a parameter's place, or None."""

    order: Order
    mark: tuple[Any, Any] | None
    price_from: Any
    price_to: Any
    condition: Any
    language: Any
    availability: Any


# To build a statement takes longer than to run it, and there are few kinds of searches.
@lru_cache(maxsize=256)
def _browse(column: ColumnElement[Any], order: Order, given: frozenset[str]) -> Select[Any]:
    mark: Any = (bindparam("mark_value"), bindparam("mark_id")) if "mark_id" in given else None
    filters: dict[str, Any] = {name: bindparam(name) if name in given else None for name in FILTERS}
    places = Places(order, mark, **filters)
    return _page(_by_index(select(column).where(*_conditions(places)), places), places)


def cursor_after(order: Order, card: Any) -> str:
    """Write the cursor of the page that follows a book."""
    if order is Order.NEWEST:
        return encode_cursor(card.id)
    return encode_mark(getattr(card, ORDERINGS[order].key.key), card.id)


def _conditions(search: Search | Places) -> list[ColumnElement[bool]]:
    wanted = [Book.state == BookState.LISTED]
    if search.mark is not None:
        wanted.append(ORDERINGS[search.order].after(search.mark))
    if search.price_from is not None:
        wanted.append(Book.price_minor >= search.price_from)
    if search.price_to is not None:
        wanted.append(Book.price_minor <= search.price_to)
    if search.condition is not None:
        wanted.append(Book.condition == search.condition)
    if search.language is not None:
        wanted.append(Book.language == search.language)
    if search.availability is not None:
        wanted.append(Book.stock > 0)
    return wanted


def _page(books: Select[Any], search: Search | Places) -> Select[Any]:
    return books.order_by(*ORDERINGS[search.order].sorting()).limit(PAGE_SIZE + 1)


def _among_newest(
    db: Connection, books: Select[Any], search: Search, words: list[str]
) -> Sequence[Row[Any]] | None:
    """Look at the newest books, and further back when there are some but no full page.

    :return: the page's rows, or None when there may be others.
    """
    start: Any = search.mark[1] if search.mark else select(func.max(Book.id)).scalar_subquery()
    for reach in REACHES:
        part = books.where(Book.id >= start - reach, holds(words))
        found = db.execute(_page(_by_index(part, search), search)).all()
        if len(found) > PAGE_SIZE:
            return found
        if not found:
            break
    return None


def _among_first(
    db: Connection, books: Select[Any], search: Search, words: list[str]
) -> Sequence[Row[Any]] | None:
    """Look at the first books of an order that pass the filters, if the words are common.

    :return: the page's rows, or None when there may be others.
    """
    for reach in REACHES if _is_common(db, words) else ():
        ids = _by_index(select(Book.id).where(*_conditions(search)), search)
        first = ids.order_by(*ORDERINGS[search.order].sorting()).limit(reach).subquery()
        part = books.join(first, first.c.id == Book.id).where(holds(words))
        found = db.execute(_page(part, search)).all()
        if len(found) > PAGE_SIZE:
            return found
        # Where fewer books than that pass the filters, all of them were looked at.
        if (db.scalar(select(func.count()).select_from(first)) or 0) < reach:
            return found
    return None


def _is_common(db: Connection, words: list[str]) -> bool:
    newest = Book.id >= select(func.max(Book.id)).scalar_subquery() - REACHES[0]
    listed = select(Book.id).where(Book.state == BookState.LISTED, newest, holds(words))
    return db.execute(listed.limit(1)).first() is not None


def _by_index(books: Select[Any], search: Search | Places) -> Select[Any]:
    """Have MySQL walk the index of the order, and not sort what another index finds.

    It is left to choose where few books may be in a range of prices and the order is another.
    """
    key = ORDERINGS[search.order].key.key
    priced = search.price_from is not None or search.price_to is not None
    if priced and key != Book.price_minor.key:
        return books
    parts = ["ix", Book.__tablename__, "state"]
    if search.language is not None:
        parts.append(Book.language.key)
    elif search.condition is not None and search.order is not Order.TITLE:
        parts.append(Book.condition.key)
    parts += [key] if key == Book.id.key else [key, Book.id.key]
    for dialect in ON_MYSQL:
        books = books.with_hint(Book, f"FORCE INDEX ({'_'.join(parts)})", dialect)
    return books
