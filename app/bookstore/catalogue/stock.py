"""Stock: reserve copies before a payment, then confirm or release them."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.catalogue.models import Book, BookState, Reservation, ReservationState
from bookstore.core.db import Database, changed_rows
from bookstore.core.interfaces.catalogue import Line, Offer, OutOfStock


class Stock:
    """Keep the number of copies true under any number of buyers at once.

    Copies are taken by a conditional UPDATE before the reservation's row is inserted: the other
    order deadlocks, for the foreign key locks the book's row first. Several books are always
    taken in the order of their ids.
    """

    joins_transactions = True

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, key: str, lines: Sequence[Line]) -> Sequence[Offer]:
        """Take copies out of the stock and hold them under a key.

        :return: the offers at this moment, in the order of the lines.
        :raise OutOfStock: when a line cannot be had; then nothing is held.
        """

        def work(db: Session) -> Sequence[Offer]:
            held = set(db.scalars(select(Reservation.book_id).where(Reservation.key == key)))
            for line in sorted(lines, key=lambda line: line.book_id):
                if line.book_id not in held:
                    self._take(db, key, line)
            offers = self._offers(db, [line.book_id for line in lines])
            return [offers[line.book_id] for line in lines]

        return self._database.transaction(work)

    def confirm(self, key: str) -> None:
        """Turn what is held under a key into a sale."""
        held = [ReservationState.HELD]
        self._database.transaction(
            lambda db: self._turn(db, key, held, ReservationState.SOLD) and None
        )

    def release(self, key: str) -> None:
        """Put what is held or sold under a key back into the stock."""

        def work(db: Session) -> None:
            taken = [ReservationState.HELD, ReservationState.SOLD]
            for book_id, quantity in self._turn(db, key, taken, ReservationState.RELEASED):
                db.execute(
                    update(Book).where(Book.id == book_id).values(stock=Book.stock + quantity)
                )

        self._database.transaction(work)

    @staticmethod
    def _take(db: Session, key: str, line: Line) -> None:
        taken = changed_rows(
            db,
            update(Book)
            .where(
                Book.id == line.book_id,
                Book.state == BookState.LISTED,
                Book.stock >= line.quantity,
            )
            .values(stock=Book.stock - line.quantity),
        )
        if taken != 1:
            left = db.scalar(
                select(Book.stock).where(Book.id == line.book_id, Book.state == BookState.LISTED)
            )
            raise OutOfStock(line.book_id, left or 0)
        db.add(Reservation(key=key, book_id=line.book_id, quantity=line.quantity))
        db.flush()

    @staticmethod
    def _turn(
        db: Session, key: str, before: Sequence[str], after: ReservationState
    ) -> list[tuple[int, int]]:
        rows = db.scalars(
            select(Reservation)
            .where(Reservation.key == key, Reservation.state.in_(before))
            .order_by(Reservation.book_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        for row in rows:
            row.state = after
        return [(row.book_id, row.quantity) for row in rows]

    @staticmethod
    def _offers(db: Session, book_ids: Sequence[int]) -> dict[int, Offer]:
        rows = db.execute(
            select(
                Book.id,
                Book.seller_id,
                Book.title,
                Book.author,
                Book.price_minor,
                Book.currency,
                Book.stock,
            ).where(Book.id.in_(book_ids), Book.state == BookState.LISTED)
        )
        return {row.id: Offer(*row) for row in rows}
