"""Tables of the auth domain."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bookstore.auth.epochs import new_epoch
from bookstore.core.db.database import TABLE_OPTIONS, Id, UtcDateTime, exact, new_metadata, now
from bookstore.core.jobs.models import JobColumns


class Base(DeclarativeBase):
    """The base of the auth domain's models; no relationship leads out of it."""

    metadata = new_metadata()


class Account(Base):
    """A person's login and profile; its email address is confirmed where the shop sends mail.

    ``version`` grows with each change that other domains are told of.
    """

    __tablename__ = "accounts"
    __table_args__ = (Index(None, "is_moderator"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(exact(254), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(exact(200))
    session_epoch: Mapped[int] = mapped_column(BigInteger, default=new_epoch)
    is_moderator: Mapped[bool] = mapped_column(default=False, server_default=false())
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    language: Mapped[str] = mapped_column(exact(8), default="es")
    time_zone: Mapped[str | None] = mapped_column(exact(64))
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Registration(Base):
    """What somebody typed to open an account, until the link to its email address is opened.

    An address may have several, and an account besides: nobody is told so but who reads its mail.
    """

    __tablename__ = "registrations"
    __table_args__ = (Index(None, "email"), Index(None, "created_at"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    nonce: Mapped[int] = mapped_column(BigInteger, default=new_epoch)
    email: Mapped[str] = mapped_column(exact(254))
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(exact(200))
    language: Mapped[str] = mapped_column(exact(8))
    time_zone: Mapped[str | None] = mapped_column(exact(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class EmailChangeRequest(Base):
    """The email address that an account wants in the place of the one that it had then."""

    __tablename__ = "email_change_requests"
    __table_args__ = (Index(None, "account_id"), Index(None, "created_at"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id))
    old_email: Mapped[str] = mapped_column(exact(254))
    email: Mapped[str] = mapped_column(exact(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Invitation(Base):
    """An invitation to an email address to moderate the shop; without an actor, by command line."""

    __tablename__ = "invitations"
    __table_args__ = (Index(None, "actor_id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    nonce: Mapped[int] = mapped_column(BigInteger, default=new_epoch)
    email: Mapped[str] = mapped_column(exact(254), unique=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    language: Mapped[str] = mapped_column(exact(8))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class LoginAttempt(Base):
    """An attempt at a password, a registration or a mail with a link, counted over all replicas.

    The account is kept as a keyed hash, for people also type passwords in the wrong field.
    """

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index(None, "account_hash", "attempted_at"),
        Index(None, "address", "attempted_at"),
        Index(None, "attempted_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_hash: Mapped[str] = mapped_column(exact(64))
    address: Mapped[str] = mapped_column(exact(45))
    attempted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Address(Base):
    """A place that a person has orders sent to; what was left out is an empty text."""

    __tablename__ = "addresses"
    __table_args__ = (Index(None, "account_id", "id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id))
    recipient: Mapped[str] = mapped_column(String(120))
    line1: Mapped[str] = mapped_column(String(200))
    line2: Mapped[str] = mapped_column(String(200))
    city: Mapped[str] = mapped_column(String(120))
    region: Mapped[str] = mapped_column(String(120))
    postal_code: Mapped[str] = mapped_column(String(20))
    country: Mapped[str] = mapped_column(String(80))
    phone: Mapped[str] = mapped_column(String(30))
    is_default: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AuditEntry(Base):
    """What a moderator did to whom, and why; the target's address is that of the moment.

    Who is invited may have no account yet.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "actor_id"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    action: Mapped[str] = mapped_column(exact(20))
    target_id: Mapped[int | None] = mapped_column(BigInteger)
    target_name: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AuthJob(JobColumns, Base):
    """A job of this domain; see ``bookstore.core.jobs``."""

    __tablename__ = "auth_jobs"
