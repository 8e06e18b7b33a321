"""Buy: reserve and write down, pay outside of any transaction, then confirm or release."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.core.db import Database, now
from bookstore.core.interfaces.catalogue import CatalogueService, Line, Offer
from bookstore.orders.basket import Basket, KeyReused, NotForSale, OwnBook, PriceChanged
from bookstore.orders.cart import Cart
from bookstore.orders.forms import Wanted
from bookstore.orders.gateway import PaymentDeclined, PaymentGateway, PaymentTimeout
from bookstore.orders.models import (
    Order,
    OrderLine,
    OrderState,
    PaymentFailure,
    Purchase,
    Shipment,
)
from bookstore.orders.shipping import Carrier
from bookstore.orders.transitions import Verb, move

STALE_AFTER = timedelta(minutes=10)
SETTLED_AT_ONCE = 20

log = logging.getLogger("bookstore.orders")


class Purchasing:
    """Make purchases, one order for each seller.

    A purchase is reserved and written down in one transaction, paid outside of any, and
    confirmed or released in another. A process that dies in between leaves pending orders,
    which a repeated request carries on and ``settle_stale`` ends.
    """

    def __init__(
        self, database: Database, catalogue: CatalogueService, gateway: PaymentGateway, cart: Cart
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._gateway = gateway
        self._cart = cart

    def buy(self, buyer_id: int, basket: Basket) -> int:
        """Buy books; see ``LocalOrders.buy``. Returns the purchase's id."""
        purchase = self._find(buyer_id, basket.key) or self._begin(buyer_id, basket)
        if purchase.request_hash != basket.hash:
            raise KeyReused(basket.key)
        with self._database.reading() as db:
            orders = db.scalars(select(Order).where(Order.purchase_id == purchase.id)).all()
        if any(order.state == OrderState.PENDING for order in orders):
            self._pay(orders, basket.card_number)
        return purchase.id

    def settle_stale(self, most: int = SETTLED_AT_ONCE) -> int:
        """End pending orders whose buyer's request died, by what the gateway knows of them.

        :param most: how many payments to ask for, the oldest first.
        :return: how many payments were ended.
        """
        pending = Order.state == OrderState.PENDING
        keys = (
            select(Order.payment_key)
            .where(pending, Order.created_at < now() - STALE_AFTER)
            .group_by(Order.payment_key)
            .order_by(func.min(Order.created_at))
            .limit(most)
        )
        with self._database.reading() as db:
            stale = db.scalars(keys).all()
            if not stale:
                return 0
            found = db.scalars(select(Order).where(pending, Order.payment_key.in_(stale))).all()
        payments: dict[str, list[Order]] = {key: [] for key in stale}
        for order in found:
            payments[order.payment_key].append(order)
        return sum(self._close(orders) for orders in payments.values() if orders)

    def _find(self, buyer_id: int, key: str) -> Purchase | None:
        with self._database.reading() as db:
            return db.scalar(
                select(Purchase).where(
                    Purchase.buyer_id == buyer_id, Purchase.idempotency_key == key
                )
            )

    def _begin(self, buyer_id: int, basket: Basket) -> Purchase:
        def work(db: Session) -> Purchase:
            purchase = Purchase(
                buyer_id=buyer_id, idempotency_key=basket.key, request_hash=basket.hash
            )
            db.add(purchase)
            # Before any copy is taken: the same request at once waits here for this one to end,
            # and does not find the last copy gone.
            db.flush()
            self._order(db, purchase, basket)
            return purchase

        try:
            return self._database.transaction(work)
        except IntegrityError as error:
            # The same request arrived twice at once, and the other one was first.
            purchase = self._find(buyer_id, basket.key)
            if purchase is None:
                # Or an order from before there were purchases has the key.
                raise KeyReused(basket.key) from error
            return purchase

    def _order(self, db: Session, purchase: Purchase, basket: Basket) -> None:
        payment_key = _digest(purchase.buyer_id, purchase.idempotency_key)
        parcels = self._parcels(purchase.buyer_id, basket.lines)
        carriers = basket.carriers_of(parcels.keys())
        keys = {seller: _digest(payment_key, seller) for seller in parcels}
        offers = self._catalogue.reserve_parcels(
            {
                keys[seller]: [Line(line.book_id, line.quantity) for line in lines]
                for seller, lines in parcels.items()
            }
        )
        for line in basket.lines:
            if line.price_seen not in (None, offers[line.book_id].price_minor):
                raise PriceChanged(line.book_id)
        for number, (seller, lines) in enumerate(parcels.items()):
            _write(
                db,
                Order(
                    buyer_id=purchase.buyer_id,
                    purchase_id=purchase.id,
                    # The version before looks for an order by this key.
                    idempotency_key=keys[seller] if number else purchase.idempotency_key,
                    request_hash=purchase.request_hash,
                    payment_key=payment_key,
                    reservation_key=keys[seller],
                    **basket.destination.model_dump(),
                ),
                [(offers[line.book_id], line.quantity) for line in lines],
                carriers[seller],
            )

    def _parcels(self, buyer_id: int, lines: Sequence[Wanted]) -> dict[int, list[Wanted]]:
        offers = self._catalogue.offers([line.book_id for line in lines])
        parcels: dict[int, list[Wanted]] = {}
        for line in sorted(lines, key=lambda line: line.book_id):
            offer = offers.get(line.book_id)
            if offer is None:
                raise NotForSale(line.book_id)
            if offer.seller_id == buyer_id:
                raise OwnBook(line.book_id)
            parcels.setdefault(offer.seller_id, []).append(line)
        return parcels

    def _pay(self, orders: Sequence[Order], card_number: str) -> None:
        key, currency = orders[0].payment_key, orders[0].currency
        amount = sum(order.goods_minor + order.shipping_minor for order in orders)
        try:
            reference = self._gateway.charge(key, amount, currency, card_number)
        except PaymentDeclined:
            self._fail(orders, PaymentFailure.DECLINED)
        except PaymentTimeout:
            self._close(orders)
        else:
            self._confirm(orders, reference)

    def _close(self, orders: Sequence[Order]) -> bool:
        try:
            reference = self._gateway.close(orders[0].payment_key)
        except PaymentTimeout:
            log.warning("payment not settled yet", extra={"order": orders[0].id})
            return False
        if reference is None:
            self._fail(orders, PaymentFailure.TIMEOUT)
        else:
            self._confirm(orders, reference)
        return True

    def _confirm(self, orders: Sequence[Order], reference: str) -> None:
        paid = {"payment_reference": reference, "paid_at": now()}

        def work(db: Session) -> list[int]:
            won = [order for order in orders if move(db, order.id, Verb.CONFIRM, paid)]
            if won:
                self._catalogue.confirm_parcels(*(order.held_under for order in won))
                self._cart.take_out(won[0].buyer_id, [order.id for order in won])
            return [order.id for order in won]

        for order_id in self._database.transaction(work):
            log.info("order paid", extra={"order": order_id})

    def _fail(self, orders: Sequence[Order], failure: PaymentFailure) -> None:
        failed = {"payment_failure": failure}

        def work(db: Session) -> None:
            won = [order for order in orders if move(db, order.id, Verb.FAIL, failed)]
            if won:
                self._catalogue.release_parcels(*(order.held_under for order in won))

        self._database.transaction(work)


def _digest(*parts: object) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def _write(
    db: Session, order: Order, copies: Sequence[tuple[Offer, int]], carrier: Carrier
) -> None:
    order.currency = copies[0][0].currency
    order.goods_minor = sum(offer.price_minor * quantity for offer, quantity in copies)
    order.shipping_minor = carrier.cost_minor(sum(quantity for _, quantity in copies))
    db.add(order)
    db.flush()
    for offer, quantity in copies:
        db.add(
            OrderLine(
                order_id=order.id,
                book_id=offer.book_id,
                seller_id=offer.seller_id,
                title=offer.title,
                author=offer.author,
                unit_minor=offer.price_minor,
                quantity=quantity,
            )
        )
    db.add(
        Shipment(
            order_id=order.id,
            seller_id=copies[0][0].seller_id,
            carrier=carrier.code,
            cost_minor=order.shipping_minor,
            days_least=carrier.days_least,
            days_most=carrier.days_most,
        )
    )
