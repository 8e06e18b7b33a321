"""What moderators may do to a listing; they come through the catalogue's interface."""

from sqlalchemy import select, update

from bookstore.catalogue.models import Book, BookState
from bookstore.core.db import Database, changed_rows
from bookstore.core.interfaces.catalogue import Listing


class Hiding:
    """Hide listings from everybody but their sellers, who cannot list them again."""

    _database: Database

    def listing(self, book_id: int) -> Listing | None:
        """Return a book in any state, or None when there is none."""
        query = select(
            Book.id, Book.seller_id, Book.title, Book.author, Book.description, Book.state
        ).where(Book.id == book_id)
        with self._database.reading() as db:
            row = db.execute(query).one_or_none()
        return Listing(*row) if row is not None else None

    def hide(self, book_id: int) -> bool:
        """Hide a listed book; tell whether it was one."""
        return self._turn_state(book_id, BookState.LISTED, BookState.HIDDEN)

    def unhide(self, book_id: int) -> bool:
        """List a hidden book again; tell whether it was one."""
        return self._turn_state(book_id, BookState.HIDDEN, BookState.LISTED)

    def _turn_state(self, book_id: int, before: BookState, after: BookState) -> bool:
        statement = update(Book).where(Book.id == book_id, Book.state == before).values(state=after)
        return self._database.transaction(lambda db: changed_rows(db, statement)) == 1
