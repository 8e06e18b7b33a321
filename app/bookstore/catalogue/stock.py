"""Stock: reserve copies before a payment, then confirm or release them."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.catalogue.cards import select_books
from bookstore.catalogue.models import Book, Reservation, ReservationState, Seller
from bookstore.core.db.database import Database, changed_rows, now
from bookstore.core.interfaces.catalogue import (
    BookSnapshot,
    BookState,
    Line,
    OutOfStock,
    ReservationExpired,
)

log = logging.getLogger("bookstore.stock")


class Stock:
    """Keeps the number of copies true under any number of buyers at once.

    Copies are taken by a conditional UPDATE before the reservation's row is inserted: the other
    order deadlocks, for the foreign key locks the book's row first. Several books are always
    taken in the order of their ids.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def books(self, book_ids: Collection[int]) -> Mapping[int, BookSnapshot]:
        """Return books by their ids; those that are not on sale are left out."""
        if not book_ids:
            return {}
        with self._database.reading() as db:
            found = db.execute(_SNAPSHOTS, {"books": list(book_ids)})
            return {row.id: BookSnapshot(*cast("Any", row)) for row in found}

    def reserve(self, key: str, lines: Sequence[Line], expires_at: datetime) -> None:
        """Take copies out of the stock and hold them: all lines of them, or none.

        :raise OutOfStock: when a line cannot be had; then nothing is held.
        :raise ReservationExpired: when the key was used before and nothing is held under it now.
        """

        def work(db: Session) -> None:
            for line in sorted(lines, key=lambda line: line.book_id):
                _take(db, line)
            of = {"key": key, "expires_at": expires_at}
            held = [of | {"book_id": line.book_id, "quantity": line.quantity} for line in lines]
            db.connection().execute(insert(Reservation), held)

        try:
            self._database.transaction(work)
        except (IntegrityError, OutOfStock):
            # It was asked for before, or at once: then it is there, and the copies may be its own.
            if not self._holds(key):
                raise

    def _holds(self, key: str) -> bool:
        """Return whether anything is held or sold under a key.

        :raise ReservationExpired: when it was, and is not any more.
        """
        with self._database.reading() as db:
            states = db.scalars(select(Reservation.state).where(Reservation.key == key)).all()
        if any(state in _ENDED for state in states):
            raise ReservationExpired(key)
        return bool(states)

    def confirm(self, key: str) -> None:
        """Turn what is held under a key into sales.

        :raise ReservationExpired: when nothing is held or sold under the key any more.
        """

        def work(db: Session) -> None:
            rows = _locked(db, key)
            if all(row.state in _ENDED for row in rows):
                raise ReservationExpired(key)
            for row in _turn(db, rows, ReservationState.HELD, ReservationState.SOLD):
                _change(db, row.book_id, sold=Book.sold + row.quantity)

        self._database.transaction(work)

    def release(self, key: str, book_ids: Collection[int] | None = None) -> None:
        """Put what is held or sold under a key back into the stock.

        :param book_ids: these books alone.
        """

        def work(db: Session) -> None:
            for row in _locked(db, key):
                if book_ids is not None and row.book_id not in book_ids:
                    continue
                stock, before = Book.stock + row.quantity, row.state
                if before == ReservationState.HELD:
                    _change(db, row.book_id, stock=stock)
                elif before == ReservationState.SOLD:
                    _change(db, row.book_id, stock=stock, sold=Book.sold - row.quantity)
                else:
                    continue
                _turn(db, [row], before, ReservationState.RELEASED)

        self._database.transaction(work)

    def release_expired(self, limit: int = 500) -> int:
        """Put back what was held for longer than it should be.

        :param limit: how many reservations at most, the oldest first.
        :return: how many were ended.
        """
        query = (
            select(Reservation.key)
            .where(Reservation.state == ReservationState.HELD, Reservation.expires_at < now())
            .order_by(Reservation.expires_at)
            .limit(limit)
        )
        with self._database.reading() as db:
            keys = list(dict.fromkeys(db.scalars(query)))
        return sum(self._expire(key) for key in keys)

    def _expire(self, key: str) -> bool:
        def work(db: Session) -> bool:
            held = _turn(db, _locked(db, key), ReservationState.HELD, ReservationState.EXPIRED)
            for row in held:
                _change(db, row.book_id, stock=Book.stock + row.quantity)
            return bool(held)

        expired = self._database.transaction(work)
        if expired:
            log.info("reservation expired")
        return expired


_ENDED = (ReservationState.RELEASED, ReservationState.EXPIRED)
_SNAPSHOT = (
    Book.id,
    Book.seller_id,
    Seller.name,
    Book.title,
    Book.author,
    Book.price_minor,
    Book.currency,
    Book.stock,
    Book.cover,
)


# To build a statement takes longer than to run it.
_SNAPSHOTS = select_books(*_SNAPSHOT).where(
    Book.id.in_(bindparam("books", expanding=True)), Book.state == BookState.LISTED
)
_OF_KEY = (
    select(Reservation.id, Reservation.book_id, Reservation.quantity, Reservation.state)
    .where(Reservation.key == bindparam("key"))
    .order_by(Reservation.book_id)
    .with_for_update()
)
_LISTED = (Book.id == bindparam("book"), Book.state == BookState.LISTED)
_LEFT = select(Book.stock).where(*_LISTED)
_TAKEN = (
    update(Book)
    .where(*_LISTED, Book.stock >= bindparam("copies"))
    .values(stock=Book.stock - bindparam("copies"))
)


def _locked(db: Session, key: str) -> Sequence[Any]:
    return db.connection().execute(_OF_KEY, {"key": key}).all()


def _turn(
    db: Session, rows: Iterable[Any], before: ReservationState, after: ReservationState
) -> Sequence[Any]:
    """Turn those of the rows that are in one state to another, and return them."""
    turned = [row for row in rows if row.state == before]
    if turned:
        these = Reservation.id.in_([row.id for row in turned])
        db.connection().execute(update(Reservation).where(these).values(state=after))
    return turned


def _change(db: Session, book_id: int, **values: Any) -> None:
    changed_rows(db, update(Book).where(Book.id == book_id).values(**values))


def _take(db: Session, line: Line) -> None:
    rows, book = db.connection(), {"book": line.book_id}
    if rows.execute(_TAKEN, {**book, "copies": line.quantity}).rowcount != 1:
        raise OutOfStock(line.book_id, rows.execute(_LEFT, book).scalar() or 0)
