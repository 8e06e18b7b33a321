"""What a page of many books shows of each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import String, func

from bookstore.catalogue.models import Book

# A card takes half a kilobyte.
MOST_CARDS = 4096


@dataclass(frozen=True)
class BookCard:
    """Hold a book as one of many."""

    id: int
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
# One text for each row, because the driver reads each column of each row in Python, which took
# half of a page's time. All databases that the shop runs on write the same JSON.
CARD = func.json_array(*CARD_COLUMNS, type_=String)


def read_cards(rows: Sequence[Any]) -> tuple[BookCard, ...]:
    """Return the cards of rows that were asked for as ``CARD``."""
    return tuple(_card(text) for (text,) in rows)


@lru_cache(maxsize=MOST_CARDS)
def _card(text: str) -> BookCard:
    return BookCard(*json.loads(text))
