"""The rows of purchases: begun, and settled once."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.core.db.database import Database, changed_rows, now, once_committed
from bookstore.core.jobs.queue import Queue
from bookstore.core.observability.metrics import ORDERS, PURCHASES
from bookstore.orders import outbox
from bookstore.orders.account_cart import take_out
from bookstore.orders.models import (
    Order,
    OrderState,
    Purchase,
    PurchaseLine,
    PurchaseState,
    Shipment,
)
from bookstore.orders.plan import Plan, PlannedLine, PlannedShipment
from bookstore.orders.purchase_request import PurchaseRequest

# Later than the request that fails a purchase releases its copies itself.
RELEASED_ANYWAY_AFTER = timedelta(minutes=1)
STALE_AT_ONCE = 500


class KeyKnown(Exception):
    """The buyer has a purchase under this idempotency key."""


@dataclass(frozen=True)
class Begun:
    """A purchase as it was read last."""

    id: int
    buyer_id: int
    buyer_name: str
    request_hash: str
    payment_key: str
    state: str
    currency: str
    total_minor: int
    created_at: datetime


_BEGUN = select(
    Purchase.id,
    Purchase.buyer_id,
    Purchase.buyer_name,
    Purchase.request_hash,
    Purchase.payment_key,
    Purchase.state,
    Purchase.currency,
    Purchase.total_minor,
    Purchase.created_at,
)


class Ledger:
    """Writes purchases down. Whoever settles one first wins; it is settled once."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

    def find(self, buyer_id: int, key: str) -> Begun | None:
        """Return the purchase of a buyer under their idempotency key, or None."""
        own = (Purchase.buyer_id == buyer_id, Purchase.idempotency_key == key)
        return self._read(_BEGUN.where(*own))

    def get(self, purchase_id: int) -> Begun | None:
        """Return a purchase, or None."""
        return self._read(_BEGUN.where(Purchase.id == purchase_id))

    def begin(self, buyer_id: int, buyer_name: str, request: PurchaseRequest, plan: Plan) -> Begun:
        """Write down a purchase whose payment is pending.

        :raise KeyKnown: when there is one under its key, as of the same request sent at once.
        """
        values: dict[str, Any] = {
            "buyer_id": buyer_id,
            "buyer_name": buyer_name,
            "idempotency_key": request.key,
            "request_hash": request.hash,
            "payment_key": secrets.token_hex(16),
            "state": PurchaseState.PENDING,
            "currency": plan.currency,
            "total_minor": plan.total_minor,
            "created_at": now(),
        }

        def work(db: Session) -> int:
            where = request.destination.model_dump()
            purchase_id = _insert(db, Purchase, {**values, **where})
            of = {"purchase_id": purchase_id}
            rows = db.connection()
            rows.execute(insert(Shipment), [of | asdict(shipment) for shipment in plan.shipments])
            rows.execute(insert(PurchaseLine), [of | asdict(line) for line in plan.lines])
            return purchase_id

        try:
            purchase_id = self._database.transaction(work)
        except IntegrityError as error:
            raise KeyKnown(request.key) from error
        kept = {name: value for name, value in values.items() if name != "idempotency_key"}
        return Begun(id=purchase_id, **kept)

    def drop(self, purchase: Begun) -> None:
        """Forget a pending purchase whose copies cannot be had, so that its key is free again.

        The same request, sent at once, may have found the copies a moment later: whatever it
        comes to hold or to charge is given back.
        """

        def work(db: Session) -> None:
            state = select(Purchase.state).where(Purchase.id == purchase.id).with_for_update()
            if db.scalar(state) != PurchaseState.PENDING:
                return
            for table in (PurchaseLine, Shipment):
                db.execute(delete(table).where(table.purchase_id == purchase.id))
            db.execute(delete(Purchase).where(Purchase.id == purchase.id))
            later = now() + RELEASED_ANYWAY_AFTER
            outbox.return_payment(self._queue, db, purchase, later)
            outbox.release(self._queue, db, purchase.payment_key, run_at=later)

        self._database.transaction(work)

    def pay(self, purchase: Begun, plan: Plan, reference: str) -> PurchaseState | None:
        """Write down that a purchase is paid, and its orders; what was bought leaves the cart.

        :return: the state that it is in now; None when it was dropped meanwhile.
        """

        def work(db: Session) -> bool:
            if not _settle(db, purchase, PurchaseState.PAID, payment_reference=reference):
                return False
            for shipment in plan.shipments:
                order = {
                    "purchase_id": purchase.id,
                    "buyer_id": purchase.buyer_id,
                    "buyer_name": purchase.buyer_name,
                    "seller_id": shipment.seller_id,
                    "seller_name": shipment.seller_name,
                    "currency": purchase.currency,
                    "goods_minor": plan.goods_minor(shipment.seller_id),
                    "shipping_minor": shipment.cost_minor,
                }
                facts = outbox.OrderFacts(
                    _insert(db, Order, order), purchase.id, purchase.buyer_id, shipment.seller_id
                )
                outbox.publish(self._queue, db, "order.paid", facts)
            take_out(db, purchase.buyer_id, {each.book_id: each.quantity for each in plan.lines})
            outbox.mail(self._queue, db, outbox.PURCHASE_MAIL, purchase.id, purchase.buyer_id)
            once_committed(db, lambda: ORDERS.labels(OrderState.PAID).inc(len(plan.shipments)))
            return True

        if self._database.transaction(work):
            return PurchaseState.PAID
        return self._state(purchase)

    def fail(
        self, purchase: Begun, state: PurchaseState, *, by_mail: bool = False
    ) -> PurchaseState | None:
        """Write down that a purchase failed and was not charged, and have its copies released.

        :param by_mail: whether the buyer is told by mail, as nobody waits for an answer.
        :return: the state that it is in now; None when it was dropped meanwhile.
        """

        def work(db: Session) -> bool:
            if not _settle(db, purchase, state):
                return False
            later = now() + RELEASED_ANYWAY_AFTER
            outbox.release(self._queue, db, purchase.payment_key, run_at=later)
            if by_mail:
                outbox.mail(self._queue, db, outbox.FAILED_MAIL, purchase.id, purchase.buyer_id)
            return True

        return state if self._database.transaction(work) else self._state(purchase)

    def expire(self, purchase: Begun, reference: str) -> PurchaseState | None:
        """Write down that a purchase was charged too late, and have its payment given back.

        :return: the state that it is in now; None when it was dropped meanwhile.
        """

        def work(db: Session) -> bool:
            expired = PurchaseState.EXPIRED
            if not _settle(db, purchase, expired, payment_reference=reference):
                return False
            outbox.return_payment(self._queue, db, purchase)
            outbox.mail(self._queue, db, outbox.EXPIRED_MAIL, purchase.id, purchase.buyer_id)
            return True

        return PurchaseState.EXPIRED if self._database.transaction(work) else self._state(purchase)

    def returned(self, payment_key: str) -> None:
        """Write down that a purchase's payment was given back, and tell its buyer by mail."""
        own = Purchase.payment_key == payment_key
        waiting = (own, Purchase.refunded_at.is_(None))

        def work(db: Session) -> None:
            if changed_rows(db, update(Purchase).where(*waiting).values(refunded_at=now())) == 1:
                whose = db.execute(select(Purchase.id, Purchase.buyer_id).where(own)).one()
                outbox.mail(self._queue, db, outbox.RETURNED_MAIL, whose.id, whose.buyer_id)

        self._database.transaction(work)

    def plan(self, purchase: Begun) -> Plan:
        """Return what a purchase was begun with."""
        lines = select(
            PurchaseLine.book_id,
            PurchaseLine.seller_id,
            PurchaseLine.title,
            PurchaseLine.author,
            PurchaseLine.unit_minor,
            PurchaseLine.quantity,
        ).where(PurchaseLine.purchase_id == purchase.id)
        shipments = select(
            Shipment.seller_id,
            Shipment.seller_name,
            Shipment.carrier,
            Shipment.cost_minor,
            Shipment.days_least,
            Shipment.days_most,
        ).where(Shipment.purchase_id == purchase.id)
        with self._database.reading() as db:
            return Plan(
                purchase.currency,
                [PlannedLine(*row) for row in db.execute(lines.order_by(PurchaseLine.id))],
                [PlannedShipment(*row) for row in db.execute(shipments.order_by(Shipment.id))],
            )

    def have_settled(self, purchase_id: int, run_at: datetime | None = None) -> None:
        """Add the job that finds out what became of a purchase's payment."""
        self._database.transaction(lambda db: outbox.settle(self._queue, db, purchase_id, run_at))

    def have_stale_settled(self, before: datetime) -> None:
        """Add settle jobs for the purchases that have been pending since before a moment."""
        last = 0
        while True:
            stale = (
                select(Purchase.id)
                .where(
                    Purchase.state == PurchaseState.PENDING,
                    Purchase.created_at < before,
                    Purchase.id > last,
                )
                .order_by(Purchase.id)
                .limit(STALE_AT_ONCE)
            )
            with self._database.reading() as db:
                found = db.scalars(stale).all()
            if not found:
                return

            def work(db: Session, ids: Mapping[int, None] = dict.fromkeys(found)) -> None:
                for purchase_id in ids:
                    outbox.settle(self._queue, db, purchase_id)

            self._database.transaction(work)
            last = found[-1]

    def _state(self, purchase: Begun) -> PurchaseState | None:
        with self._database.reading() as db:
            state = db.scalar(select(Purchase.state).where(Purchase.id == purchase.id))
        return PurchaseState(state) if state else None

    def _read(self, query: Any) -> Begun | None:
        with self._database.reading() as db:
            row = db.execute(query).one_or_none()
        return None if row is None else Begun(*row)


def _insert(db: Session, table: type[Purchase | Order], values: dict[str, Any]) -> int:
    # On the connection: the session's bookkeeping of rows takes longer than their insertion.
    written = db.connection().execute(insert(table), values)
    (number,) = cast("tuple[int]", written.inserted_primary_key)
    return number


# To build a statement takes longer than to run it; what is set comes with its values.
_PENDING = update(Purchase).where(
    Purchase.id == bindparam("purchase"), Purchase.state == PurchaseState.PENDING
)


def _settle(db: Session, purchase: Begun, state: PurchaseState, **values: object) -> bool:
    values |= {"purchase": purchase.id, "state": state, "settled_at": now()}
    won = db.connection().execute(_PENDING, values).rowcount == 1
    if won:
        once_committed(db, PURCHASES.labels(state).inc)
    return won
