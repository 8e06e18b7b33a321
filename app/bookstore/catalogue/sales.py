"""What was reserved and sold, as reconciliation asks for it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select

from bookstore.catalogue.models import Book, Reservation, ReservationState
from bookstore.core.db.database import Database
from bookstore.core.interfaces.catalogue import ReservedCopies

_RESERVED = select(
    Reservation.id,
    Reservation.key,
    Reservation.book_id,
    Reservation.quantity,
    Reservation.state,
    Reservation.created_at,
)


class Sales:
    """Tells of reservations, and of books that do not count them right."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, keys: Collection[str]) -> Sequence[ReservedCopies]:
        """Return what was reserved under some keys."""
        with self._database.reading() as db:
            found = db.execute(_RESERVED.where(Reservation.key.in_(keys)))
            return [ReservedCopies(*row) for row in found]

    def newest(self, limit: int, before: int | None) -> Sequence[ReservedCopies]:
        """Return the newest reservations first, or those before one of an id."""
        newest = _RESERVED.order_by(Reservation.id.desc()).limit(limit)
        if before is not None:
            newest = newest.where(Reservation.id < before)
        with self._database.reading() as db:
            return [ReservedCopies(*row) for row in db.execute(newest)]

    def miscounted_books(self, since: datetime) -> Sequence[int]:
        """Return books changed since a moment whose sales are not the copies that were sold."""
        sold = (
            select(func.coalesce(func.sum(Reservation.quantity), 0))
            .where(Reservation.book_id == Book.id, Reservation.state == ReservationState.SOLD)
            .scalar_subquery()
        )
        wrong = select(Book.id).where(Book.updated_at >= since, Book.sold != sold)
        with self._database.reading() as db:
            return db.scalars(wrong.order_by(Book.id)).all()
