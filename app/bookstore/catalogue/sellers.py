"""Who sells: names and suspensions, as the events of accounts tell of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from bookstore.catalogue.models import Book, Seller
from bookstore.core.db.database import Database, changed_rows, insert_absent, now
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.catalogue import AccountSnapshot, BookState


@dataclass(frozen=True)
class SellerProfile:
    """A seller as their page shows them.

    :ivar since: when the shop first knew of them.
    :ivar sold: how many copies they have sold.
    """

    id: int
    name: str
    since: datetime
    sold: int


class Sellers:
    """The catalogue's own copy of what it shows of accounts.

    Whoever puts a book on sale and whoever suspends its seller take turns at the seller's row,
    before any book's, so that no book is put on sale unseen while its seller is suspended.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def profile(self, seller_id: int, *, late: bool = False) -> SellerProfile:
        """Return a seller for their page.

        :param late: whether what was committed a moment ago may be missing.
        :raise NotFound: when there is none to show: an account that neither sells nor has sold,
            or one that is suspended.
        """
        sold = (
            select(func.coalesce(func.sum(Book.sold), 0))
            .where(Book.seller_id == seller_id, Book.sold > 0)
            .scalar_subquery()
        )
        query = select(Seller.account_id, Seller.name, Seller.created_at, sold).where(
            Seller.account_id == seller_id,
            Seller.suspended.is_(False),
            select(Book.id)
            .where(Book.seller_id == seller_id, or_(Book.state == BookState.LISTED, Book.sold > 0))
            .exists(),
        )
        row = self._database.read(lambda db: db.execute(query).one_or_none(), late=late)
        if row is None:
            raise NotFound(seller_id)
        account_id, name, since, copies = cast("Any", row)
        # MySQL sums whole numbers up to a decimal.
        return SellerProfile(account_id, name, since, int(copies))

    def account_changed(self, account: AccountSnapshot) -> None:
        """Take note of an account's name, and of its suspension, which pauses its books.

        What a seller has withdrawn and what a moderator has hidden stays so.
        """

        def work(db: Session) -> None:
            self.enter(db, account.account_id, account.name)
            before = self.state_for_sale(db, account.account_id)
            newer = update(Seller).where(
                Seller.account_id == account.account_id, Seller.version < account.version
            )
            values = {
                "name": account.name,
                "suspended": account.suspended,
                "version": account.version,
            }
            if changed_rows(db, newer.values(values)) == 1:
                after = BookState.PAUSED if account.suspended else BookState.LISTED
                _turn_books(db, account.account_id, before, after)

        self._database.transaction(work)

    def welcome(self, account_id: int, name: str) -> None:
        """Take note of an account that is about to sell, unless the catalogue knows it already."""
        self._database.transaction(lambda db: self.enter(db, account_id, name))

    @staticmethod
    def enter(db: Session, account_id: int, name: str) -> None:
        """Write the row of a seller of whom no event has come yet, and lock it."""
        row = {
            "account_id": account_id,
            "name": name,
            "suspended": False,
            "version": 0,
            "created_at": now(),
        }
        insert_absent(db, Seller, row, "account_id")

    @staticmethod
    def state_for_sale(db: Session, seller_id: int) -> BookState:
        """Return the state of what a seller puts on sale; it holds until the transaction ends."""
        query = select(Seller.suspended).where(Seller.account_id == seller_id).with_for_update()
        return BookState.PAUSED if db.scalar(query) else BookState.LISTED


def _turn_books(db: Session, seller_id: int, before: BookState, after: BookState) -> None:
    if before != after:
        books = update(Book).where(Book.seller_id == seller_id, Book.state == before)
        changed_rows(db, books.values(state=after))
