"""What orders tells other domains, and what it asks of itself for later; all of it are jobs.

Each is added in the transaction of its cause. A kind and a key name a job once, so that a cause
that is repeated adds none.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from sqlalchemy.orm import Session

from bookstore.core.jobs.queue import Queue
from bookstore.orders.models import Order

if TYPE_CHECKING:
    from bookstore.orders.ledger import Begun

SETTLE, SWEEP = "purchase.settle", "purchase.sweep"
RECONCILE = "purchase.reconcile"
RELEASE, RETURN, REFUND = "reservation.release", "payment.return", "order.refund"
PURCHASE_MAIL, FAILED_MAIL = "mail.purchase", "mail.purchase_failed"
EXPIRED_MAIL, RETURNED_MAIL = "mail.purchase_expired", "mail.purchase_refunded"


@dataclass(frozen=True)
class OrderFacts:
    """What an event tells of an order: whose it is, and no more."""

    order_id: int
    purchase_id: int
    buyer_id: int
    seller_id: int

    @classmethod
    def of(cls, order: Order) -> Self:
        """Return the facts of an order's row."""
        return cls(order.id, order.purchase_id, order.buyer_id, order.seller_id)


def publish(queue: Queue, db: Session, event: str, order: OrderFacts) -> None:
    """Publish ``order.paid``, ``.shipped``, ``.received``, ``.cancelled`` and such.

    An order comes to each of them once, so that its id is the event's key.
    """
    queue.publish(db, event, asdict(order), key=str(order.order_id))


def mail(queue: Queue, db: Session, kind: str, purchase_id: int, buyer_id: int) -> None:
    """Write to a buyer what became of a purchase, once, from however many sellers it is."""
    payload = {"purchase_id": purchase_id, "buyer_id": buyer_id}
    queue.add(db, kind, payload, key=str(purchase_id))


def settle(queue: Queue, db: Session, purchase_id: int, run_at: datetime | None = None) -> None:
    """Find out what became of a purchase's payment."""
    queue.add(db, SETTLE, {"purchase_id": purchase_id}, key=str(purchase_id), run_at=run_at)


def release(
    queue: Queue,
    db: Session,
    payment_key: str,
    book_ids: Sequence[int] | None = None,
    *,
    part: int | None = None,
    run_at: datetime | None = None,
) -> None:
    """Put the copies of a purchase back into the stock.

    :param book_ids: those of one of its orders alone, whose id is ``part``.
    """
    payload = {"payment_key": payment_key, "book_ids": list(book_ids) if book_ids else None}
    key = payment_key if part is None else f"{payment_key}-{part}"
    queue.add(db, RELEASE, payload, key=key, run_at=run_at)


def return_payment(
    queue: Queue, db: Session, purchase: "Begun", run_at: datetime | None = None
) -> None:
    """Give back whatever was charged for a purchase, and charge no more."""
    payload = {
        "payment_key": purchase.payment_key,
        "amount_minor": purchase.total_minor,
        "currency": purchase.currency,
    }
    queue.add(db, RETURN, payload, key=purchase.payment_key, run_at=run_at)


def refund(queue: Queue, db: Session, order_id: int) -> None:
    """Give back what was paid for an order."""
    queue.add(db, REFUND, {"order_id": order_id}, key=str(order_id))
