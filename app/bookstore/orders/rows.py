"""The rows of orders and purchases, as columns that are read together."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select

from bookstore.core.db.database import Database
from bookstore.orders.models import Order, PurchaseLine, Shipment
from bookstore.orders.shown import Line

ORDER = (
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
SHIPMENT = (
    Shipment.carrier,
    Shipment.cost_minor,
    Shipment.days_least,
    Shipment.days_most,
    Shipment.tracking,
)

Lines = dict[tuple[int, int], list[Line]]


def lines_of(database: Database, purchase_ids: Collection[int]) -> Lines:
    """Return the lines of purchases, by purchase and seller."""
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
        with database.reading() as db:
            for row in db.execute(query):
                lines[row.purchase_id, row.seller_id].append(Line(*row[2:]))
    return lines


def split(row: Any, *parts: Sequence[object]) -> list[Sequence[Any]]:
    """Return the values of a row by the columns that were asked for, and then what is left."""
    values, found, begin = tuple(row), [], 0
    for part in parts:
        found.append(values[begin : begin + len(part)])
        begin += len(part)
    return [*found, values[begin:]]
