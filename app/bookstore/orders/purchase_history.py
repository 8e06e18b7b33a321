"""Reading purchases; three queries at most, however many lines there are."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import and_, select

from bookstore.core.db.database import Database, now
from bookstore.core.errors import NotFound
from bookstore.orders.models import Order, Purchase, PurchaseState, Shipment
from bookstore.orders.rows import ORDER, SHIPMENT, lines_of, split
from bookstore.orders.shown import OrderFacts, PurchaseCard, PurchaseDetail, PurchasePart, SentBy

UNSETTLED = (PurchaseState.PENDING, PurchaseState.EXPIRED)
SHOWN_FOR = timedelta(days=30)

_PURCHASE = (
    Purchase.id,
    Purchase.state,
    Purchase.currency,
    Purchase.total_minor,
    Purchase.created_at,
    Purchase.refunded_at,
)


class PurchaseHistory:
    """Reads what accounts paid for, or tried to, each only their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unsettled(self, buyer_id: int) -> Sequence[PurchaseCard]:
        """Return an account's purchases whose money is on its way, there or back, newest first.

        One whose books had gone is shown for a month.
        """
        query = (
            select(*_PURCHASE)
            .where(Purchase.buyer_id == buyer_id, Purchase.state.in_(UNSETTLED))
            .where(Purchase.created_at > now() - SHOWN_FOR)
            .order_by(Purchase.id.desc())
        )
        with self._database.reading() as db:
            return [PurchaseCard(*cast("Any", row)) for row in db.execute(query)]

    def purchase(self, buyer_id: int, purchase_id: int) -> PurchaseDetail:
        """Return a purchase to its buyer.

        :raise NotFound: when there is none or it is another's.
        """
        own = (Purchase.id == purchase_id, Purchase.buyer_id == buyer_id)
        ordered = and_(
            Order.purchase_id == Shipment.purchase_id, Order.seller_id == Shipment.seller_id
        )
        shipments = (
            select(*ORDER, *SHIPMENT, Shipment.seller_id, Shipment.seller_name)
            .outerjoin(Order, ordered)
            .where(Shipment.purchase_id == purchase_id)
            .order_by(Shipment.id)
        )
        with self._database.reading() as db:
            row = db.execute(select(*_PURCHASE).where(*own)).one_or_none()
            if row is None:
                raise NotFound(purchase_id)
            sent = db.execute(shipments).all()
        lines = lines_of(self._database, [purchase_id])
        parts = []
        for each in sent:
            facts, sent_by, (seller_id, seller_name) = split(each, ORDER, SHIPMENT)
            order = OrderFacts(*facts) if facts[0] is not None else None
            own_lines = lines[purchase_id, seller_id]
            parts.append(PurchasePart(seller_id, seller_name, SentBy(*sent_by), own_lines, order))
        return PurchaseDetail(*cast("Any", (*row, parts)))
