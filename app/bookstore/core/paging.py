"""Keyset pages: a cursor says where the last page ended, so page 1,000 is as quick as the first."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")
Row = TypeVar("Row")
Columns = TypeVarTuple("Columns")

PAGE_SIZE = 24
LARGEST_ID = 2**63 - 1


class Identified(Protocol):
    """Be known by an id, by which pages are ordered."""

    @property
    def id(self) -> int:
        """Return the id."""


Card = TypeVar("Card", bound=Identified)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Hold the rows of one page and the cursor of the next, which is None on the last."""

    items: Sequence[T]
    next_cursor: str | None


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


def page_of(rows: Sequence[Row], shown: Callable[[Sequence[Row]], Sequence[Card]]) -> Page[Card]:
    """Return the page of what ``newest_after`` found.

    :param shown: turns the page's rows into what is shown of them, in their order.
    """
    cards = shown(rows[:PAGE_SIZE])
    more = len(rows) > PAGE_SIZE
    return Page(cards, encode_cursor(cards[-1].id) if more else None)


def encode_cursor(position: int) -> str:
    """Write the id of a page's last row as an opaque text that is safe in a URL."""
    raw = position.to_bytes(8, "big").lstrip(b"\0")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(text: str | None) -> int | None:
    """Read a cursor back.

    :param text: what the URL holds, from anywhere.
    :return: the id, or None for no cursor and for one that is not ours, which shows page one.
    """
    if not text or len(text) > 16:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    position = int.from_bytes(raw, "big")
    return position if 0 < position <= LARGEST_ID else None
