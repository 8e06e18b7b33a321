"""Sample books: a shop to look at, or one that is large enough to measure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    String,
    Subquery,
    case,
    cast,
    exists,
    insert,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from bookstore.catalogue.forms import BookInput
from bookstore.catalogue.models import Book
from bookstore.catalogue.publishing import book_fields
from bookstore.catalogue.search import fold
from bookstore.catalogue.sellers import Sellers
from bookstore.core.db.database import Database, now
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.money import CURRENCY

SAMPLES = Path(__file__).parent.parent / "data" / "books.json"
_BOOKS = Book.metadata.tables[Book.__tablename__]
EDITIONS_AT_ONCE = 200
EDITION_STEP, EDITION_STEPS = 10_000, 50


def load_samples() -> list[BookInput]:
    """Read the sample books; they are held to the same rules as a seller's."""
    samples: list[dict[str, Any]] = json.loads(SAMPLES.read_text(encoding="utf-8"))
    return [
        BookInput.model_validate({**sample, "price": str(sample["price"])}) for sample in samples
    ]


def publish_samples(database: Database, count: int, sellers: Mapping[int, str]) -> int:
    """Publish sample books until there are ``count``; those that are there stay as they are.

    Past the length of the sample file its titles come again as further copies. The database
    multiplies them itself, for a million rows would take an hour to send.

    :param sellers: the names of the accounts that sell them, in turn, by their ids.
    :return: how many were published now.
    """
    samples = load_samples()
    editions = -(-count // len(samples))
    published = 0
    known = Sellers(database)
    for seller_id, name in sellers.items():
        known.welcome(seller_id, name)
    for first in range(0, editions, EDITIONS_AT_ONCE):
        last = min(first + EDITIONS_AT_ONCE, editions)
        statement = _multiply(samples, range(first, last), count, list(sellers))

        def work(db: Session, statement: Insert = statement) -> int:
            return db.connection().execute(statement).rowcount

        published += database.transaction(work)
    return published


def _multiply(
    samples: Sequence[BookInput], editions: range, count: int, seller_ids: Sequence[int]
) -> Insert:
    sample, edition = _table_of_samples(samples), _table_of_editions(editions)
    copy = edition.c.number
    number = copy * len(samples) + sample.c.index
    key = literal("sample-", String).concat(cast(number, String(20)))
    again = cast(copy + 1, String(20))
    moment = now()
    columns: dict[str, ColumnElement[Any]] = {
        **{c.name: c for c in sample.c if c.name not in _WORKED_OUT},
        "title": case(
            (copy == 0, sample.c.title),
            else_=sample.c.title.concat(" (").concat(again).concat(")"),
        ),
        "search_text": case(
            (copy == 0, sample.c.search_text),
            else_=sample.c.search_title.concat(" ").concat(again).concat(sample.c.search_rest),
        ),
        "price_minor": sample.c.price_minor + copy % EDITION_STEPS * EDITION_STEP,
        "seller_id": case(
            *((number % len(seller_ids) == turn, who) for turn, who in enumerate(seller_ids))
        ),
        "currency": literal(CURRENCY, String),
        "sold": literal(0),
        "state": literal(BookState.LISTED.value, String),
        "seed_key": key,
        "created_at": literal(moment, Book.created_at.type),
        "updated_at": literal(moment, Book.updated_at.type),
    }
    there = exists().where(Book.seed_key == key)
    rows = (
        select(*columns.values())
        .select_from(sample.join(edition, true()))
        .where(number < count, ~there)
        .order_by(number)
    )
    return insert(_BOOKS).from_select(list(columns), rows, include_defaults=False)


_WORKED_OUT = frozenset(
    {"index", "title", "search_text", "search_title", "search_rest", "price_minor"}
)


def _table_of_samples(samples: Sequence[BookInput]) -> Subquery:
    def row(index: int, data: BookInput) -> dict[str, Any]:
        fields = book_fields(data)
        title = fold(data.title)
        return {
            "index": index,
            "search_title": title,
            "search_rest": fields["search_text"].removeprefix(title),
            "stock": data.quantity,
            **fields,
        }

    rows = [row(index, data) for index, data in enumerate(samples)]
    types = {name: getattr(Book, name).type for name in rows[0] if hasattr(Book, name)} | {
        "search_title": Book.search_text.type,
        "search_rest": Book.search_text.type,
        "index": Book.stock.type,
    }
    return union_all(
        *(
            select(*(literal(value, types[name]).label(name) for name, value in row.items()))
            for row in rows
        )
    ).subquery("sample")


def _table_of_editions(editions: range) -> Subquery:
    return union_all(*(select(literal(number).label("number")) for number in editions)).subquery(
        "edition"
    )
