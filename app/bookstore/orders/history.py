"""Reading purchases, orders and sales; four queries at most, however many lines there are."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Select, and_, func, or_, select

from bookstore.core.db.database import Database, now
from bookstore.core.errors import NotFound
from bookstore.core.paging import Page, newest_after, page_of
from bookstore.orders.models import (
    Order,
    OrderState,
    Purchase,
    PurchaseLine,
    PurchaseState,
    Shipment,
)
from bookstore.orders.shown import (
    Address,
    Line,
    OrderCard,
    OrderDetail,
    OrderFacts,
    PurchaseCard,
    PurchaseDetail,
    PurchasePart,
    SentBy,
    Total,
)
from bookstore.orders.transitions import SOLD, Role

UNSETTLED = (PurchaseState.PENDING, PurchaseState.EXPIRED)
TOLD_FOR = timedelta(days=30)

_ORDER = (
    Order.id,
    Order.purchase_id,
    Order.buyer_id,
    Order.buyer_name,
    Order.seller_id,
    Order.seller_name,
    Order.state,
    Order.currency,
    Order.goods_minor,
    Order.shipping_minor,
    Order.paid_at,
    Order.shipped_at,
    Order.delivered_at,
    Order.cancelled_at,
    Order.cancelled_by,
    Order.refunded_at,
)
_SHIPMENT = (
    Shipment.carrier,
    Shipment.cost_minor,
    Shipment.days_least,
    Shipment.days_most,
    Shipment.tracking,
)
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
_PURCHASE = (
    Purchase.id,
    Purchase.state,
    Purchase.currency,
    Purchase.total_minor,
    Purchase.created_at,
    Purchase.refunded_at,
)

Lines = dict[tuple[int, int], list[Line]]


class History:
    """Reads what accounts bought and sold, each only their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def orders(self, buyer_id: int, after: str | None) -> Page[OrderCard]:
        """Return a page of an account's orders, newest first."""
        query = newest_after(select(*_ORDER).where(Order.buyer_id == buyer_id), Order.id, after)
        with self._database.reading() as db:
            found = db.execute(query).all()
        return page_of(found, self._cards)

    def sales(self, seller_id: int, after: str | None) -> Page[OrderCard]:
        """Return a page of the orders of an account's books, newest first."""
        query = newest_after(select(*_ORDER).where(Order.seller_id == seller_id), Order.id, after)
        with self._database.reading() as db:
            found = db.execute(query).all()
        return page_of(found, self._cards)

    def unsettled(self, buyer_id: int) -> Sequence[PurchaseCard]:
        """Return an account's purchases whose money is on its way, there or back, newest first.

        One whose books had gone is told of for a month.
        """
        query = (
            select(*_PURCHASE)
            .where(Purchase.buyer_id == buyer_id, Purchase.state.in_(UNSETTLED))
            .where(Purchase.created_at > now() - TOLD_FOR)
            .order_by(Purchase.id.desc())
        )
        with self._database.reading() as db:
            return [PurchaseCard(*cast("Any", row)) for row in db.execute(query)]

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
            select(*_ORDER, *_SHIPMENT, *_ADDRESS, Purchase.payment_reference)
            .join(Purchase, Purchase.id == Order.purchase_id)
            .join(Shipment, sent)
            .where(Order.id == order_id)
            .where(or_(Order.buyer_id == account_id, Order.seller_id == account_id))
        )
        with self._database.reading() as db:
            row = db.execute(query).one_or_none()
        if row is None:
            raise NotFound(order_id)
        own, sent_by, address, (reference,) = _split(row, _ORDER, _SHIPMENT, _ADDRESS)
        facts = OrderFacts(*own)
        is_buyer = facts.buyer_id == account_id
        lines = self._lines([facts.purchase_id])
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

    def purchase(self, buyer_id: int, purchase_id: int) -> PurchaseDetail:
        """Return a purchase to its buyer.

        :raise NotFound: when there is none or it is another's.
        """
        own = (Purchase.id == purchase_id, Purchase.buyer_id == buyer_id)
        ordered = and_(
            Order.purchase_id == Shipment.purchase_id, Order.seller_id == Shipment.seller_id
        )
        shipments = (
            select(*_ORDER, *_SHIPMENT, Shipment.seller_id, Shipment.seller_name)
            .outerjoin(Order, ordered)
            .where(Shipment.purchase_id == purchase_id)
            .order_by(Shipment.id)
        )
        with self._database.reading() as db:
            row = db.execute(select(*_PURCHASE).where(*own)).one_or_none()
            if row is None:
                raise NotFound(purchase_id)
            sent = db.execute(shipments).all()
        lines = self._lines([purchase_id])
        parts = []
        for each in sent:
            facts, sent_by, (seller_id, seller_name) = _split(each, _ORDER, _SHIPMENT)
            order = OrderFacts(*facts) if facts[0] is not None else None
            own_lines = lines[purchase_id, seller_id]
            parts.append(PurchasePart(seller_id, seller_name, SentBy(*sent_by), own_lines, order))
        return PurchaseDetail(*cast("Any", (*row, parts)))

    def _totals(self, query: Select[str, int, int]) -> Sequence[Total]:
        query = query.where(Order.state.in_(SOLD)).group_by(Order.currency)
        with self._database.reading() as db:
            return [
                Total(currency, orders, int(amount))
                for currency, orders, amount in db.execute(query.order_by(Order.currency))
            ]

    def _cards(self, rows: Sequence[Any]) -> list[OrderCard]:
        found = [_facts(row) for row in rows]
        lines = self._lines({facts.purchase_id for facts in found})
        return [
            OrderCard(**vars(facts), lines=lines[facts.purchase_id, facts.seller_id])
            for facts in found
        ]

    def _lines(self, purchase_ids: Collection[int]) -> Lines:
        query = (
            select(
                PurchaseLine.purchase_id,
                PurchaseLine.seller_id,
                PurchaseLine.book_id,
                PurchaseLine.title,
                PurchaseLine.author,
                PurchaseLine.unit_minor,
                PurchaseLine.quantity,
            )
            .where(PurchaseLine.purchase_id.in_(purchase_ids))
            .order_by(PurchaseLine.id)
        )
        lines: Lines = defaultdict(list)
        if purchase_ids:
            with self._database.reading() as db:
                for row in db.execute(query):
                    lines[row.purchase_id, row.seller_id].append(Line(*row[2:]))
        return lines


def _facts(row: Any) -> OrderFacts:
    return OrderFacts(*cast("Any", row))


def _split(row: Any, *parts: Sequence[object]) -> list[Sequence[Any]]:
    """Return the values of a row by the columns that were asked for, and then what is left."""
    values, found, begin = tuple(row), [], 0
    for part in parts:
        found.append(values[begin : begin + len(part)])
        begin += len(part)
    return [*found, values[begin:]]
