"""What people see of their orders and sales."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from bookstore.core.db import Database
from bookstore.core.errors import NotFound
from bookstore.core.paging import Page, newest_after, page_of
from bookstore.orders.models import Order, OrderLine, Shipment
from bookstore.orders.transitions import SEEN_BY_SELLER, SOLD, Role, Verb, open_to


@dataclass(frozen=True)
class LineView:
    """Hold a line of an order as its page shows it."""

    book_id: int
    seller_id: int
    title: str
    author: str
    unit_minor: int
    quantity: int


@dataclass(frozen=True)
class ShipmentView:
    """Hold a shipment of an order as its page shows it."""

    carrier: str
    cost_minor: int
    days_least: int
    days_most: int
    tracking: str | None


@dataclass(frozen=True)
class OrderCard:
    """Hold what the list of orders shows of each."""

    order: Order
    lines: Sequence[LineView]

    @property
    def total_minor(self) -> int:
        """Return what the buyer pays, goods and shipping, in minor units."""
        return self.order.goods_minor + self.order.shipping_minor

    @property
    def goods_minor(self) -> int:
        """Return what the seller gets, the goods without shipping, in minor units."""
        return self.order.goods_minor

    @property
    def id(self) -> int:
        """Return the order's id."""
        return self.order.id

    @property
    def seller_id(self) -> int:
        """Return who sells all of it."""
        return self.lines[0].seller_id

    @property
    def state(self) -> str:
        """Return how far the order has come."""
        return self.order.state

    @property
    def placed_at(self) -> datetime:
        """Return when the order was placed."""
        return self.order.created_at


@dataclass(frozen=True)
class OrderDetail(OrderCard):
    """Hold what an order's own page shows."""

    shipments: Sequence[ShipmentView]
    role: Role

    @property
    def verbs(self) -> Sequence[Verb]:
        """Return what the person may do to the order now."""
        return open_to(self.role, self.state)


@dataclass(frozen=True)
class Total:
    """Sum up a person's orders in one currency; the amount is in minor units."""

    currency: str
    orders: int
    amount_minor: int


@dataclass(frozen=True)
class PurchaseDetail:
    """Hold what a purchase's own page shows; its orders are paid, or fail, together."""

    id: int
    placed_at: datetime
    orders: Sequence[OrderCard]

    @property
    def total_minor(self) -> int:
        """Return what the buyer pays, goods and shipping of all orders, in minor units."""
        return sum(order.total_minor for order in self.orders)

    @property
    def currency(self) -> str:
        """Return the currency of all its orders."""
        return self.orders[0].order.currency

    @property
    def state(self) -> str:
        """Return how far the first of its orders has come."""
        return self.orders[0].state

    @property
    def payment_failure(self) -> str | None:
        """Return why its payment failed, if it did."""
        return self.orders[0].order.payment_failure


class History:
    """Read orders; three queries at most, however many lines there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def orders(self, buyer_id: int, after: str | None) -> Page[OrderCard]:
        """Return a page of a person's orders, newest first."""
        query = newest_after(select(Order).where(Order.buyer_id == buyer_id), Order.id, after)
        with self._database.reading() as db:
            found = db.scalars(query).all()
        return page_of(found, self._cards)

    def sales(self, seller_id: int, after: str | None) -> Page[OrderCard]:
        """Return a page of the paid orders of a person's books, newest first."""
        query = newest_after(select(Order).where(_sold_by(seller_id)), Order.id, after)
        with self._database.reading() as db:
            found = db.scalars(query).all()
        return page_of(found, self._cards)

    def spent(self, buyer_id: int) -> Sequence[Total]:
        """Return what a person has paid, goods and shipping, in each currency."""
        paid = Order.goods_minor + Order.shipping_minor
        query = select(Order.currency, func.count(), func.sum(paid))
        return self._totals(query.where(Order.buyer_id == buyer_id))

    def earned(self, seller_id: int) -> Sequence[Total]:
        """Return what a person's books have brought in, without shipping, in each currency."""
        query = select(Order.currency, func.count(), func.sum(Order.goods_minor))
        return self._totals(query.where(_sold_by(seller_id)))

    def _totals(self, query: Select[str, int, int]) -> Sequence[Total]:
        query = query.where(Order.state.in_(SOLD)).group_by(Order.currency)
        with self._database.reading() as db:
            return [
                Total(currency, orders, int(amount))
                for currency, orders, amount in db.execute(query.order_by(Order.currency))
            ]

    def order(self, person_id: int, order_id: int) -> OrderDetail:
        """Return an order to its buyer, or to its seller once it is paid.

        :raise NotFound: when there is none or it is another's.
        """
        with self._database.reading() as db:
            order = db.scalar(
                select(Order).where(
                    Order.id == order_id,
                    or_(Order.buyer_id == person_id, _sold_by(person_id)),
                )
            )
            if order is None:
                raise NotFound(order_id)
            shipments = db.execute(
                select(
                    Shipment.carrier,
                    Shipment.cost_minor,
                    Shipment.days_least,
                    Shipment.days_most,
                    Shipment.tracking,
                ).where(Shipment.order_id == order_id)
            ).all()
        lines = self._lines([order_id])
        role = Role.BUYER if order.buyer_id == person_id else Role.SELLER
        return OrderDetail(order, lines[order_id], [ShipmentView(*row) for row in shipments], role)

    def purchase(self, buyer_id: int, purchase_id: int) -> PurchaseDetail:
        """Return a purchase to its buyer.

        :raise NotFound: when there is none or it is another's.
        """
        query = select(Order).where(Order.purchase_id == purchase_id, Order.buyer_id == buyer_id)
        with self._database.reading() as db:
            orders = db.scalars(query.order_by(Order.id)).all()
        if not orders:
            raise NotFound(purchase_id)
        return PurchaseDetail(purchase_id, orders[0].created_at, self._cards(orders))

    def _cards(self, orders: Sequence[Order]) -> list[OrderCard]:
        lines = self._lines([order.id for order in orders])
        return [OrderCard(order, lines.get(order.id, [])) for order in orders]

    def _lines(self, order_ids: Sequence[int]) -> dict[int, list[LineView]]:
        query = (
            select(
                OrderLine.order_id,
                OrderLine.book_id,
                OrderLine.seller_id,
                OrderLine.title,
                OrderLine.author,
                OrderLine.unit_minor,
                OrderLine.quantity,
            )
            .where(OrderLine.order_id.in_(order_ids))
            .order_by(OrderLine.id)
        )
        lines: dict[int, list[LineView]] = {}
        with self._database.reading() as db:
            for row in db.execute(query):
                lines.setdefault(row.order_id, []).append(LineView(*row[1:]))
        return lines


def _sold_by(seller_id: int) -> ColumnElement[bool]:
    sent = select(Shipment.order_id).where(Shipment.seller_id == seller_id)
    return and_(Order.state.in_(SEEN_BY_SELLER), Order.id.in_(sent))
