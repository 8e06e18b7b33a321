"""The verbs of orders: reserve, pay, then confirm or release; and what a buyer sees of it."""

import hashlib
import json
import logging
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import cast

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.core.db import Database, now
from bookstore.core.interfaces.catalogue import CatalogueService, Line, Offer
from bookstore.orders.forms import Purchase
from bookstore.orders.fulfilment import Fulfilment
from bookstore.orders.gateway import PaymentDeclined, PaymentGateway, PaymentTimeout
from bookstore.orders.history import History, OrderDetail
from bookstore.orders.models import Order, OrderLine, OrderState, PaymentFailure, Shipment
from bookstore.orders.shipping import CARRIERS
from bookstore.orders.transitions import SOLD, Verb, move

STALE_AFTER = timedelta(minutes=10)
SETTLED_AT_ONCE = 20

log = logging.getLogger("bookstore.orders")


class NotForSale(Exception):
    """There is no such book on sale."""


class OwnBook(Exception):
    """A seller does not buy from themselves."""


class PriceChanged(Exception):
    """The book's price is not the one that the buyer saw."""


class KeyReused(Exception):
    """The idempotency key belongs to another purchase of this buyer."""


class LocalOrders:
    """Keep orders in the shop's own database.

    A purchase is reserved and written down in one transaction, paid outside of any, and
    confirmed or released in another. A process that dies in between leaves a pending order,
    which a repeated request carries on and ``settle_stale`` ends.
    """

    def __init__(
        self, database: Database, catalogue: CatalogueService, gateway: PaymentGateway
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._gateway = gateway
        self.history = History(database)
        self.fulfilment = Fulfilment(database, catalogue, gateway)

    def place(self, buyer_id: int, book_id: int, purchase: Purchase) -> OrderDetail:
        """Buy copies of a book.

        The same request under the same idempotency key returns the same order.

        :return: the order, which is paid, or whose payment failed.
        :raise NotForSale: when there is no such book on sale.
        :raise OwnBook: when the buyer is its seller.
        :raise PriceChanged: when the price is not the one in the purchase.
        :raise OutOfStock: when too few copies are left.
        :raise KeyReused: when the key came with another request before.
        """
        request_hash = _hash(book_id, purchase)
        order = self._find(buyer_id, purchase.idempotency_key)
        if order is None:
            order = self._begin(buyer_id, book_id, purchase, request_hash)
        if order.request_hash != request_hash:
            raise KeyReused(purchase.idempotency_key)
        if order.state == OrderState.PENDING:
            self._pay(order, purchase.card_number)
        return self.history.order(buyer_id, order.id)

    def copies_sold(self, book_ids: Collection[int]) -> Mapping[int, int]:
        """Return how many copies of each book were paid for; books without a sale are left out."""
        query = (
            select(OrderLine.book_id, func.sum(OrderLine.quantity))
            .join(Order, Order.id == OrderLine.order_id)
            .where(OrderLine.book_id.in_(book_ids), Order.state.in_(SOLD))
            .group_by(OrderLine.book_id)
        )
        with self._database.reading() as db:
            return {book_id: int(copies) for book_id, copies in db.execute(query)}

    def settle_stale(self, most: int = SETTLED_AT_ONCE) -> int:
        """End pending orders whose buyer's request died, by what the gateway knows of them.

        :param most: how many to ask for, the oldest first.
        :return: how many were ended.
        """
        query = (
            select(Order)
            .where(Order.state == OrderState.PENDING, Order.created_at < now() - STALE_AFTER)
            .order_by(Order.created_at)
            .limit(most)
        )
        with self._database.reading() as db:
            stale = db.scalars(query).all()
        return sum(self._close(order) for order in stale)

    def _find(self, buyer_id: int, key: str) -> Order | None:
        with self._database.reading() as db:
            return db.scalar(
                select(Order).where(Order.buyer_id == buyer_id, Order.idempotency_key == key)
            )

    def _begin(self, buyer_id: int, book_id: int, purchase: Purchase, request_hash: str) -> Order:
        payment_key = hashlib.sha256(f"{buyer_id} {purchase.idempotency_key}".encode()).hexdigest()
        carrier = CARRIERS[purchase.carrier]

        def work(db: Session) -> Order:
            offer = self._reserve(payment_key, buyer_id, book_id, purchase)
            order = Order(
                buyer_id=buyer_id,
                idempotency_key=purchase.idempotency_key,
                request_hash=request_hash,
                payment_key=payment_key,
                currency=offer.currency,
                goods_minor=offer.price_minor * purchase.quantity,
                shipping_minor=carrier.cost_minor(purchase.quantity),
                name=purchase.name,
                line1=purchase.line1,
                city=purchase.city,
                country=purchase.country,
            )
            db.add(order)
            db.flush()
            db.add(
                OrderLine(
                    order_id=order.id,
                    book_id=book_id,
                    seller_id=offer.seller_id,
                    title=offer.title,
                    author=offer.author,
                    unit_minor=offer.price_minor,
                    quantity=purchase.quantity,
                )
            )
            db.add(
                Shipment(
                    order_id=order.id,
                    seller_id=offer.seller_id,
                    carrier=carrier.code,
                    cost_minor=order.shipping_minor,
                    days_least=carrier.days_least,
                    days_most=carrier.days_most,
                )
            )
            return order

        try:
            return self._database.transaction(work)
        except IntegrityError:
            # The same request arrived twice at once, and the other one was first.
            order = self._find(buyer_id, purchase.idempotency_key)
            if order is None:
                raise
            return order

    def _reserve(self, key: str, buyer_id: int, book_id: int, purchase: Purchase) -> Offer:
        offer = self._catalogue.offer(book_id)
        if offer is None:
            raise NotForSale(book_id)
        if offer.seller_id == buyer_id:
            raise OwnBook(book_id)
        (reserved,) = self._catalogue.reserve(key, [Line(book_id, purchase.quantity)])
        if purchase.price_seen not in (None, reserved.price_minor):
            raise PriceChanged(book_id)
        return reserved

    def _pay(self, order: Order, card_number: str) -> None:
        amount = order.goods_minor + order.shipping_minor
        try:
            reference = self._gateway.charge(order.payment_key, amount, order.currency, card_number)
        except PaymentDeclined:
            self._fail(order, PaymentFailure.DECLINED)
        except PaymentTimeout:
            self._close(order)
        else:
            self._confirm(order, reference)

    def _close(self, order: Order) -> bool:
        try:
            reference = self._gateway.close(order.payment_key)
        except PaymentTimeout:
            log.warning("payment not settled yet", extra={"order": order.id})
            return False
        if reference is None:
            self._fail(order, PaymentFailure.TIMEOUT)
        else:
            self._confirm(order, reference)
        return True

    def _confirm(self, order: Order, reference: str) -> None:
        def work(db: Session) -> bool:
            paid = {"payment_reference": reference, "paid_at": now()}
            won = move(db, order.id, Verb.CONFIRM, paid)
            if won:
                self._catalogue.confirm(order.payment_key)
            return won

        if self._database.transaction(work):
            log.info("order paid", extra={"order": order.id})

    def _fail(self, order: Order, failure: PaymentFailure) -> None:
        def work(db: Session) -> None:
            if move(db, order.id, Verb.FAIL, {"payment_failure": failure}):
                self._catalogue.release(order.payment_key)

        self._database.transaction(work)


def _hash(book_id: int, purchase: Purchase) -> str:
    # Not the card: the hash of a card's number gives the number away.
    asked = purchase.model_dump(
        mode="json", exclude={"card_number", "idempotency_key", "price_seen"}
    )
    return hashlib.sha256(json.dumps([book_id, asked], sort_keys=True).encode()).hexdigest()


def local_orders() -> LocalOrders:
    """Return this process's own orders, for the views of their domain."""
    return cast("LocalOrders", current_app.extensions["bookstore.orders"])
