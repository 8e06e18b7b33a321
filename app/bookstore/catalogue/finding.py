"""Find listed books by words and filters, in an order, a page at a time, quick at any size.

Every order has an index that begins with the books' state, so a page is the next rows of one, and
filters are looked at on the way. Languages are told apart within an index of their own, because
titles of one language, and prices, stand together and the rest of them would be read in vain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, bindparam, func, select
from sqlalchemy.orm import Session

from bookstore.catalogue.cards import CARD_COLUMNS, select_books
from bookstore.catalogue.forms import FILTERS, Search, Sort
from bookstore.catalogue.models import Book
from bookstore.catalogue.search import holds, matches, search_words, word_values
from bookstore.core.db.database import ON_MYSQL
from bookstore.core.db.hints import IndexHint, hinted
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.paging import PAGE_SIZE, Ordering, encode_cursor, encode_mark

# How many books in front are read for the words before the full-text index is asked. The index
# gives all books that hold a word, in no order, so it is slow for a common word, whose first page
# is found in front; it is quick for a rare one, of which the newest few hundred show none.
REACHES = (300, 4000)

ORDERINGS = {
    Sort.NEWEST: Ordering(Book.id, Book.id, descending=True),
    Sort.CHEAPEST: Ordering(Book.price_minor, Book.id),
    Sort.DEAREST: Ordering(Book.price_minor, Book.id, descending=True),
    Sort.TITLE: Ordering(Book.title, Book.id),
}
LISTED = Book.state == BookState.LISTED
NEWEST = select(func.max(Book.id)).scalar_subquery()
FILTERED: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "price_from": lambda least: Book.price_minor >= least,
    "price_to": lambda most: Book.price_minor <= most,
    "condition": lambda one: Book.condition == one,
    "language": lambda one: Book.language == one,
    "availability": lambda _in_stock: Book.stock > 0,
}


def find(db: Session, search: Search) -> Sequence[Row[Any]]:
    """Return a page's rows of ``CARD_COLUMNS``, and one row more when it is not the last."""
    words = search_words(search.q)
    if search.q and not words:
        return []
    values = {name: getattr(search, name) for name in FILTERS}
    values["mark_value"], values["mark_id"] = search.mark or (None, None)
    given = {name: value for name, value in values.items() if value is not None}
    ask = _statements(Kind(search.sort, frozenset(given), len(words)))
    given.update(word_values(words))
    if not words:
        return db.execute(ask.by_index, given).all()
    if db.get_bind().dialect.name not in ON_MYSQL:
        return db.execute(ask.by_reading, given).all()
    plain = search.sort is Sort.NEWEST and not search.filtered
    near = (_among_newest if plain else _among_first)(db, ask, given)
    return db.execute(ask.by_full_text, given).all() if near is None else near


def cursor_after(sort: Sort, card: Any) -> str:
    """Write the cursor of the page that follows a book."""
    if sort is Sort.NEWEST:
        return encode_cursor(card.id)
    return encode_mark(getattr(card, ORDERINGS[sort].key.key), card.id)


@dataclass(frozen=True)
class Kind:
    """A kind of search: those of two kinds need two statements, not only other values.

    :ivar given: the filters that it has, and ``mark_value`` and ``mark_id`` after a first page.
    :ivar words: how many it looks for.
    """

    sort: Sort
    given: frozenset[str]
    words: int

    @property
    def is_further(self) -> bool:
        """Return whether it is for a page after the first one."""
        return "mark_id" in self.given

    @property
    def is_priced(self) -> bool:
        """Return whether it looks in a range of prices."""
        return not self.given.isdisjoint({"price_from", "price_to"})


