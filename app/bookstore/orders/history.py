"""What a buyer sees of their orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bookstore.core.db import Database
from bookstore.core.paging import Page, newest_after, page_of
from bookstore.orders.models import Order, OrderLine, Shipment


class NotFound(Exception):
    """There is no such order, or it is another person's."""


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
    def id(self) -> int:
        """Return the order's id."""
        return self.order.id

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

    def order(self, buyer_id: int, order_id: int) -> OrderDetail:
        """Return an order to its buyer.

        :raise NotFound: when there is none or it is another's.
        """
        with self._database.reading() as db:
            order = db.scalar(select(Order).where(Order.id == order_id, Order.buyer_id == buyer_id))
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
        return OrderDetail(order, lines[order_id], [ShipmentView(*row) for row in shipments])

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
