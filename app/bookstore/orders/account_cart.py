"""The cart of an account, in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.core.db.database import Database, changed_rows
from bookstore.core.interfaces.catalogue import BookSnapshot, CatalogueService, OutOfStock
from bookstore.orders.cart import (
    CartFull,
    CartItem,
    NotInCart,
    TooManyCopies,
    check_copies,
    on_sale,
)
from bookstore.orders.forms import MOST_COPIES, MOST_LINES, Wanted
from bookstore.orders.models import CartLine
from bookstore.orders.purchase_request import NotForSale, OwnBook


@dataclass(frozen=True)
class Merged:
    """How many lines of a guest's cart did not become those of the account as they were.

    :ivar own: are of books that the account itself sells.
    :ivar less: are of books of which fewer copies, or none, can be had.
    """

    own: int = 0
    less: int = 0


# What every page asks for a reader who is logged in is built once.
_COPIES = select(func.sum(CartLine.quantity)).where(CartLine.buyer_id == bindparam("buyer_id"))


class AccountCart:
    """An account's cart, which is the same on each of its devices; see ``Cart``."""

    def __init__(self, database: Database, catalogue: CatalogueService, buyer_id: int) -> None:
        self._database = database
        self._catalogue = catalogue
        self._buyer_id = buyer_id

    def count(self) -> int:
        """Return how many copies are in it."""
        with self._database.reading() as db:
            return int(db.scalar(_COPIES, {"buyer_id": self._buyer_id}) or 0)

    def items(self) -> Sequence[CartItem]:
        """Return its lines with what can be had now; see ``Cart``."""
        query = (
            select(
                CartLine.book_id,
                CartLine.seller_id,
                CartLine.seller_name,
                CartLine.title,
                CartLine.author,
                CartLine.price_minor,
                CartLine.currency,
                CartLine.quantity,
            )
            .where(CartLine.buyer_id == self._buyer_id)
            .order_by(CartLine.id)
        )
        with self._database.reading() as db:
            rows = db.execute(query).all()
        books = self._catalogue.books([row.book_id for row in rows]) if rows else {}
        return [_item(row, books.get(row.book_id)) for row in rows]

    def add(self, book_id: int, quantity: int) -> None:
        """Put copies of a book in, on top of those that are there; see ``Cart``."""
        book = self._on_sale(book_id)

        def work(db: Session) -> None:
            held = db.execute(
                select(CartLine.book_id, CartLine.quantity)
                .where(CartLine.buyer_id == self._buyer_id)
                .with_for_update()
            )
            quantities = {line.book_id: line.quantity for line in held}
            if book_id not in quantities and len(quantities) >= MOST_LINES:
                raise CartFull(book_id)
            total = quantity + quantities.get(book_id, 0)
            self._put(db, book, total, held=book_id in quantities)

        try:
            self._database.transaction(work)
        except IntegrityError:
            # The same book was put in twice at once; now it is there.
            self._database.transaction(work)

    def change(self, book_id: int, quantity: int) -> None:
        """Change how many copies of a book are in it; see ``Cart``."""
        with self._database.reading() as db:
            if db.scalar(select(CartLine.id).where(*self._line(book_id))) is None:
                raise NotInCart(book_id)
        book = self._on_sale(book_id)
        self._database.transaction(lambda db: self._put(db, book, quantity, held=True))

    def remove(self, book_id: int) -> None:
        """Take a book out; see ``Cart``."""
        taken_out = delete(CartLine).where(*self._line(book_id))
        if self._database.transaction(lambda db: changed_rows(db, taken_out)) != 1:
            raise NotInCart(book_id)

    def merge(self, wanted: Sequence[Wanted]) -> Merged:
        """Put in what somebody chose as a guest, before they logged in: as much as can be had."""
        own = less = 0
        books = self._catalogue.books([line.book_id for line in wanted])
        held = {item.book_id: item.quantity for item in self.items()}
        for line in wanted:
            book = books.get(line.book_id)
            if book is not None and book.seller_id == self._buyer_id:
                own += 1
                continue
            room = min(book.stock, MOST_COPIES) - held.get(line.book_id, 0) if book else 0
            taken = min(line.quantity, room)
            try:
                if taken > 0:
                    self.add(line.book_id, taken)
            except (NotForSale, OutOfStock, TooManyCopies, CartFull):
                taken = 0
            less += taken < line.quantity
        return Merged(own, less)

    def _on_sale(self, book_id: int) -> BookSnapshot:
        book = on_sale(self._catalogue.books([book_id]), book_id)
        if book.seller_id == self._buyer_id:
            raise OwnBook(book_id)
        return book

    def _line(self, book_id: int) -> tuple[ColumnElement[bool], ...]:
        return CartLine.buyer_id == self._buyer_id, CartLine.book_id == book_id

    def _put(self, db: Session, book: BookSnapshot, quantity: int, *, held: bool) -> None:
        check_copies(book, quantity)
        seen = {
            "seller_id": book.seller_id,
            "seller_name": book.seller_name,
            "title": book.title,
            "author": book.author,
            "price_minor": book.price_minor,
            "currency": book.currency,
            "quantity": quantity,
        }
        if held:
            changed_rows(db, update(CartLine).where(*self._line(book.id)).values(**seen))
        else:
            # Not asked again: a line that came meanwhile holds copies that were not counted here.
            db.add(CartLine(buyer_id=self._buyer_id, book_id=book.id, **seen))
            db.flush()


def _item(row: Any, book: BookSnapshot | None) -> CartItem:
    # A book on sale has its seller's name of today, as the order will.
    if book is not None:
        return CartItem.of(book, row.quantity, row.price_minor)
    return CartItem(*cast("Any", (*row, None)))


def take_out(db: Session, buyer_id: int, bought: Mapping[int, int]) -> None:
    """Take what was bought out of the buyer's cart, in a transaction; copies added since stay.

    :param bought: how many copies of each book.
    """
    lines = (
        db.connection()
        .execute(
            select(CartLine.id, CartLine.book_id, CartLine.quantity)
            .where(CartLine.buyer_id == buyer_id, CartLine.book_id.in_(bought))
            .with_for_update()
        )
        .all()
    )
    gone = [line.id for line in lines if line.quantity <= bought[line.book_id]]
    if gone:
        db.execute(delete(CartLine).where(CartLine.id.in_(gone)))
    for line in lines:
        if line.id not in gone:
            kept = line.quantity - bought[line.book_id]
            changed_rows(db, update(CartLine).where(CartLine.id == line.id).values(quantity=kept))
