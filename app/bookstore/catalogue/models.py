"""Tables of the catalogue domain; a seller is known by id, for accounts are another domain."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bookstore.core.db.database import TABLE_OPTIONS, Id, UtcDateTime, exact, new_metadata, now
from bookstore.core.identity.kept import KeptKeysColumns
from bookstore.core.identity.revocations import RevocationColumns
from bookstore.core.interfaces.catalogue import BookState
from bookstore.core.jobs.models import JobColumns


class Base(DeclarativeBase):
    """The base of the catalogue domain's models; no relationship leads out of it."""

    metadata = new_metadata()


class Condition(StrEnum):
    """How well a book has kept, best first."""

    NEW = "new"
    LIKE_NEW = "like_new"
    GOOD = "good"
    FAIR = "fair"
    WORN = "worn"


class BookLanguage(StrEnum):
    """The language that a book is written in."""

    SPANISH = "es"
    ENGLISH = "en"
    FRENCH = "fr"
    PORTUGUESE = "pt"
    GERMAN = "de"
    ITALIAN = "it"
    OTHER = "other"


class ReservationState(StrEnum):
    """What became of copies that a buyer asked for."""

    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"
    EXPIRED = "expired"


class Seller(Base):
    """What the catalogue knows of an account: the read model that auth's events keep.

    ``version`` is that of the newest event; 0 for a row that a first publication made before any
    event had arrived.
    """

    __tablename__ = "sellers"
    __table_args__ = (TABLE_OPTIONS,)

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80))
    suspended: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Book(Base):
    """A title that one seller has on sale, with the copies that are left and those sold."""

    __tablename__ = "books"
    __table_args__ = (
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        CheckConstraint("price_minor > 0", name="price_positive"),
        Index(None, "state", "id"),
        Index(None, "state", "price_minor", "id"),
        Index(None, "state", "title", "id"),
        Index(None, "state", "condition", "id"),
        Index(None, "state", "condition", "price_minor", "id"),
        Index(None, "state", "language", "id"),
        Index(None, "state", "language", "price_minor", "id"),
        Index(None, "state", "language", "title", "id"),
        Index(None, "seller_id", "id"),
        Index(None, "seller_id", "sold"),
        Index(None, "isbn"),
        Index(None, "cover"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    seller_id: Mapped[int] = mapped_column(ForeignKey(Seller.account_id))
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    isbn: Mapped[str | None] = mapped_column(exact(13))
    description: Mapped[str] = mapped_column(Text)
    condition: Mapped[str] = mapped_column(exact(20))
    language: Mapped[str] = mapped_column(exact(10))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(exact(3))
    stock: Mapped[int]
    sold: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(exact(20), default=BookState.LISTED)
    cover: Mapped[str | None] = mapped_column(exact(64))
    search_text: Mapped[str] = mapped_column(Text)
    seed_key: Mapped[str | None] = mapped_column(exact(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class Reservation(Base):
    """Copies of a book that were taken out of the stock under the key of a purchase."""

    __tablename__ = "reservations"
    __table_args__ = (
        UniqueConstraint("key", "book_id"),
        Index(None, "state", "expires_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(exact(64))
    book_id: Mapped[int] = mapped_column(ForeignKey(Book.id))
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(exact(20), default=ReservationState.HELD)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class BookAuditEntry(Base):
    """What a moderator did to a book, and why; the names are those of the moment."""

    __tablename__ = "book_audit_entries"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    actor_id: Mapped[int] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(exact(20))
    book_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class CatalogueJob(JobColumns, Base):
    """A job of this domain; see ``bookstore.core.jobs``."""

    __tablename__ = "catalogue_jobs"


class CatalogueRevocation(RevocationColumns, Base):
    """An account whose older tokens are not believed; see ``bookstore.core.identity``."""

    __tablename__ = "catalogue_revocations"


class CatalogueKeptKeys(KeptKeysColumns, Base):
    """What another service published last; see ``bookstore.core.identity``."""

    __tablename__ = "catalogue_kept_keys"
