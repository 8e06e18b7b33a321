"""Keyset pages: a cursor says where the last page ended, so page 1,000 is as quick as the first."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")
Row = TypeVar("Row")
Columns = TypeVarTuple("Columns")

PAGE_SIZE = 24
LARGEST_ID = 2**63 - 1
ID_BYTES = 8
# An id alone, and an id with the longest text that rows are ordered by: 200 characters.
LONGEST_CURSOR, LONGEST_MARK, LONGEST_VALUE = 16, 1200, 200

Mark = tuple[int | str, int]


class Identified(Protocol):
    """What is known by an id, by which pages are ordered."""

    @property
    def id(self) -> int:
        """Return the id."""


Card = TypeVar("Card", bound=Identified)


@dataclass(frozen=True)
class Page(Generic[T]):
    """The rows of one page and the cursor of the next, which is None on the last."""

    items: Sequence[T]
    next_cursor: str | None


@dataclass(frozen=True)
class Ordering:
    """Order rows by a column, and those that are equal in it by their id.

    :param key: the column; ``id`` itself for rows in the order of their ids.
    """

    key: InstrumentedAttribute[Any]
    id: InstrumentedAttribute[int]
    descending: bool = False

    def sorting(self) -> Sequence[ColumnElement[Any]]:
        """Return what to order by."""
        columns = (self.id,) if self.key is self.id else (self.key, self.id)
        return [column.desc() if self.descending else column.asc() for column in columns]

    def after(self, mark: Mark | tuple[Any, Any]) -> ColumnElement[bool]:
        """Return the condition that a row comes after the one of a mark.

        It is told so that MySQL makes two ranges of an index of it, and SQLite one.
        """
        value, position = mark
        further = self._beyond(self.id, position)
        if self.key is self.id:
            return further
        reached = self.key <= value if self.descending else self.key >= value
        tied = and_(self.key == value, further)
        return and_(reached, or_(self._beyond(self.key, value), tied))

    def _beyond(self, column: InstrumentedAttribute[Any], value: int | str) -> ColumnElement[bool]:
        return column < value if self.descending else column > value


def newest_after(
    query: Select[*Columns], key: InstrumentedAttribute[int], after: str | None
) -> Select[*Columns]:
    """Return the query for a page, newest first, and one row more to tell whether it is the last.

    :param after: the cursor of the page before.
    """
    position = decode_cursor(after)
    if position is not None:
        query = query.where(key < position)
    return query.order_by(key.desc()).limit(PAGE_SIZE + 1)


def page_of(
    rows: Sequence[Row],
    shown: Callable[[Sequence[Row]], Sequence[Card]],
    cursor: Callable[[Card], str] | None = None,
) -> Page[Card]:
    """Return the page of what was found with one row more than it shows.

    :param shown: turns the page's rows into what is shown of them, in their order.
    :param cursor: writes the cursor that follows a card; that of its id by default.
    """
    cards = shown(rows[:PAGE_SIZE])
    if len(rows) <= PAGE_SIZE:
        return Page(cards, None)
    last = cards[-1]
    return Page(cards, cursor(last) if cursor else encode_cursor(last.id))


def encode_cursor(position: int) -> str:
    """Write the id of a page's last row as an opaque text that is safe in a URL."""
    return _written(position.to_bytes(ID_BYTES, "big").lstrip(b"\0"))


def decode_cursor(text: str | None) -> int | None:
    """Read a cursor back.

    :param text: what the URL holds, from anywhere.
    :return: the id, or None for no cursor and for one that is not ours, which shows page one.
    """
    return _id(_read(text, LONGEST_CURSOR))


def encode_mark(value: int | str, position: int) -> str:
    """Write what a page's last row is ordered by, and its id, as a text that is safe in a URL.

    :param value: a line of text, or a whole number below 2**56.
    """
    told = value.encode() if isinstance(value, str) else value.to_bytes(ID_BYTES, "big")
    return _written(position.to_bytes(ID_BYTES, "big") + told)


def decode_mark(text: str, kind: type[int] | type[str]) -> Mark | None:
    """Read a mark back.

    :param text: what the URL holds, from anywhere.
    :param kind: the type of what the rows are ordered by.
    :return: the value and the id, or None for one that is not ours.
    """
    raw = _read(text, LONGEST_MARK)
    position, told = _id(raw[:ID_BYTES]), raw[ID_BYTES:]
    if position is None or not told:
        return None
    # A number has a zero in front, which no line of text has: neither is taken for the other.
    if kind is int:
        ours = len(told) == ID_BYTES and told[0] == 0
        return (int.from_bytes(told, "big"), position) if ours else None
    try:
        value = told.decode()
    except UnicodeDecodeError:
        return None
    ours = len(value) <= LONGEST_VALUE and min(value) >= " "
    return (value, position) if ours else None


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(text: str | None, longest: int) -> bytes:
    if not text or len(text) > longest:
        return b""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _id(raw: bytes) -> int | None:
    position = int.from_bytes(raw, "big")
    return position if 0 < position <= LARGEST_ID else None
