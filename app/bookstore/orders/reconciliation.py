"""Reconciliation: prove stock, orders and payments against each other.

Three ledgers tell of each purchase: its reservation in the catalogue, its payment at the gateway,
and its orders here. Jobs bring what is owed between them, so a debt has ``GRACE`` to be paid by
itself; what is left then, a person has to look at. Nothing is mended here.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import select

from bookstore.core.db.database import Database, now
from bookstore.core.interfaces.catalogue import CatalogueService, ReservedCopies
from bookstore.core.observability.metrics import count_differences
from bookstore.orders.gateway import APPROVED, REFUNDED, Payment, PaymentGateway
from bookstore.orders.models import Order, OrderState, Purchase, PurchaseLine, PurchaseState

GRACE = timedelta(hours=1)
AT_ONCE = 200
LOGGED = 20
SOLD, RELEASED = "sold", "released"

log = logging.getLogger("bookstore.reconciliation")


class Kind(StrEnum):
    """What does not fit."""

    PAID_NOT_SOLD = "paid_not_sold"
    PAID_NOT_CHARGED = "paid_not_charged"
    PAID_NOT_ORDERED = "paid_not_ordered"
    SOLD_NOT_PAID = "sold_not_paid"
    CHARGED_NOT_PAID = "charged_not_paid"
    CANCELLED_NOT_RELEASED = "cancelled_not_released"
    CANCELLED_NOT_REFUNDED = "cancelled_not_refunded"
    REFUNDED_NOT_CANCELLED = "refunded_not_cancelled"
    STOCK_MISCOUNTED = "stock_miscounted"


@dataclass(frozen=True)
class Difference:
    """What the ledgers do not agree on; the purchase and the book are 0 where none is known."""

    kind: Kind
    purchase: int = 0
    book: int = 0


@dataclass
class Report:
    """How much was compared, and what does not fit."""

    purchases: int = 0
    reservations: int = 0
    payments: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def counts(self) -> Mapping[str, int]:
        """Return the number of differences of each kind."""
        kinds = [difference.kind for difference in self.differences]
        return {kind.value: kinds.count(kind) for kind in Kind}


class Reconciliation:
    """Compares what the catalogue, the gateway and this domain hold of purchases."""

    def __init__(
        self, database: Database, catalogue: CatalogueService, gateway: PaymentGateway
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._gateway = gateway

    def run(self, since: datetime) -> Report:
        """Compare all of them since a moment; count and log what does not fit.

        :raise ServiceUnavailable: when the catalogue does not answer.
        :raise PaymentTimeout: when the gateway does not.
        """
        report = Report()
        for ids in self._purchases(since):
            report.purchases += len(ids)
            report.differences += _twice(partial(self._of_purchases, ids))
        for reserved in self._reservations(since):
            report.reservations += len(reserved)
            keys = [each.key for each in reserved]
            report.differences += _twice(partial(self._of_reservations, keys))
        for paid in self._payments(since):
            report.payments += len(paid)
            report.differences += _twice(partial(self._of_payments, paid))
        report.differences += _twice(partial(self._of_books, since))
        count_differences(report.counts)
        _tell(report)
        return report

    def _purchases(self, since: datetime) -> Iterator[Sequence[int]]:
        paid = (Purchase.state == PurchaseState.PAID, Purchase.created_at >= since)
        last = 0
        while True:
            ids = select(Purchase.id).where(*paid, Purchase.id > last).order_by(Purchase.id)
            with self._database.reading() as db:
                found = db.scalars(ids.limit(AT_ONCE)).all()
            if not found:
                return
            yield found
            last = found[-1]

    def _reservations(self, since: datetime) -> Iterator[Sequence[ReservedCopies]]:
        before = None
        while True:
            page = self._catalogue.newest_reservations(AT_ONCE, before)
            found = [each for each in page if each.created_at >= since]
            if found:
                yield found
            if len(found) < AT_ONCE:
                return
            before = page[-1].id

    def _payments(self, since: datetime) -> Iterator[Sequence[Payment]]:
        after = ""
        while page := self._gateway.payments_since(since, after, AT_ONCE):
            yield page
            after = page[-1].key

    def _of_purchases(self, ids: Sequence[int]) -> Iterable[Difference]:
        """Compare paid purchases with their orders, what was sold, and what was charged."""
        of = Purchase.id.in_(ids)
        with self._database.reading() as db:
            purchases = db.scalars(select(Purchase).where(of)).all()
            lines = db.scalars(select(PurchaseLine).where(PurchaseLine.purchase_id.in_(ids))).all()
            orders = db.scalars(select(Order).where(Order.purchase_id.in_(ids))).all()
        keys = [purchase.payment_key for purchase in purchases]
        refunds = [f"{key}-{order.seller_id}" for key, order in _keyed(purchases, orders)]
        reserved = {(each.key, each.book_id): each for each in self._catalogue.reservations(keys)}
        payments = self._gateway.payments([*keys, *refunds])
        for purchase in purchases:
            own_lines = [line for line in lines if line.purchase_id == purchase.id]
            own_orders = {
                each.seller_id: each for each in orders if each.purchase_id == purchase.id
            }
            yield from _unordered(purchase, own_lines, own_orders)
            yield from _unsold(purchase, own_lines, own_orders, reserved)
            yield from _uncharged(purchase, own_orders, payments)

    def _of_reservations(self, keys: Sequence[str]) -> Iterable[Difference]:
        """Look for sales that nobody has paid."""
        paid = select(Purchase.payment_key).where(
            Purchase.payment_key.in_(keys), Purchase.state == PurchaseState.PAID
        )
        with self._database.reading() as db:
            known = set(db.scalars(paid))
        for each in self._catalogue.reservations(keys):
            if each.state == SOLD and each.key not in known and _is_due(each.created_at):
                yield Difference(Kind.SOLD_NOT_PAID, self._purchase_of(each.key), each.book_id)

    def _of_payments(self, listed: Sequence[Payment]) -> Iterable[Difference]:
        """Look for charges without a paid purchase that were not given back."""
        charged = [each for each in listed if each.outcome == APPROVED and _is_due(each.made_at)]
        keys = [each.key for each in charged]
        paid = select(Purchase.payment_key).where(
            Purchase.payment_key.in_(keys), Purchase.state == PurchaseState.PAID
        )
        with self._database.reading() as db:
            known = set(db.scalars(paid))
        returned = self._gateway.payments([f"{key}-all" for key in keys if key not in known])
        for each in charged:
            refund = returned.get(f"{each.key}-all")
            if each.key not in known and not _is_refund(refund, each.amount_minor):
                yield Difference(Kind.CHARGED_NOT_PAID, self._purchase_of(each.key))

    def _of_books(self, since: datetime) -> Iterable[Difference]:
        """Look for books that count other sales than there are."""
        for book_id in self._catalogue.miscounted_books(since):
            yield Difference(Kind.STOCK_MISCOUNTED, book=book_id)

    def _purchase_of(self, key: str) -> int:
        with self._database.reading() as db:
            return db.scalar(select(Purchase.id).where(Purchase.payment_key == key)) or 0


def _twice(compare: Callable[[], Iterable[Difference]]) -> list[Difference]:
    """Return the differences that are there twice: the ledgers are not read at one moment."""
    first = list(compare())
    again = set(compare()) if first else set()
    return [difference for difference in first if difference in again]


def _keyed(purchases: Iterable[Purchase], orders: Iterable[Order]) -> Iterator[tuple[str, Order]]:
    keys = {purchase.id: purchase.payment_key for purchase in purchases}
    return ((keys[order.purchase_id], order) for order in orders)


def _unordered(
    purchase: Purchase, lines: Sequence[PurchaseLine], orders: Mapping[int, Order]
) -> Iterable[Difference]:
    goods = dict.fromkeys(orders, 0)
    for line in lines:
        goods[line.seller_id] = goods.get(line.seller_id, 0) + line.unit_minor * line.quantity
    ordered = {seller: order.goods_minor for seller, order in orders.items()}
    total = sum(order.goods_minor + order.shipping_minor for order in orders.values())
    if goods != ordered or total != purchase.total_minor:
        yield Difference(Kind.PAID_NOT_ORDERED, purchase.id)


def _unsold(
    purchase: Purchase,
    lines: Sequence[PurchaseLine],
    orders: Mapping[int, Order],
    reserved: Mapping[tuple[str, int], ReservedCopies],
) -> Iterable[Difference]:
    for line in lines:
        found, order = (
            reserved.get((purchase.payment_key, line.book_id)),
            orders.get(line.seller_id),
        )
        state = found.state if found and found.quantity == line.quantity else None
        if order is not None and order.state == OrderState.CANCELLED:
            if state != RELEASED and _is_due(order.cancelled_at):
                yield Difference(Kind.CANCELLED_NOT_RELEASED, purchase.id, line.book_id)
        elif state != SOLD:
            yield Difference(Kind.PAID_NOT_SOLD, purchase.id, line.book_id)


def _uncharged(
    purchase: Purchase, orders: Mapping[int, Order], payments: Mapping[str, Payment]
) -> Iterable[Difference]:
    charge = payments.get(purchase.payment_key)
    owed = (APPROVED, purchase.total_minor, purchase.currency)
    if charge is None or (charge.outcome, charge.amount_minor, charge.currency) != owed:
        yield Difference(Kind.PAID_NOT_CHARGED, purchase.id)
    for seller, order in orders.items():
        refund = payments.get(f"{purchase.payment_key}-{seller}")
        if order.state != OrderState.CANCELLED:
            if refund is not None:
                yield Difference(Kind.REFUNDED_NOT_CANCELLED, purchase.id)
        elif not _is_refund(refund, order.goods_minor + order.shipping_minor) and _is_due(
            order.cancelled_at
        ):
            yield Difference(Kind.CANCELLED_NOT_REFUNDED, purchase.id)


def _is_refund(payment: Payment | None, amount_minor: int) -> bool:
    return payment is not None and (payment.outcome, payment.amount_minor) == (
        REFUNDED,
        -amount_minor,
    )


def _is_due(moment: datetime | None) -> bool:
    return moment is None or moment < now() - GRACE


def _tell(report: Report) -> None:
    about = {"purchases": report.purchases, "differences": len(report.differences)}
    if report.differences:
        first = [asdict(each) for each in report.differences[:LOGGED]]
        log.error("ledgers differ", extra={**about, "first": first})
    else:
        log.info("ledgers agree", extra=about)
