"""Reading orders and sales; two queries at a time, however many lines there are."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Select, and_, func, or_, select

from bookstore.core.db.database import Database
from bookstore.core.errors import NotFound
from bookstore.core.paging import Page, newest_after, page_of
from bookstore.orders.models import Order, OrderState, Purchase, Shipment
from bookstore.orders.rows import ORDER, SHIPMENT, lines_of, split
from bookstore.orders.shown import Address, OrderCard, OrderDetail, OrderFacts, SentBy, Total
from bookstore.orders.transitions import SOLD, Role

_ADDRESS = (
    Purchase.name,
    Purchase.line1,
    Purchase.line2,
    Purchase.city,
    Purchase.region,
    Purchase.postal_code,
    Purchase.country,
    Purchase.phone,
)


class History:
    """Reads what accounts bought and sold, each only their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def orders(self, buyer_id: int, after: str | None) -> Page[OrderCard]:
        """Return a page of an account's orders, newest first."""
        query = newest_after(select(*ORDER).where(Order.buyer_id == buyer_id), Order.id, after)
        with self._database.reading() as db:
            found = db.execute(query).all()
        return page_of(found, self._cards)

    def sales(self, seller_id: int, after: str | None) -> Page[OrderCard]:
        """Return a page of the orders of an account's books, newest first."""
        query = newest_after(select(*ORDER).where(Order.seller_id == seller_id), Order.id, after)
        with self._database.reading() as db:
            found = db.execute(query).all()
        return page_of(found, self._cards)

    def spent(self, buyer_id: int) -> Sequence[Total]:
        """Return what an account has paid, goods and shipping, in each currency."""
        paid = Order.goods_minor + Order.shipping_minor
        query = select(Order.currency, func.count(), func.sum(paid))
        return self._totals(query.where(Order.buyer_id == buyer_id))

    def earned(self, seller_id: int) -> Sequence[Total]:
        """Return what an account's books have brought in, without shipping, in each currency."""
        query = select(Order.currency, func.count(), func.sum(Order.goods_minor))
        return self._totals(query.where(Order.seller_id == seller_id))

    def order(self, account_id: int, order_id: int) -> OrderDetail:
        """Return an order to its buyer or its seller.

        :raise NotFound: when there is none or it is another's.
        """
        sent = and_(
            Shipment.purchase_id == Order.purchase_id, Shipment.seller_id == Order.seller_id
        )
        query = (
            select(*ORDER, *SHIPMENT, *_ADDRESS, Purchase.payment_reference)
            .join(Purchase, Purchase.id == Order.purchase_id)
            .join(Shipment, sent)
            .where(Order.id == order_id)
            .where(or_(Order.buyer_id == account_id, Order.seller_id == account_id))
        )
        with self._database.reading() as db:
            row = db.execute(query).one_or_none()
        if row is None:
            raise NotFound(order_id)
        own, sent_by, address, (reference,) = split(row, ORDER, SHIPMENT, _ADDRESS)
        facts = OrderFacts(*own)
        is_buyer = facts.buyer_id == account_id
        lines = lines_of(self._database, [facts.purchase_id])
        # A seller who sends nothing any more has no use for where somebody lives.
        is_shown = is_buyer or facts.state != OrderState.CANCELLED
        return OrderDetail(
            **vars(facts),
            lines=lines[facts.purchase_id, facts.seller_id],
            shipment=SentBy(*sent_by),
            address=Address(*address) if is_shown else None,
            payment_reference=reference if is_buyer else None,
            role=Role.BUYER if is_buyer else Role.SELLER,
        )

    def _totals(self, query: Select[str, int, int]) -> Sequence[Total]:
        query = query.where(Order.state.in_(SOLD)).group_by(Order.currency)
        with self._database.reading() as db:
            return [
                Total(currency, orders, int(amount))
                for currency, orders, amount in db.execute(query.order_by(Order.currency))
            ]

    def _cards(self, rows: Sequence[Any]) -> list[OrderCard]:
        found = [_facts(row) for row in rows]
        lines = lines_of(self._database, {facts.purchase_id for facts in found})
        return [
            OrderCard(**vars(facts), lines=lines[facts.purchase_id, facts.seller_id])
            for facts in found
        ]


def _facts(row: Any) -> OrderFacts:
    return OrderFacts(*cast("Any", row))
