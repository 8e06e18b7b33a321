"""Tables of the orders domain; books and people are known by id, for they are other domains."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bookstore.core.db import TABLE_OPTIONS, Base, Id, UtcDateTime, exact, now


class OrderState(StrEnum):
    """How far an order has come."""

    PENDING = "pending"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class PaymentFailure(StrEnum):
    """Why a payment failed."""

    DECLINED = "declined"
    TIMEOUT = "timeout"


class Order(Base):
    """A purchase, with the prices and the address of its moment."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("buyer_id", "idempotency_key"),
        Index(None, "buyer_id", "id"),
        Index(None, "state", "created_at"),
        Index(None, "state", "refunded_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    buyer_id: Mapped[int] = mapped_column(BigInteger)
    idempotency_key: Mapped[str] = mapped_column(exact(64))
    request_hash: Mapped[str] = mapped_column(exact(64))
    payment_key: Mapped[str] = mapped_column(exact(64))
    payment_reference: Mapped[str | None] = mapped_column(exact(64))
    payment_failure: Mapped[str | None] = mapped_column(exact(20))
    state: Mapped[str] = mapped_column(exact(20), default=OrderState.PENDING)
    currency: Mapped[str] = mapped_column(exact(3))
    goods_minor: Mapped[int] = mapped_column(BigInteger)
    shipping_minor: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(120))
    line1: Mapped[str] = mapped_column(String(200))
    city: Mapped[str] = mapped_column(String(120))
    country: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    shipped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_by: Mapped[str | None] = mapped_column(exact(10))
    refunded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OrderLine(Base):
    """Copies of one book in an order, with its title and price of that moment."""

    __tablename__ = "order_lines"
    __table_args__ = (Index(None, "seller_id", "id"), Index(None, "book_id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id), index=True)
    book_id: Mapped[int] = mapped_column(BigInteger)
    seller_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    unit_minor: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[int]


class Shipment(Base):
    """What one seller sends for an order."""

    __tablename__ = "shipments"
    __table_args__ = (
        UniqueConstraint("order_id", "seller_id"),
        Index(None, "seller_id", "order_id"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id))
    seller_id: Mapped[int] = mapped_column(BigInteger)
    carrier: Mapped[str] = mapped_column(exact(20))
    cost_minor: Mapped[int] = mapped_column(BigInteger)
    days_least: Mapped[int]
    days_most: Mapped[int]
    tracking: Mapped[str | None] = mapped_column(exact(40))


class SimulatedCharge(Base):
    """What the simulated payment gateway remembers; it stands for a company elsewhere."""

    __tablename__ = "simulated_charges"
    __table_args__ = (TABLE_OPTIONS,)

    key: Mapped[str] = mapped_column(exact(64), primary_key=True)
    outcome: Mapped[str] = mapped_column(exact(20))
    reference: Mapped[str | None] = mapped_column(exact(64))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(exact(3))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
