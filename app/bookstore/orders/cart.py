"""The cart: what a person means to buy, kept in the database so that it is there on each device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.core.db import Database, changed_rows
from bookstore.core.interfaces.catalogue import CatalogueService, Offer, OutOfStock
from bookstore.orders.basket import NotForSale, OwnBook
from bookstore.orders.forms import MOST_COPIES, MOST_LINES, Wanted
from bookstore.orders.models import CartLine, OrderLine


class NotInCart(Exception):
    """The book is not in this person's cart."""


class TooManyCopies(Exception):
    """One does not buy so many copies of a book."""


class CartFull(Exception):
    """The cart holds as many books as it can."""


@dataclass(frozen=True)
class CartItem:
    """Hold a line of a cart as its page shows it: what was seen last, and what is offered now."""

    book_id: int
    seller_id: int
    title: str
    author: str
    seen_minor: int
    currency: str
    quantity: int
    offer: Offer | None

    @property
    def left(self) -> int:
        """Return how many copies can be had; none of a book that is gone."""
        return self.offer.stock if self.offer else 0

    @property
    def ready(self) -> bool:
        """Tell whether the line can be bought as it is."""
        return self.left >= self.quantity

    @property
    def price_minor(self) -> int:
        """Return the price of a copy now, or the one that was seen of a book that is gone."""
        return self.offer.price_minor if self.offer else self.seen_minor

    @property
    def total_minor(self) -> int:
        """Return the price of the line."""
        return self.price_minor * self.quantity

    @property
    def wanted(self) -> Wanted:
        """Return the line as it is asked for in a purchase."""
        return Wanted(self.book_id, self.quantity, self.price_minor)


# What every page asks for a reader who is logged in is built once.
_COPIES = select(func.sum(CartLine.quantity)).where(CartLine.buyer_id == bindparam("buyer_id"))


