"""What follows a paid order: it is shipped and received, or cancelled and refunded."""

import logging

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bookstore.core.db import Database, changed_rows, now
from bookstore.core.errors import NotFound
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.orders.gateway import PaymentGateway, PaymentTimeout, RefundRefused
from bookstore.orders.models import Order, OrderState, Shipment
from bookstore.orders.transitions import SEEN_BY_SELLER, TRANSITIONS, Role, Verb, move

REFUNDED_AT_ONCE = 20

log = logging.getLogger("bookstore.orders")


class NotNow(Exception):
    """The order is in a state in which this cannot be done.

    :param state: the state that it is in.
    """

    def __init__(self, state: OrderState) -> None:
        super().__init__(f"the order is {state}")
        self.state = state


class Fulfilment:
    """Bring paid orders to their end.

    Every verb raises ``NotFound`` when the order is none of the person's, and ``NotNow`` when it
    is in another state; one that has been done already is not done again.
    """

    def __init__(
        self, database: Database, catalogue: CatalogueService, gateway: PaymentGateway
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._gateway = gateway

    def ship(self, person_id: int, order_id: int, tracking: str) -> None:
        """Tell that the seller has sent the books, under the carrier's tracking code."""

        def work(db: Session) -> None:
            self._move(db, person_id, order_id, Verb.SHIP, {"shipped_at": now()})
            changed_rows(
                db,
                update(Shipment).where(Shipment.order_id == order_id).values(tracking=tracking),
            )

        self._database.transaction(work)
        log.info("order shipped", extra={"order": order_id})

    def receive(self, person_id: int, order_id: int) -> None:
        """Tell that the buyer has the books."""
        self._database.transaction(
            lambda db: self._move(db, person_id, order_id, Verb.RECEIVE, {"delivered_at": now()})
        )
        log.info("order delivered", extra={"order": order_id})

    def cancel(self, person_id: int, order_id: int) -> None:
        """Call an order off that was not shipped: the copies are on sale again, the buyer refunded.

        The copies return in the transaction that cancels; a catalogue elsewhere, which a rollback
        would not reach, is asked after the commit. So is the gateway for the refund, for nothing
        may be locked meanwhile. Where one of the two does not answer, ``settle_refunds`` asks
        both again: the keys make that safe.
        """

        def work(db: Session) -> None:
            role = self._move(db, person_id, order_id, Verb.CANCEL, {"cancelled_at": now()})
            db.execute(update(Order).where(Order.id == order_id).values(cancelled_by=role))
            if self._catalogue.joins_transactions:
                self._catalogue.release_parcels(db.get_one(Order, order_id).held_under)

        self._database.transaction(work)
        log.info("order cancelled", extra={"order": order_id})
        with self._database.reading() as db:
            order = db.get_one(Order, order_id)
        self._refund(order)

    def settle_refunds(self, most: int = REFUNDED_AT_ONCE) -> int:
        """Refund cancelled orders whose refund was not answered; return how many were refunded.

        :param most: how many to ask for, the oldest first.
        """
        query = (
            select(Order)
            .where(Order.state == OrderState.CANCELLED, Order.refunded_at.is_(None))
            .order_by(Order.id)
            .limit(most)
        )
        with self._database.reading() as db:
            owed = db.scalars(query).all()
        return sum(self._refund(order) for order in owed)

    def _move(
        self, db: Session, person_id: int, order_id: int, verb: Verb, values: dict[str, object]
    ) -> Role:
        role, _ = self._standing(db, person_id, order_id)
        step = TRANSITIONS[verb]
        if role not in step.by:
            raise NotFound(order_id)
        if not move(db, order_id, verb, values):
            # Asked again: the order may have been in time when it was read, and not any more.
            _, state = self._standing(db, person_id, order_id)
            raise NotNow(OrderState(state))
        return role

    @staticmethod
    def _standing(db: Session, person_id: int, order_id: int) -> tuple[Role, str]:
        found = db.execute(
            select(Order.buyer_id, Order.state, Shipment.seller_id)
            .join(Shipment, Shipment.order_id == Order.id)
            .where(Order.id == order_id)
        ).first()
        if found is not None and person_id == found.buyer_id:
            return Role.BUYER, found.state
        if found is not None and person_id == found.seller_id and found.state in SEEN_BY_SELLER:
            return Role.SELLER, found.state
        raise NotFound(order_id)

    def _refund(self, order: Order) -> bool:
        if not self._catalogue.joins_transactions:
            self._catalogue.release_parcels(order.held_under)
        amount = order.goods_minor + order.shipping_minor
        try:
            self._gateway.refund(f"refund-{order.id}", order.payment_key, amount, order.currency)
        except PaymentTimeout:
            log.warning("refund not answered yet", extra={"order": order.id})
            return False
        except RefundRefused:
            log.exception("refund refused", extra={"order": order.id})
            return False
        refunded = (
            update(Order)
            .where(Order.id == order.id, Order.refunded_at.is_(None))
            .values(refunded_at=now())
        )
        self._database.transaction(lambda db: changed_rows(db, refunded))
        return True
