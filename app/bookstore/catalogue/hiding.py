"""What moderators may do to a listing; they come through the catalogue's interface."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.catalogue.models import Book
from bookstore.catalogue.standing import Standing
from bookstore.core.db import changed_rows
from bookstore.core.interfaces.catalogue import BookState, Listing


class Hiding(Standing):
    """Hide listings from everybody but their sellers, who cannot list them again."""

    def listing(self, book_id: int) -> Listing | None:
        """Return a book in any state, or None when there is none."""
        query = select(
            Book.id, Book.seller_id, Book.title, Book.author, Book.description, Book.state
        ).where(Book.id == book_id)
        with self._database.reading() as db:
            row = db.execute(query).one_or_none()
        return Listing(*row) if row is not None else None

    def hide(self, book_id: int) -> bool:
        """Hide a listed book, also one that is paused; tell whether it was one."""
        listed = Book.state.in_([BookState.LISTED, BookState.PAUSED])
        statement = update(Book).where(Book.id == book_id, listed).values(state=BookState.HIDDEN)
        return self._database.transaction(lambda db: changed_rows(db, statement)) == 1

    def unhide(self, book_id: int) -> bool:
        """List a hidden book again, paused if its seller is; tell whether it was one."""

        def work(db: Session) -> bool:
            listing = self.listing(book_id)
            if listing is None:
                return False
            state = self._listed_as(db, listing.seller_id)
            hidden = update(Book).where(Book.id == book_id, Book.state == BookState.HIDDEN)
            return changed_rows(db, hidden.values(state=state)) == 1

        return self._database.transaction(work)
