"""The catalogue: books for sale, who sells them, and their stock."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bookstore.catalogue.browsing import Browsing
from bookstore.catalogue.models import CatalogueRevocation
from bookstore.catalogue.moderation import BookModeration
from bookstore.catalogue.ownbooks import OwnBooks
from bookstore.catalogue.publishing import Publishing
from bookstore.catalogue.sales import Sales
from bookstore.catalogue.sellers import Sellers
from bookstore.catalogue.stock import Stock
from bookstore.core.db.database import Database
from bookstore.core.identity.revocations import Revocations
from bookstore.core.interfaces.catalogue import (
    AccountSnapshot,
    BookSnapshot,
    Line,
    ReservedCopies,
    SitemapEntry,
)


class LocalCatalogue:
    """The catalogue in the shop's own database.

    Its views use its parts: ``browsing``, ``own_books``, ``publishing``, ``moderation``,
    ``sellers``. Its methods are what other domains may ask, see ``CatalogueService``.
    """

    def __init__(self, database: Database) -> None:
        self.browsing = Browsing(database)
        self.sellers = Sellers(database)
        self.own_books = OwnBooks(database, self.browsing)
        self.publishing = Publishing(database, self.sellers)
        self.moderation = BookModeration(database, self.sellers)
        self.stock = Stock(database)
        self.sales = Sales(database)
        self.revocations = Revocations(database, CatalogueRevocation)

    def books(self, book_ids: Collection[int]) -> Mapping[int, BookSnapshot]:
        """Return books by their ids; those that are not on sale are left out."""
        return self.stock.books(book_ids)

    def reserve(self, key: str, lines: Sequence[Line], expires_at: datetime) -> None:
        """Take copies out of the stock and hold them: all lines of them, or none."""
        self.stock.reserve(key, lines, expires_at)

    def confirm(self, key: str) -> None:
        """Turn what is held under a key into sales."""
        self.stock.confirm(key)

    def release(self, key: str, book_ids: Collection[int] | None = None) -> None:
        """Put what is held or sold under a key back into the stock."""
        self.stock.release(key, book_ids)

    def reservations(self, keys: Collection[str]) -> Sequence[ReservedCopies]:
        """Return what was reserved under some keys, and what became of it."""
        return self.sales.of(keys)

    def newest_reservations(
        self, limit: int, before: int | None = None
    ) -> Sequence[ReservedCopies]:
        """Return the newest reservations first, or those before one of an id."""
        return self.sales.newest(limit, before)

    def miscounted_books(self, since: datetime) -> Sequence[int]:
        """Return books changed since a moment that count other sales than were reserved."""
        return self.sales.miscounted_books(since)

    def account_changed(self, account: AccountSnapshot) -> None:
        """Take note of an account's name, and of its suspension, which pauses its books."""
        self.sellers.account_changed(account)

    def sessions_ended(self, account_id: int, version: int) -> None:
        """Believe no token of an account's sessions that was signed before a version of it."""
        self.revocations.note(account_id, version)

    def newest_book_id(self) -> int:
        """Return the id of the newest book, 0 when there is none."""
        return self.browsing.newest_id()

    def books_for_sitemap(self, after: int, limit: int) -> Sequence[SitemapEntry]:
        """Return books on sale in the order of their ids."""
        return self.browsing.for_sitemap(after, limit)
