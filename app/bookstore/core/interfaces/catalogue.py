"""What other domains may ask of the catalogue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, cast

from flask import current_app


class BookState(StrEnum):
    """Whether a book is offered."""

    LISTED = "listed"
    WITHDRAWN = "withdrawn"
    HIDDEN = "hidden"
    PAUSED = "paused"


@dataclass(frozen=True)
class Offer:
    """Tell of a listed book what a buyer is bound by; the price is in minor units."""

    book_id: int
    seller_id: int
    title: str
    author: str
    price_minor: int
    currency: str
    stock: int


@dataclass(frozen=True)
class Listing:
    """Tell of a book, in any state, what a moderator judges it by."""

    book_id: int
    seller_id: int
    title: str
    author: str
    description: str
    state: str


@dataclass(frozen=True)
class Line:
    """Ask for a number of copies of a book."""

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


class CatalogueService(Protocol):
    """Offer books and hold their stock; implemented by ``catalogue.service`` or a client.

    ``reserve``, ``confirm`` and ``release`` may be called again with the same keys: the second
    call changes nothing.
    """

    @property
    def joins_transactions(self) -> bool:
        """Tell whether changes are undone when the caller's transaction is.

        Where they are not, what may not be taken back is asked for after the commit.
        """

    def offers(self, book_ids: Collection[int]) -> Mapping[int, Offer]:
        """Return the offers of books by their ids; those that are not listed are left out."""

    def reserve(self, parcels: Mapping[str, Sequence[Line]]) -> Mapping[int, Offer]:
        """Take copies out of the stock and hold them, all of them or none.

        :param parcels: what is held under each key; a book is in one parcel only.
        :return: the offers at this moment, by book id.
        :raise OutOfStock: when a line cannot be had; then nothing is held.
        """

    def confirm(self, *keys: str) -> None:
        """Turn what is held under keys into sales."""

    def release(self, *keys: str) -> None:
        """Put what is held or sold under keys back into the stock."""

    def listing(self, book_id: int) -> Listing | None:
        """Return a book in any state, for moderators, or None when there is none."""

    def hide(self, book_id: int) -> bool:
        """Hide a listed book, which its seller cannot undo; tell whether it was one."""

    def unhide(self, book_id: int) -> bool:
        """List a hidden book again; tell whether it was one."""

    def pause(self, seller_id: int) -> None:
        """Take a seller's listings off sale, and those that are listed from now on."""

    def resume(self, seller_id: int) -> None:
        """Put a seller's paused listings back on sale."""


def catalogue_service() -> CatalogueService:
    """Return the implementation that this app was made with."""
    return cast("CatalogueService", current_app.extensions["bookstore.catalogue"])
