"""What pages and API show of purchases and orders; each is read once and never changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bookstore.orders.models import OrderState, PurchaseState
from bookstore.orders.transitions import Role, Verb, open_to


@dataclass(frozen=True)
class Line:
    """Copies of a book, with its title and price of the moment of the purchase."""

    book_id: int
    title: str
    author: str
    unit_minor: int
    quantity: int

    @property
    def total_minor(self) -> int:
        """Return the price of the line, in minor units."""
        return self.unit_minor * self.quantity


@dataclass(frozen=True)
class SentBy:
    """How an order is sent."""

    carrier: str
    cost_minor: int
    days_least: int
    days_most: int
    tracking: str | None


@dataclass(frozen=True)
class Address:
    """Where an order goes."""

    name: str
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str
    phone: str | None


@dataclass(frozen=True)
class OrderFacts:
    """An order's own row; amounts are in minor units."""

    id: int
    purchase_id: int
    buyer_id: int
    buyer_name: str
    seller_id: int
    seller_name: str
    state: OrderState
    currency: str
    goods_minor: int
    shipping_minor: int
    paid_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    refunded_at: datetime | None

    @property
    def total_minor(self) -> int:
        """Return what the buyer paid, goods and shipping."""
        return self.goods_minor + self.shipping_minor


@dataclass(frozen=True)
class OrderCard(OrderFacts):
    """An order among many."""

    lines: Sequence[Line]


@dataclass(frozen=True)
class OrderDetail(OrderCard):
    """An order alone, as its buyer or its seller sees it.

    :ivar address: None for the seller of a cancelled order, who sends nothing.
    :ivar payment_reference: None for the seller.
    """

    shipment: SentBy
    address: Address | None
    payment_reference: str | None
    role: Role

    @property
    def verbs(self) -> Sequence[Verb]:
        """Return what the account may do to the order now."""
        return open_to(self.role, self.state)


@dataclass(frozen=True)
class Total:
    """What an account's orders come to in one currency, in minor units."""

    currency: str
    orders: int
    amount_minor: int


@dataclass(frozen=True)
class PurchaseCard:
    """A purchase and what became of its payment; the total is in minor units."""

    id: int
    state: PurchaseState
    currency: str
    total_minor: int
    created_at: datetime
    refunded_at: datetime | None


@dataclass(frozen=True)
class PurchasePart:
    """What was to be bought of one seller; an order once the purchase was paid."""

    seller_id: int
    seller_name: str
    shipment: SentBy
    lines: Sequence[Line]
    order: OrderFacts | None

    @property
    def goods_minor(self) -> int:
        """Return the price of its copies, in minor units."""
        return sum(line.total_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        """Return goods and shipping, in minor units."""
        return self.goods_minor + self.shipment.cost_minor


@dataclass(frozen=True)
class PurchaseDetail(PurchaseCard):
    """A purchase as its own page shows it, a part for each seller."""

    parts: Sequence[PurchasePart]
