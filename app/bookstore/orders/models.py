"""Tables of the orders domain; books and accounts are known by id, for they are other domains."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bookstore.core.db.database import TABLE_OPTIONS, Id, UtcDateTime, exact, new_metadata, now
from bookstore.core.identity.kept import KeptKeysColumns
from bookstore.core.identity.revocations import RevocationColumns
from bookstore.core.jobs.models import JobColumns


class Base(DeclarativeBase):
    """The base of the orders domain's models; no relationship leads out of it."""

    metadata = new_metadata()


class PurchaseState(StrEnum):
    """What became of a purchase's payment.

    One that expired was charged when its copies had gone back on sale, and is given back.
    """

    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"


class OrderState(StrEnum):
    """How far an order has come."""

    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class CartLine(Base):
    """Copies of a book that an account means to buy, with the price that was seen last."""

    __tablename__ = "cart_lines"
    __table_args__ = (UniqueConstraint("buyer_id", "book_id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    buyer_id: Mapped[int] = mapped_column(BigInteger)
    book_id: Mapped[int] = mapped_column(BigInteger)
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_name: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(exact(3))
    quantity: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Purchase(Base):
    """One checkout, paid at once: the address and the amounts of its moment.

    ``payment_key`` names its payment at the gateway and its reservation in the catalogue. It is
    random, so that a database which was restored to an earlier moment never names another's.
    """

    __tablename__ = "purchases"
    __table_args__ = (
        UniqueConstraint("buyer_id", "idempotency_key"),
        UniqueConstraint("payment_key"),
        Index(None, "state", "created_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    buyer_id: Mapped[int] = mapped_column(BigInteger)
    buyer_name: Mapped[str] = mapped_column(String(120))
    idempotency_key: Mapped[str] = mapped_column(exact(64))
    request_hash: Mapped[str] = mapped_column(exact(64))
    payment_key: Mapped[str] = mapped_column(exact(32))
    payment_reference: Mapped[str | None] = mapped_column(exact(64))
    state: Mapped[str] = mapped_column(exact(20), default=PurchaseState.PENDING)
    currency: Mapped[str] = mapped_column(exact(3))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(120))
    line1: Mapped[str] = mapped_column(String(200))
    line2: Mapped[str | None] = mapped_column(String(200))
    city: Mapped[str] = mapped_column(String(120))
    region: Mapped[str | None] = mapped_column(String(120))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(30))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refunded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Shipment(Base):
    """How one seller sends what is bought of them in a purchase."""

    __tablename__ = "shipments"
    __table_args__ = (UniqueConstraint("purchase_id", "seller_id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    purchase_id: Mapped[int] = mapped_column(ForeignKey(Purchase.id))
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_name: Mapped[str] = mapped_column(String(120))
    carrier: Mapped[str] = mapped_column(exact(20))
    cost_minor: Mapped[int] = mapped_column(BigInteger)
    days_least: Mapped[int]
    days_most: Mapped[int]
    tracking: Mapped[str | None] = mapped_column(exact(40))


class PurchaseLine(Base):
    """Copies of one book in a purchase, with its title and price of that moment.

    The lines of one seller are the lines of their order, once the purchase is paid.
    """

    __tablename__ = "purchase_lines"
    __table_args__ = (UniqueConstraint("purchase_id", "book_id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    purchase_id: Mapped[int] = mapped_column(ForeignKey(Purchase.id))
    seller_id: Mapped[int] = mapped_column(BigInteger)
    book_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    unit_minor: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[int]


class Order(Base):
    """What a buyer bought of one seller in a purchase; written once it is paid, never before."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("purchase_id", "seller_id"),
        Index(None, "buyer_id", "id"),
        Index(None, "seller_id", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    purchase_id: Mapped[int] = mapped_column(ForeignKey(Purchase.id))
    buyer_id: Mapped[int] = mapped_column(BigInteger)
    buyer_name: Mapped[str] = mapped_column(String(120))
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_name: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(exact(20), default=OrderState.PAID)
    currency: Mapped[str] = mapped_column(exact(3))
    goods_minor: Mapped[int] = mapped_column(BigInteger)
    shipping_minor: Mapped[int] = mapped_column(BigInteger)
    paid_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    shipped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_by: Mapped[str | None] = mapped_column(exact(10))
    refunded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


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


class OrdersRevocation(RevocationColumns, Base):
    """An account whose older tokens are not believed; see ``bookstore.core.identity``."""

    __tablename__ = "orders_revocations"


class OrdersKeptKeys(KeptKeysColumns, Base):
    """What another service published last; see ``bookstore.core.identity``."""

    __tablename__ = "orders_kept_keys"
