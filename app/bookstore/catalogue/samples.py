"""Sample books: a shop to look at, or one that is large enough to measure."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bookstore.catalogue.forms import Publication
from bookstore.catalogue.models import Book, BookState
from bookstore.catalogue.service import book_fields
from bookstore.core.db import Database
from bookstore.core.money import CURRENCY

SAMPLES = Path(__file__).parent.parent / "data" / "books.json"
BATCH = 1000


def load_samples() -> list[Publication]:
    """Read the sample books; they are held to the same rules as a seller's."""
    samples: list[dict[str, Any]] = json.loads(SAMPLES.read_text(encoding="utf-8"))
    return [
        Publication.model_validate({**sample, "price": str(sample["price"])}) for sample in samples
    ]


def plant(database: Database, count: int, seller_ids: Sequence[int]) -> int:
    """Publish sample books until there are ``count``; those that are there stay as they are.

    Past the length of the sample file its titles come again as further copies.

    :param seller_ids: the accounts that sell them, in turn.
    :return: how many were published now.
    """
    samples = load_samples()
    planted = 0
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))

        def work(db: Session, numbers: range = numbers) -> int:
            keys = {f"sample-{number}": number for number in numbers}
            known = db.scalars(select(Book.seed_key).where(Book.seed_key.in_(keys)))
            for key in known:
                keys.pop(str(key))
            rows = [
                _row(samples, number, key, seller_ids[number % len(seller_ids)])
                for key, number in keys.items()
            ]
            if rows:
                db.execute(insert(Book), rows)
            return len(rows)

        planted += database.transaction(work)
    return planted


def _row(
    samples: Sequence[Publication], number: int, key: str, seller_id: int
) -> dict[str, object]:
    edition, index = divmod(number, len(samples))
    data = samples[index]
    if edition:
        title = f"{data.title} ({edition + 1})"
        data = data.model_copy(update={"title": title, "price": data.price + edition % 50 * 10_000})
    return {
        **book_fields(data),
        "seller_id": seller_id,
        "currency": CURRENCY,
        "stock": data.quantity,
        "state": BookState.LISTED,
        "seed_key": key,
    }
