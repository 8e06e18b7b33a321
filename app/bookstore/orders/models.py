"""Tables of the orders domain; books and people are known by id, for they are other domains."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bookstore.core.db import TABLE_OPTIONS, Id, UtcDateTime, exact, new_metadata, now
from bookstore.core.jobs.models import JobColumns


class Base(DeclarativeBase):
    """The base of the orders domain's models; no relationship leads out of it."""

    metadata = new_metadata()


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


class CartLine(Base):
    """Copies of a book that a person means to buy, with what they saw of it last."""

    __tablename__ = "cart_lines"
    __table_args__ = (UniqueConstraint("buyer_id", "book_id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    buyer_id: Mapped[int] = mapped_column(BigInteger)
    book_id: Mapped[int] = mapped_column(BigInteger)
    seller_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(exact(3))
    quantity: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Purchase(Base):
    """What was paid at once: an order for each seller."""

    __tablename__ = "purchases"
    __table_args__ = (UniqueConstraint("buyer_id", "idempotency_key"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    buyer_id: Mapped[int] = mapped_column(BigInteger)
    idempotency_key: Mapped[str] = mapped_column(exact(64))
    request_hash: Mapped[str] = mapped_column(exact(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Order(Base):
    """What a person bought of one seller, with the prices and the address of its moment.

    The orders of a purchase share the key of its payment; each holds its copies under its own.
    """

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
    # No foreign key: adding one to a table that is full copies the table.
    purchase_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    payment_key: Mapped[str] = mapped_column(exact(64))
    reservation_key: Mapped[str | None] = mapped_column(exact(64))
    payment_reference: Mapped[str | None] = mapped_column(exact(64))
    payment_failure: Mapped[str | None] = mapped_column(exact(20))
    state: Mapped[str] = mapped_column(exact(20), default=OrderState.PENDING)
    currency: Mapped[str] = mapped_column(exact(3))
    goods_minor: Mapped[int] = mapped_column(BigInteger)
    shipping_minor: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(120))
    line1: Mapped[str] = mapped_column(String(200))
    line2: Mapped[str | None] = mapped_column(String(200))
    city: Mapped[str] = mapped_column(String(120))
    region: Mapped[str | None] = mapped_column(String(120))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(30))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    shipped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_by: Mapped[str | None] = mapped_column(exact(10))
    refunded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def held_under(self) -> str:
        """Return the key of its copies; orders from before there were purchases have one only."""
        return self.reservation_key or self.payment_key


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


class OrdersJob(JobColumns, Base):
    """A job of this domain; see ``bookstore.core.jobs``."""

    __tablename__ = "orders_jobs"
