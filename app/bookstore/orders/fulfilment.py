"""What follows a paid order: it is shipped and received, or cancelled and refunded."""

import logging
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.core.db.database import Database, changed_rows, now
from bookstore.core.errors import NotFound
from bookstore.core.jobs.queue import Queue
from bookstore.orders import outbox
from bookstore.orders.gateway import PaymentGateway
from bookstore.orders.models import Order, OrderState, Purchase, PurchaseLine, Shipment
from bookstore.orders.transitions import TRANSITIONS, Role, Verb, move

log = logging.getLogger("bookstore.orders")


class NotNow(Exception):
    """The order is in a state in which this cannot be done.

    :param state: the state that it is in.
    """

    def __init__(self, state: OrderState) -> None:
        super().__init__(f"the order is {state}")
        self.state = state


@dataclass(frozen=True)
class Standing:
    """Who somebody is to an order, and where it stands."""

    role: Role
    state: str
    facts: outbox.OrderFacts


class Fulfilment:
    """Brings paid orders to their end.

    Every verb raises ``NotFound`` when the order is none of the account's, and ``NotNow`` when it
    is in another state; one that has been done already is not done again.
    """

    def __init__(self, database: Database, queue: Queue, gateway: PaymentGateway) -> None:
        self._database = database
        self._queue = queue
        self._gateway = gateway

    def ship(self, account_id: int, order_id: int, tracking: str) -> None:
        """Mark an order as sent by its seller, under the carrier's tracking code."""

        def work(db: Session) -> None:
            order = self._move(db, account_id, order_id, Verb.SHIP, {"shipped_at": now()}).facts
            sent = (
                Shipment.purchase_id == order.purchase_id,
                Shipment.seller_id == order.seller_id,
            )
            changed_rows(db, update(Shipment).where(*sent).values(tracking=tracking))
            outbox.publish(self._queue, db, "order.shipped", order)

        self._database.transaction(work)
        log.info("order shipped", extra={"order": order_id})

    def receive(self, account_id: int, order_id: int) -> None:
        """Mark an order as received by its buyer."""

        def work(db: Session) -> None:
            moved = self._move(db, account_id, order_id, Verb.RECEIVE, {"delivered_at": now()})
            outbox.publish(self._queue, db, "order.received", moved.facts)

        self._database.transaction(work)
        log.info("order received", extra={"order": order_id})

    def cancel(self, account_id: int, order_id: int) -> None:
        """Call an order off that was not shipped.

        Jobs put the copies on sale again and give the payment back, each until it is done.
        """

        def work(db: Session) -> None:
            moved = self._move(db, account_id, order_id, Verb.CANCEL, {"cancelled_at": now()})
            db.execute(update(Order).where(Order.id == order_id).values(cancelled_by=moved.role))
            order = moved.facts
            lines = select(PurchaseLine.book_id).where(
                PurchaseLine.purchase_id == order.purchase_id,
                PurchaseLine.seller_id == order.seller_id,
            )
            books = db.scalars(lines).all()
            key = db.scalars(
                select(Purchase.payment_key).where(Purchase.id == order.purchase_id)
            ).one()
            outbox.release(self._queue, db, key, books, part=order_id)
            outbox.refund(self._queue, db, order_id)
            outbox.publish(self._queue, db, "order.cancelled", order)

        self._database.transaction(work)
        log.info("order cancelled", extra={"order": order_id})

    def refund(self, order_id: int) -> None:
        """Give back what was paid for a cancelled order, unless that is done.

        :raise PaymentTimeout: when the gateway does not answer.
        :raise RefundRefused: when it never will.
        """
        owed = (
            select(Order, Purchase.payment_key)
            .join(Purchase, Purchase.id == Order.purchase_id)
            .where(Order.id == order_id, Order.state == OrderState.CANCELLED)
            .where(Order.refunded_at.is_(None))
        )
        with self._database.reading() as db:
            found = db.execute(owed).one_or_none()
        if found is None:
            return
        order, payment_key = found
        amount = order.goods_minor + order.shipping_minor
        key = f"{payment_key}-{order.seller_id}"
        self._gateway.refund(key, payment_key, amount, order.currency)

        def work(db: Session) -> None:
            waiting = (Order.id == order_id, Order.refunded_at.is_(None))
            if changed_rows(db, update(Order).where(*waiting).values(refunded_at=now())) == 1:
                facts = outbox.OrderFacts.of(order)
                outbox.publish(self._queue, db, "order.refunded", facts)

        self._database.transaction(work)

    def _move(
        self, db: Session, account_id: int, order_id: int, verb: Verb, values: dict[str, object]
    ) -> Standing:
        standing = self._standing(db, account_id, order_id)
        if standing.role not in TRANSITIONS[verb].by:
            raise NotFound(order_id)
        if not move(db, order_id, verb, values):
            # Asked again: the order may have been in time when it was read, and not any more.
            raise NotNow(OrderState(self._standing(db, account_id, order_id).state))
        return standing

    @staticmethod
    def _standing(db: Session, account_id: int, order_id: int) -> Standing:
        row = db.execute(
            select(Order.id, Order.purchase_id, Order.buyer_id, Order.seller_id, Order.state)
            .where(Order.id == order_id)
        ).one_or_none()  # fmt: skip
        if row is None or account_id not in (row.buyer_id, row.seller_id):
            raise NotFound(order_id)
        role = Role.BUYER if account_id == row.buyer_id else Role.SELLER
        return Standing(role, row.state, outbox.OrderFacts(*row[:4]))
