"""Stock: reserve copies before a payment, then confirm or release them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.catalogue.models import Book, Reservation, ReservationState
from bookstore.core.db import Database, changed_rows
from bookstore.core.interfaces.catalogue import BookState, Line, Offer, OutOfStock


class Stock:
    """Keep the number of copies true under any number of buyers at once.

    Copies are taken by a conditional UPDATE before the reservation's row is inserted: the other
    order deadlocks, for the foreign key locks the book's row first. Several books are always
    taken in the order of their ids.
    """

    joins_transactions = True

    def __init__(self, database: Database) -> None:
        self._database = database

    def offers(self, book_ids: Collection[int]) -> Mapping[int, Offer]:
        """Return the offers of books by their ids; those that are not listed are left out."""
        if not book_ids:
            return {}
        with self._database.reading() as db:
            return self._offers(db, book_ids)

    def reserve_parcels(self, parcels: Mapping[str, Sequence[Line]]) -> Mapping[int, Offer]:
        """Take copies out of the stock and hold them, all of them or none.

        :param parcels: what is held under each key; a book is in one parcel only.
        :return: the offers at this moment, by book id.
        :raise OutOfStock: when a line cannot be had; then nothing is held.
        """
        wanted = sorted(
            ((key, line) for key, lines in parcels.items() for line in lines),
            key=lambda each: each[1].book_id,
        )

        def work(db: Session) -> Mapping[int, Offer]:
            query = select(Reservation.key, Reservation.book_id)
            rows = db.execute(query.where(Reservation.key.in_(parcels)))
            held = {(row.key, row.book_id) for row in rows}
            for key, line in wanted:
                if (key, line.book_id) not in held:
                    self._take(db, key, line)
            return self._offers(db, [line.book_id for _, line in wanted])

        return self._database.transaction(work)

    def confirm_parcels(self, *keys: str) -> None:
        """Turn what is held under keys into sales."""
        held = [ReservationState.HELD]
        self._database.transaction(
            lambda db: self._turn(db, keys, held, ReservationState.SOLD) and None
        )

    def release_parcels(self, *keys: str) -> None:
        """Put what is held or sold under keys back into the stock."""

        def work(db: Session) -> None:
            taken = [ReservationState.HELD, ReservationState.SOLD]
            for book_id, quantity in self._turn(db, keys, taken, ReservationState.RELEASED):
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
        db: Session, keys: Sequence[str], before: Sequence[str], after: ReservationState
    ) -> list[tuple[int, int]]:
        rows = db.scalars(
            select(Reservation)
            .where(Reservation.key.in_(keys), Reservation.state.in_(before))
            .order_by(Reservation.book_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        for row in rows:
            row.state = after
        return [(row.book_id, row.quantity) for row in rows]

    @staticmethod
    def _offers(db: Session, book_ids: Collection[int]) -> dict[int, Offer]:
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
