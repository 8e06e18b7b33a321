"""Password reset: a link by mail that works once, for an hour, for whoever reads that mail."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from bookstore.auth import models
from bookstore.auth.attempts import MAIL_LIMITS
from bookstore.auth.links import AccountLinks, LinkInvalid
from bookstore.auth.passwords import hash_password
from bookstore.auth.service import LocalAuth
from bookstore.core.db.database import Database
from bookstore.core.jobs.queue import Queue

MAIL = "mail.password_reset"

log = logging.getLogger("bookstore.password_reset")


@dataclass(frozen=True)
class PasswordResetMail:
    """What the mail of a password reset is made of."""

    email: str
    name: str
    language: str
    token: str


class PasswordReset:
    """The way back in for people who forgot their password."""

    def __init__(
        self, database: Database, auth: LocalAuth, queue: Queue, keys: Sequence[str]
    ) -> None:
        """Make it.

        :param keys: the keys that links are accepted from; the last one signs.
        """
        self._database = database
        self._auth = auth
        self._queue = queue
        self._links = AccountLinks(database, keys, "password reset")

    def ask(self, email: str, address: str) -> None:
        """Send a link to a person, if there is one with this email address.

        Nobody can tell from this call's outcome or time whether there is: it adds a job for an
        address without an account too.

        :param address: the IP address that the request comes from.
        :raise TooManyAttempts: for known and unknown people alike.
        """
        self._auth.attempts.begin(f"reset {email}", address, MAIL_LIMITS)
        with self._database.reading() as db:
            query = select(models.Account.id).where(models.Account.email == email)
            account_id = db.scalar(query)
        self._database.transaction(lambda db: self._queue.add(db, MAIL, {"account": account_id}))

    def mail(self, account_id: int | None) -> PasswordResetMail | None:
        """Return what the mail to an account says; None for nobody, and for who is suspended."""
        with self._database.reading() as db:
            row = db.get(models.Account, account_id) if account_id is not None else None
        if row is None or row.suspended_at is not None:
            return None
        return PasswordResetMail(row.email, row.name, row.language, self._links.token(row))

    def holder(self, token: str) -> str:
        """Return the email address of the account that a link is for.

        :raise LinkInvalid: when the link does not work.
        """
        row, _ = self._links.open(token)
        return row.email

    def reset(self, token: str, password: str) -> None:
        """Set a new password and end all of the account's sessions; then the link is used up.

        :raise LinkInvalid: when the link does not work, also when another use was first.
        """
        row, _ = self._links.open(token)
        hashed = hash_password(password)
        if self._auth.replace_credentials(row, password_hash=hashed) is None:
            raise LinkInvalid
        self._auth.attempts.forget(row.email)
        log.info("password reset", extra={"account": row.id})
