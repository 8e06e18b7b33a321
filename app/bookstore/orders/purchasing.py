"""Buying: a saga over this domain, the catalogue and the payment gateway.

No transaction is shared and none is open while another is asked. A process may be killed between
any two of these steps, and the purchase comes to one end all the same:

1. *Begin*: the purchase is written down, pending, with its lines, shipments and address.
   Killed here: nothing is held or charged. It times out.
2. *Reserve*: the catalogue holds the copies until ``RESERVED_FOR`` after the beginning.
   Killed here: nothing is charged. It times out and the copies are released, else they expire.
3. *Charge*: the gateway charges the card under the purchase's own key.
   Killed here: it is charged. It is paid, or given back if the copies have expired.
4. *Confirm*: the catalogue turns the reservation into a sale, unless it has expired.
   Killed here: it is charged and sold. It is paid.
5. *Pay*: the purchase is paid and its orders are written, with the jobs that tell of them.
   Killed here: the buyer has no answer. The same request again is answered by the purchase.

A payment that fails ends in one transaction with the job that releases the copies, and a charge
that comes too late with the job that gives it back; killed after that, a worker does it.

The end of a purchase that was left open comes from whoever is first: the buyer, who sends the same
request again, or the job ``purchase.settle``, which asks the gateway to close the payment's key.
After that the key is never charged, so a request that slept through it all charges nothing. Each
step may be repeated: the catalogue and the gateway know the key, and the purchase leaves the state
pending once.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from bookstore.core.db.database import now
from bookstore.core.interfaces.catalogue import CatalogueService, OutOfStock, ReservationExpired
from bookstore.orders.gateway import PaymentDeclined, PaymentGateway, PaymentTimeout
from bookstore.orders.ledger import Begun, KeyKnown, Ledger
from bookstore.orders.models import PurchaseState
from bookstore.orders.plan import Plan, plan_purchase
from bookstore.orders.purchase_request import (
    CarriersRefused,
    KeyReused,
    NoCarrier,
    PurchaseRequest,
    Refused,
)

RESERVED_FOR = timedelta(minutes=30)
STALE_AFTER = timedelta(minutes=10)
ASKED_AGAIN_AFTER = timedelta(seconds=30)

REFUSALS = (Refused, OutOfStock, NoCarrier, CarriersRefused)

log = logging.getLogger("bookstore.orders")


@dataclass(frozen=True)
class Bought:
    """A purchase that was asked for, and what became of it."""

    id: int
    state: PurchaseState


class Purchasing:
    """Makes purchases, and settles those that were left open."""

    def __init__(
        self, ledger: Ledger, catalogue: CatalogueService, gateway: PaymentGateway
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._gateway = gateway

    def buy(self, buyer_id: int, buyer_name: str, request: PurchaseRequest) -> Bought:
        """Buy books of any number of sellers: all of them, or none.

        :raise KeyReused: when the key came with another request before.
        :raise Exception: see ``plan_purchase`` for what refuses a request.
        """
        books = self._catalogue.books([line.book_id for line in request.lines])
        try:
            plan = plan_purchase(buyer_id, request, books)
            purchase = self._ledger.begin(buyer_id, buyer_name, request, plan)
        except (*REFUSALS, KeyKnown):
            # Who asks again for what they have bought finds the copies gone, or the price changed.
            before = self._ledger.find(buyer_id, request.key)
            if before is None:
                raise
            purchase = before
            plan = self._ledger.plan(purchase)
        if purchase.request_hash != request.hash:
            raise KeyReused(request.key)
        if purchase.state != PurchaseState.PENDING:
            return Bought(purchase.id, PurchaseState(purchase.state))
        return self._carry_on(purchase, plan, request.card_number)

    def settle(self, purchase_id: int) -> None:
        """End a purchase whose request died, by what the gateway knows of its payment.

        :raise PaymentTimeout: when the gateway does not answer.
        """
        purchase = self._ledger.get(purchase_id)
        if purchase is not None and purchase.state == PurchaseState.PENDING:
            self._close(purchase, self._ledger.plan(purchase), by_mail=True)

    def settle_stale(self) -> None:
        """Add a settle job for each purchase that has been pending for too long."""
        self._ledger.have_stale_settled(now() - STALE_AFTER)

    def _carry_on(self, purchase: Begun, plan: Plan, card_number: str) -> Bought:
        key = purchase.payment_key
        try:
            self._catalogue.reserve(key, plan.wanted, purchase.created_at + RESERVED_FOR)
            reference = self._gateway.charge(
                key, purchase.total_minor, purchase.currency, card_number
            )
        except OutOfStock:
            self._ledger.drop(purchase)
            raise
        except PaymentDeclined:
            state = self._fail(purchase, PurchaseState.DECLINED)
        except (PaymentTimeout, ReservationExpired):
            state = self._close_or_wait(purchase, plan)
        else:
            state = self._complete(purchase, plan, reference)
        if state is None:
            # The same request, sent at once, has found a book out of stock and dropped it.
            raise OutOfStock(plan.lines[0].book_id, 0)
        return Bought(purchase.id, state)

    def _close_or_wait(self, purchase: Begun, plan: Plan) -> PurchaseState | None:
        try:
            return self._close(purchase, plan)
        except PaymentTimeout:
            log.warning("payment not settled yet", extra={"purchase": purchase.id})
            self._ledger.have_settled(purchase.id, now() + ASKED_AGAIN_AFTER)
            return PurchaseState.PENDING

    def _close(self, purchase: Begun, plan: Plan, *, by_mail: bool = False) -> PurchaseState | None:
        reference = self._gateway.close(purchase.payment_key)
        if reference is None:
            return self._fail(purchase, PurchaseState.TIMED_OUT, by_mail=by_mail)
        return self._complete(purchase, plan, reference)

    def _complete(self, purchase: Begun, plan: Plan, reference: str) -> PurchaseState | None:
        try:
            self._catalogue.confirm(purchase.payment_key)
        except ReservationExpired:
            log.warning("charged after the copies expired", extra={"purchase": purchase.id})
            return self._ledger.expire(purchase, reference)
        state = self._ledger.pay(purchase, plan, reference)
        log.info("purchase paid", extra={"purchase": purchase.id})
        return state

    def _fail(
        self, purchase: Begun, state: PurchaseState, *, by_mail: bool = False
    ) -> PurchaseState | None:
        found = self._ledger.fail(purchase, state, by_mail=by_mail)
        if found == state:
            # At once, for whoever tries another card; the job is there if this is not reached.
            self._catalogue.release(purchase.payment_key)
        return found
