"""The verbs of accounts: register, authenticate, resolve a session."""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import cast

from flask import current_app
from sqlalchemy import case, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bookstore.auth.models import LoginAttempt, User
from bookstore.auth.passwords import hash_password, needs_rehash, verify_password
from bookstore.core.db import Database, now
from bookstore.core.interfaces.auth import Account

ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS_KEPT = timedelta(days=1)
ATTEMPTS_ON_ACCOUNT_FROM_ADDRESS = 10
ATTEMPTS_ON_ACCOUNT = 50
ATTEMPTS_FROM_ADDRESS = 100


class EmailTaken(Exception):
    """Another account has this email address."""


class TooManyAttempts(Exception):
    """Too many logins failed for this account or from this address in the last minutes."""


class WrongCredentials(Exception):
    """The email address or the password is wrong; which of them is not told."""


class LocalAuth:
    """Keep accounts in the shop's own database."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key

    def register(self, email: str, name: str, password: str) -> tuple[Account, int]:
        """Open an account.

        :param email: an address in lower case.
        :return: the account, and the epoch for its session.
        :raise EmailTaken: when the address has an account already.
        """
        hashed = hash_password(password)

        def work(db: Session) -> User:
            user = User(email=email, name=name, password_hash=hashed)
            db.add(user)
            return user

        try:
            user = self._database.transaction(work)
        except IntegrityError:
            raise EmailTaken(email) from None
        return _account(user), user.session_epoch

    def find(self, email: str) -> Account | None:
        """Return the account with an email address."""
        with self._database.reading() as db:
            user = db.scalar(select(User).where(User.email == email))
        return _account(user) if user else None

    def authenticate(self, email: str, password: str, address: str) -> tuple[Account, int]:
        """Check a password, and count a failure against the account and the address.

        :param address: the IP address that the attempt comes from.
        :return: the account, and the epoch for its session.
        :raise TooManyAttempts: before the password is looked at.
        :raise WrongCredentials: after the same time for unknown people as for known ones.
        """
        account_hash = hmac.new(self._key, email.encode(), hashlib.sha256).hexdigest()
        with self._database.reading() as db:
            if self._is_blocked(db, account_hash, address):
                raise TooManyAttempts(address)
            user = db.scalar(select(User).where(User.email == email))
        if not verify_password(password, user.password_hash if user else None) or user is None:
            self._count_failure(account_hash, address)
            raise WrongCredentials(email)
        self._forget_failures(user, account_hash, password)
        return _account(user), user.session_epoch

    def resolve(self, account_id: int, epoch: int) -> Account | None:
        """Return the account of a session, or None when that session was revoked."""
        with self._database.reading() as db:
            row = db.execute(
                select(User.id, User.name, User.email).where(
                    User.id == account_id, User.session_epoch == epoch
                )
            ).one_or_none()
        return Account(*row) if row is not None else None

    def names(self, account_ids: Collection[int]) -> Mapping[int, str]:
        """Return the shown names of accounts; unknown ids are left out."""
        with self._database.reading() as db:
            rows = db.execute(select(User.id, User.name).where(User.id.in_(account_ids)))
            return {row.id: row.name for row in rows}

    def _is_blocked(self, db: Session, account_hash: str, address: str) -> bool:
        recent = LoginAttempt.attempted_at > now() - ATTEMPT_WINDOW
        on_account, both = db.execute(
            select(
                func.count(),
                func.coalesce(func.sum(case((LoginAttempt.address == address, 1), else_=0)), 0),
            ).where(LoginAttempt.account_hash == account_hash, recent)
        ).one()
        if both >= ATTEMPTS_ON_ACCOUNT_FROM_ADDRESS or on_account >= ATTEMPTS_ON_ACCOUNT:
            return True
        from_address = db.scalar(
            select(func.count()).where(LoginAttempt.address == address, recent)
        )
        return (from_address or 0) >= ATTEMPTS_FROM_ADDRESS

    def _count_failure(self, account_hash: str, address: str) -> None:
        def work(db: Session) -> None:
            db.add(LoginAttempt(account_hash=account_hash, address=address))
            db.execute(
                delete(LoginAttempt).where(LoginAttempt.attempted_at < now() - ATTEMPTS_KEPT)
            )

        self._database.transaction(work)

    def _forget_failures(self, user: User, account_hash: str, password: str) -> None:
        rehashed = hash_password(password) if needs_rehash(user.password_hash) else None

        def work(db: Session) -> None:
            db.execute(delete(LoginAttempt).where(LoginAttempt.account_hash == account_hash))
            if rehashed is not None:
                db.merge(user).password_hash = rehashed

        self._database.transaction(work)


def _account(user: User) -> Account:
    return Account(user.id, user.name, user.email)


def local_auth() -> LocalAuth:
    """Return this process's own accounts, for the views of the auth domain."""
    return cast("LocalAuth", current_app.extensions["bookstore.auth"])