class Statements:
    """Build what the searches of a kind ask; to build a statement takes longer than to run it."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._ordering = ORDERINGS[kind.sort]
        self._index = _index_of(kind)
        self._listed = self._filtered(select_books(*CARD_COLUMNS))

    @cached_property
    def by_index(self) -> Select[Any]:
        """Return the page of a search without words."""
        return self._page(self._by_index)

    @cached_property
    def by_reading(self) -> Select[Any]:
        """Return the page, where each book's text is read until there are enough."""
        return self._page(self._listed.where(self._holds))

    @cached_property
    def by_full_text(self) -> Select[Any]:
        """Return the page, where the full-text index tells which books hold the words."""
        return self._page(self._listed.where(matches()))

    @cached_property
    def among_newest(self) -> Select[Any]:
        """Return the page, as far as it is found in ``reach`` numbers from where it begins."""
        start = bindparam("mark_id") if self._kind.is_further else NEWEST
        near = Book.id >= start - bindparam("reach")
        return self._page(self._by_index.where(near, self._holds))

    @cached_property
    def among_first(self) -> Select[Any]:
        """Return the page, as far as it is found in the first ``reach`` that pass the filters."""
        held = self._listed.join(self._first, self._first.c.id == Book.id).where(self._holds)
        return self._page(held)

    @cached_property
    def first_count(self) -> Select[Any]:
        """Return how many those first ones are."""
        return select(func.count()).select_from(self._first)

    @cached_property
    def common(self) -> Select[Any]:
        """Return a row where one of the newest books holds the words."""
        newest = Book.id >= NEWEST - REACHES[0]
        return select(Book.id).where(LISTED, newest, self._holds).limit(1)

    @cached_property
    def _first(self) -> Subquery:
        ids = self._filtered(select(Book.id))
        if self._index is not None:
            ids = hinted(ids, IndexHint(Book, self._index))
        return ids.order_by(*self._ordering.sorting()).limit(bindparam("reach")).subquery()

    @cached_property
    def _by_index(self) -> Select[Any]:
        return self._filtered(select_books(*CARD_COLUMNS, by=self._index))

    @property
    def _holds(self) -> ColumnElement[bool]:
        return holds(self._kind.words)

    def _filtered(self, books: Select[Any]) -> Select[Any]:
        kind = self._kind
        books = books.where(LISTED)
        if kind.is_further:
            mark: Any = bindparam("mark_value"), bindparam("mark_id")
            books = books.where(self._ordering.after(mark))
        for name, passes in FILTERED.items():
            if name in kind.given:
                books = books.where(passes(bindparam(name)))
        return books

    def _page(self, books: Select[Any]) -> Select[Any]:
        return books.order_by(*self._ordering.sorting()).limit(PAGE_SIZE + 1)


_statements = lru_cache(maxsize=256)(Statements)


def _among_newest(
    db: Session, ask: Statements, given: Mapping[str, Any]
) -> Sequence[Row[Any]] | None:
    """Look at the newest books, and further back when there are some but no full page.

    :return: the page's rows, or None when there may be others.
    """
    for reach in REACHES:
        found = db.execute(ask.among_newest, {**given, "reach": reach}).all()
        if len(found) > PAGE_SIZE:
            return found
        if not found:
            break
    return None


def _among_first(
    db: Session, ask: Statements, given: Mapping[str, Any]
) -> Sequence[Row[Any]] | None:
    """Look at the first books of an order that pass the filters, if the words are common.

    :return: the page's rows, or None when there may be others.
    """
    is_common = db.execute(ask.common, given).first() is not None
    for reach in REACHES if is_common else ():
        near = {**given, "reach": reach}
        found = db.execute(ask.among_first, near).all()
        if len(found) > PAGE_SIZE:
            return found
        # Where fewer books than that pass the filters, all of them were looked at.
        if (db.scalar(ask.first_count, near) or 0) < reach:
            return found
    return None


def _index_of(kind: Kind) -> str | None:
    """Return the index of the order, for MySQL to walk it and sort nothing.

    It is left to choose where few books may be in a range of prices and the order is another.
    """
    key = ORDERINGS[kind.sort].key.key
    if kind.is_priced and key != Book.price_minor.key:
        return None
    parts = ["ix", Book.__tablename__, "state"]
    if Book.language.key in kind.given:
        parts.append(Book.language.key)
    elif Book.condition.key in kind.given and kind.sort is not Sort.TITLE:
        parts.append(Book.condition.key)
    parts += [key] if key == Book.id.key else [key, Book.id.key]
    return "_".join(parts)
