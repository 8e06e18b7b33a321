"""Whether a seller's listings are on sale at all: not while a moderator keeps the seller out."""

from sqlalchemy import select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.orm import Session

from bookstore.catalogue.models import Book, Seller
from bookstore.core.db import ON_MYSQL, Database, changed_rows
from bookstore.core.interfaces.catalogue import BookState


class Standing:
    """Take all of a seller's listings off sale and put them back.

    What a seller has withdrawn and what a moderator has hidden stays so. Whoever lists a book
    and whoever pauses its seller take turns at the seller's row, before any book's, so that no
    listing is put up unseen while its seller is paused.
    """

    _database: Database

    def pause(self, seller_id: int) -> None:
        """Take a seller's listings off sale, and those that are listed from now on."""
        self._turn_seller(seller_id, BookState.LISTED, BookState.PAUSED)

    def resume(self, seller_id: int) -> None:
        """Put a seller's paused listings back on sale."""
        self._turn_seller(seller_id, BookState.PAUSED, BookState.LISTED)

    def _turn_seller(self, seller_id: int, before: BookState, after: BookState) -> None:
        def work(db: Session) -> None:
            self._listed_as(db, seller_id)
            seller = update(Seller).where(Seller.seller_id == seller_id)
            changed_rows(db, seller.values(paused=after == BookState.PAUSED))
            books = update(Book).where(Book.seller_id == seller_id, Book.state == before)
            changed_rows(db, books.values(state=after))

        self._database.transaction(work)

    @staticmethod
    def _listed_as(db: Session, seller_id: int) -> BookState:
        """Return the state of what a seller lists, which holds until the transaction ends."""
        row = {"seller_id": seller_id, "paused": False}
        if db.get_bind().dialect.name in ON_MYSQL:
            # Not INSERT IGNORE: two at once would share its lock and then wait for each other.
            unchanged = {"seller_id": seller_id}
            db.execute(mysql.insert(Seller).values(row).on_duplicate_key_update(unchanged))
        else:
            db.execute(sqlite.insert(Seller).values(row).on_conflict_do_nothing())
        paused = db.scalar(select(Seller.paused).where(Seller.seller_id == seller_id))
        return BookState.PAUSED if paused else BookState.LISTED
