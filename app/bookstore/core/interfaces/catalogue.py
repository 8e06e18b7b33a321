"""What other domains may ask of the catalogue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class BookState(StrEnum):
    """Whether a book can be bought, and if not, who took it off sale.

    A seller withdraws a book, a moderator hides it, and it is paused while its seller is suspended.
    """

    LISTED = "listed"
    WITHDRAWN = "withdrawn"
    HIDDEN = "hidden"
    PAUSED = "paused"


@dataclass(frozen=True)
class BookSnapshot:
    """A book as it is on sale at a moment; the price is in minor units, for one copy.

    :ivar stock: how many copies are left.
    :ivar cover: the name of its picture, or None where the shop draws a cover.
    """

    id: int
    seller_id: int
    seller_name: str
    title: str
    author: str
    price_minor: int
    currency: str
    stock: int
    cover: str | None


@dataclass(frozen=True)
class AccountSnapshot:
    """An account as auth's events tell of it.

    :ivar version: grows with each change of the account; a snapshot of an older one is ignored.
    """

    account_id: int
    version: int
    name: str
    suspended: bool


@dataclass(frozen=True)
class SitemapEntry:
    """A book's page in the sitemap."""

    book_id: int
    updated_at: datetime


@dataclass(frozen=True)
class ReservedCopies:
    """What became of copies that were reserved.

    :ivar id: grows with each reservation.
    :ivar key: the reservation's key.
    :ivar state: held, sold, released or expired.
    """

    id: int
    key: str
    book_id: int
    quantity: int
    state: str
    created_at: datetime


@dataclass(frozen=True)
class Line:
    """How many copies of a book are wanted."""

    book_id: int
    quantity: int


class OutOfStock(Exception):
    """Fewer copies are left than were asked for.

    :param book_id: the book that ran out.
    :param left: the copies that are left.
    """

    def __init__(self, book_id: int, left: int) -> None:
        super().__init__(f"book {book_id} has {left} copies left")
        self.book_id = book_id
        self.left = left


class ReservationExpired(Exception):
    """Nothing is held under a key any more: it expired, was released, or never was.

    :param key: the reservation's key.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"reservation {key}")
        self.key = key


class CatalogueService(Protocol):
    """What other domains ask of the catalogue; here ``LocalCatalogue``, elsewhere a client.

    Every method may be called again with the same arguments: the second call changes nothing.
    None joins a transaction of its caller.
    """

    def books(self, book_ids: Collection[int]) -> Mapping[int, BookSnapshot]:
        """Return books by their ids; those that are not on sale are left out."""

    def reserve(self, key: str, lines: Sequence[Line], expires_at: datetime) -> None:
        """Take copies out of the stock and hold them: all lines of them, or none.

        :param key: names the reservation, up to 64 characters.
        :param lines: a book in one line only.
        :param expires_at: from when on the copies go back by themselves, unless confirmed.
        :raise OutOfStock: when a line cannot be had; then nothing is held.
        :raise ReservationExpired: when the key was used before and nothing is held under it now.
        """

    def confirm(self, key: str) -> None:
        """Turn what is held under a key into sales.

        What is still held is sold, even past its expiry; what was released stays released.

        :raise ReservationExpired: when nothing is held or sold under the key any more, so that
            the copies may be another's.
        """

    def release(self, key: str, book_ids: Collection[int] | None = None) -> None:
        """Put what is held or sold under a key back into the stock.

        :param book_ids: these books alone, as when one order of a purchase is cancelled.
        """

    def reservations(self, keys: Collection[str]) -> Sequence[ReservedCopies]:
        """Return what was reserved under some keys, and what became of it."""

    def newest_reservations(
        self, limit: int, before: int | None = None
    ) -> Sequence[ReservedCopies]:
        """Return the newest reservations first, or those before one of an id."""

    def miscounted_books(self, since: datetime) -> Sequence[int]:
        """Return books changed since a moment that count other sales than were reserved."""

    def account_changed(self, account: AccountSnapshot) -> None:
        """Take note of an account's name, and of its suspension, which pauses its books."""

    def sessions_ended(self, account_id: int, version: int) -> None:
        """Believe no token of an account's sessions that was signed before a version of it."""

    def newest_book_id(self) -> int:
        """Return the id of the newest book, 0 when there is none."""

    def books_for_sitemap(self, after: int, limit: int) -> Sequence[SitemapEntry]:
        """Return books on sale in the order of their ids.

        :param after: the last id of the part before, 0 for the first part.
        """
