"""Carts: what somebody means to buy; ``AccountCart`` and ``GuestCart`` say where it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bookstore.core.interfaces.catalogue import BookSnapshot, OutOfStock
from bookstore.orders.forms import MOST_COPIES, Wanted
from bookstore.orders.purchase_request import NotForSale


class NotInCart(Exception):
    """The book is not in this cart."""


class TooManyCopies(Exception):
    """One does not buy so many copies of a book."""


class CartFull(Exception):
    """The cart holds as many books as it can."""


@dataclass(frozen=True)
class CartItem:
    """A line of a cart: what was seen of the book last, and what can be had of it now.

    :ivar book: the book as it is on sale now, or None when it is not.
    """

    book_id: int
    seller_id: int
    seller_name: str
    title: str
    author: str
    seen_minor: int
    currency: str
    quantity: int
    book: BookSnapshot | None

    @classmethod
    def of(cls, book: BookSnapshot, quantity: int, seen_minor: int | None = None) -> "CartItem":
        """Return a line for copies of a book on sale.

        :param seen_minor: the price that was seen last; today's by default.
        """
        return cls(
            book.id,
            book.seller_id,
            book.seller_name,
            book.title,
            book.author,
            book.price_minor if seen_minor is None else seen_minor,
            book.currency,
            quantity,
            book,
        )

    @property
    def cover(self) -> str | None:
        """Return the name of the book's picture, or None where the shop draws a cover."""
        return self.book.cover if self.book else None

    @property
    def left(self) -> int:
        """Return how many copies can be had; none of a book that is gone."""
        return self.book.stock if self.book else 0

    @property
    def ready(self) -> bool:
        """Return whether the line can be bought as it is."""
        return self.left >= self.quantity

    @property
    def price_minor(self) -> int:
        """Return the price of a copy now, or the one that was seen of a book that is gone."""
        return self.book.price_minor if self.book else self.seen_minor

    @property
    def total_minor(self) -> int:
        """Return the price of the line."""
        return self.price_minor * self.quantity

    @property
    def wanted(self) -> Wanted:
        """Return the line as it is asked for in a purchase."""
        return Wanted(self.book_id, self.quantity, self.price_minor)


class Cart(Protocol):
    """Somebody's cart; a book is in one line of it."""

    def count(self) -> int:
        """Return how many copies are in it."""

    def items(self) -> Sequence[CartItem]:
        """Return its lines with what can be had now, in the order in which it was filled."""

    def add(self, book_id: int, quantity: int) -> None:
        """Put copies of a book in, on top of those that are there.

        :raise NotForSale: when there is no such book on sale.
        :raise OwnBook: when it is the cart's owner who sells it.
        :raise OutOfStock: when fewer copies are left.
        :raise TooManyCopies: when there would be more of it than one may buy.
        :raise CartFull: when fifty books are in it already.
        """

    def change(self, book_id: int, quantity: int) -> None:
        """Change how many copies of a book are in it; today's price counts as seen.

        :raise NotInCart: when the book is not in it.
        :raise NotForSale: when it is not on sale any more.
        :raise OutOfStock: when fewer copies are left.
        :raise TooManyCopies: when there are more of it than one may buy.
        """

    def remove(self, book_id: int) -> None:
        """Take a book out.

        :raise NotInCart: when it is not in it.
        """


def on_sale(books: Mapping[int, BookSnapshot], book_id: int) -> BookSnapshot:
    """Return a book that is on sale.

    :raise NotForSale: when it is not.
    """
    book = books.get(book_id)
    if book is None:
        raise NotForSale(book_id)
    return book


def check_copies(book: BookSnapshot, quantity: int) -> None:
    """Check that so many copies of a book may be in a cart.

    :raise OutOfStock: when fewer are left.
    :raise TooManyCopies: when it is more than one may buy.
    """
    if quantity > book.stock:
        raise OutOfStock(book.id, book.stock)
    if quantity > MOST_COPIES:
        raise TooManyCopies(book.id)