class Cart:
    """Keep people's carts; a book is in one line, and each person has only their own lines."""

    def __init__(self, database: Database, catalogue: CatalogueService) -> None:
        self._database = database
        self._catalogue = catalogue

    def count(self, buyer_id: int) -> int:
        """Return how many copies are in a person's cart."""
        with self._database.reading() as db:
            return int(db.scalar(_COPIES, {"buyer_id": buyer_id}) or 0)

    def lines(self, buyer_id: int) -> Sequence[CartItem]:
        """Return a person's cart with what is offered now, in the order in which it was filled."""
        query = (
            select(
                CartLine.book_id,
                CartLine.seller_id,
                CartLine.title,
                CartLine.author,
                CartLine.price_minor,
                CartLine.currency,
                CartLine.quantity,
            )
            .where(CartLine.buyer_id == buyer_id)
            .order_by(CartLine.id)
        )
        with self._database.reading() as db:
            rows = db.execute(query).all()
        offers = self._catalogue.offers([row.book_id for row in rows])
        return [CartItem(*cast("Any", (*row, offers.get(row.book_id)))) for row in rows]

    def asked(self, lines: Sequence[Wanted]) -> Sequence[CartItem]:
        """Return what is asked for as lines of a cart; books that are not on sale are left out."""
        offers = self._catalogue.offers([line.book_id for line in lines])
        return [_item(offers[line.book_id], line) for line in lines if line.book_id in offers]

    def add(self, buyer_id: int, book_id: int, quantity: int) -> None:
        """Put copies of a book into a cart, on top of those that are there.

        :raise NotForSale: when there is no such book on sale.
        :raise OwnBook: when the buyer is its seller.
        :raise OutOfStock: when fewer copies are left.
        :raise TooManyCopies: when there would be more of it than one may buy.
        :raise CartFull: when the cart holds fifty books already.
        """
        offer = _offer(self._catalogue.offers([book_id]), buyer_id, book_id)

        def work(db: Session) -> None:
            held = db.execute(
                select(CartLine.book_id, CartLine.quantity)
                .where(CartLine.buyer_id == buyer_id)
                .with_for_update()
            )
            quantities = {line.book_id: line.quantity for line in held}
            if book_id not in quantities and len(quantities) >= MOST_LINES:
                raise CartFull(book_id)
            total = quantity + quantities.get(book_id, 0)
            self._put(db, buyer_id, offer, total, held=book_id in quantities)

        try:
            self._database.transaction(work)
        except IntegrityError:
            # The same book was put in twice at once; now it is there.
            self._database.transaction(work)

    def change(self, buyer_id: int, book_id: int, quantity: int) -> None:
        """Change how many copies of a book are in a cart; what is offered now counts as seen.

        :raise NotInCart: when the book is not in this person's cart.
        :raise NotForSale: when it is not on sale any more.
        :raise OutOfStock: when fewer copies are left.
        :raise TooManyCopies: when there are more of it than one may buy.
        """

        def work(db: Session) -> None:
            own = CartLine.buyer_id == buyer_id
            if db.scalar(select(CartLine.id).where(own, CartLine.book_id == book_id)) is None:
                raise NotInCart(book_id)
            offer = _offer(self._catalogue.offers([book_id]), buyer_id, book_id)
            self._put(db, buyer_id, offer, quantity, held=True)

        self._database.transaction(work)

    def remove(self, buyer_id: int, book_id: int) -> None:
        """Take a book out of a cart.

        :raise NotInCart: when it is not in this person's cart.
        """
        query = delete(CartLine).where(CartLine.buyer_id == buyer_id, CartLine.book_id == book_id)
        removed = self._database.transaction(
            lambda db: cast("CursorResult[Any]", db.execute(query))
        )
        if removed.rowcount != 1:
            raise NotInCart(book_id)

    def take_out(self, buyer_id: int, order_ids: Sequence[int]) -> None:
        """Take the copies of orders out of their buyer's cart; those added since stay."""

        def work(db: Session) -> None:
            copies = db.execute(
                select(OrderLine.book_id, OrderLine.quantity).where(
                    OrderLine.order_id.in_(order_ids)
                )
            )
            bought = {line.book_id: line.quantity for line in copies}
            lines = db.execute(
                select(CartLine.id, CartLine.book_id, CartLine.quantity)
                .where(CartLine.buyer_id == buyer_id, CartLine.book_id.in_(bought))
                .with_for_update()
            ).all()
            gone = [line.id for line in lines if line.quantity <= bought[line.book_id]]
            if gone:
                db.execute(delete(CartLine).where(CartLine.id.in_(gone)))
            for line in lines:
                if line.id not in gone:
                    kept = line.quantity - bought[line.book_id]
                    changed_rows(
                        db, update(CartLine).where(CartLine.id == line.id).values(quantity=kept)
                    )

        self._database.transaction(work)

    @staticmethod
    def _put(db: Session, buyer_id: int, offer: Offer, quantity: int, *, held: bool) -> None:
        if quantity > offer.stock:
            raise OutOfStock(offer.book_id, offer.stock)
        if quantity > MOST_COPIES:
            raise TooManyCopies(offer.book_id)
        seen = {
            "seller_id": offer.seller_id,
            "title": offer.title,
            "author": offer.author,
            "price_minor": offer.price_minor,
            "currency": offer.currency,
            "quantity": quantity,
        }
        if held:
            own = (CartLine.buyer_id == buyer_id, CartLine.book_id == offer.book_id)
            changed_rows(db, update(CartLine).where(*own).values(**seen))
        else:
            # Not asked again: a line that came meanwhile holds copies that were not counted here.
            db.add(CartLine(buyer_id=buyer_id, book_id=offer.book_id, **seen))
            db.flush()


def _offer(offers: Mapping[int, Offer], buyer_id: int, book_id: int) -> Offer:
    offer = offers.get(book_id)
    if offer is None:
        raise NotForSale(book_id)
    if offer.seller_id == buyer_id:
        raise OwnBook(book_id)
    return offer


def _item(offer: Offer, line: Wanted) -> CartItem:
    return CartItem(
        offer.book_id,
        offer.seller_id,
        offer.title,
        offer.author,
        offer.price_minor,
        offer.currency,
        line.quantity,
        offer,
    )
