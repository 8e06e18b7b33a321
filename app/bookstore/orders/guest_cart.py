"""The cart of a guest: lines in the session's signed cookie, so that no row waits for nobody."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from bookstore.core.interfaces.catalogue import BookSnapshot, CatalogueService
from bookstore.core.interfaces.orders import GUEST_CART
from bookstore.orders.cart import CartFull, CartItem, NotInCart, check_copies, on_sale
from bookstore.orders.forms import MOST_LINES, Wanted


def guest_lines(session: MutableMapping[str, Any]) -> list[Wanted]:
    """Return what a guest has put into their cart: books, copies, and the prices that were seen."""
    return [Wanted(*line) for line in session.get(GUEST_CART, ())]


class GuestCart:
    """A guest's cart; see ``Cart``."""

    def __init__(self, catalogue: CatalogueService, session: MutableMapping[str, Any]) -> None:
        self._catalogue = catalogue
        self._session = session

    def count(self) -> int:
        """Return how many copies are in it."""
        return sum(line.quantity for line in guest_lines(self._session))

    def items(self) -> Sequence[CartItem]:
        """Return its lines with what can be had now; see ``Cart``.

        The cookie has no room for the title of a book that is gone: it is empty then.
        """
        lines = guest_lines(self._session)
        books = self._catalogue.books([line.book_id for line in lines]) if lines else {}
        return [_item(line, books.get(line.book_id)) for line in lines]

    def add(self, book_id: int, quantity: int) -> None:
        """Put copies of a book in, on top of those that are there; see ``Cart``."""
        lines = {line.book_id: line for line in guest_lines(self._session)}
        book = on_sale(self._catalogue.books([book_id]), book_id)
        if book_id in lines:
            quantity += lines[book_id].quantity
        elif len(lines) >= MOST_LINES:
            raise CartFull(book_id)
        check_copies(book, quantity)
        lines[book_id] = Wanted(book_id, quantity, book.price_minor)
        self._keep(lines)

    def change(self, book_id: int, quantity: int) -> None:
        """Change how many copies of a book are in it; see ``Cart``."""
        lines = self._holding(book_id)
        book = on_sale(self._catalogue.books([book_id]), book_id)
        check_copies(book, quantity)
        lines[book_id] = Wanted(book_id, quantity, book.price_minor)
        self._keep(lines)

    def remove(self, book_id: int) -> None:
        """Take a book out; see ``Cart``."""
        lines = self._holding(book_id)
        del lines[book_id]
        self._keep(lines)

    def _holding(self, book_id: int) -> dict[int, Wanted]:
        lines = {line.book_id: line for line in guest_lines(self._session)}
        if book_id not in lines:
            raise NotInCart(book_id)
        return lines

    def _keep(self, lines: dict[int, Wanted]) -> None:
        if lines:
            self._session[GUEST_CART] = [
                [line.book_id, line.quantity, line.price_seen] for line in lines.values()
            ]
        else:
            self._session.pop(GUEST_CART, None)


def _item(line: Wanted, book: BookSnapshot | None) -> CartItem:
    if book is not None:
        return CartItem.of(book, line.quantity, line.price_seen)
    return CartItem(line.book_id, 0, "", "", "", line.price_seen or 0, "", line.quantity, None)
