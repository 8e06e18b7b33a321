"""Change of an email address: by a link to the new one, for whoever also knows the password."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bookstore.auth import models
from bookstore.auth.attempts import MAIL_LIMITS
from bookstore.auth.links import AccountLinks, LinkInvalid
from bookstore.auth.service import LocalAuth
from bookstore.core.db.database import Database, now
from bookstore.core.interfaces.auth import Account
from bookstore.core.jobs.queue import Queue

KEPT = timedelta(days=2)
MAIL = "mail.email_change"
NOTICE = "mail.email_change_notice"

log = logging.getLogger("bookstore.email_change")


class SameEmail(Exception):
    """The account has this email address already."""


class AnothersLink(Exception):
    """The link is for an account other than the one that is logged in."""


@dataclass(frozen=True)
class EmailChangeMails:
    """What the mails of a change are made of.

    Without a token, the new address has an account: another's, or this one when it is done.
    """

    email: str
    old_email: str
    name: str
    language: str
    token: str | None
    is_done: bool


class EmailChange:
    """The way of accounts to another email address, once it is known to be read by their owner."""

    def __init__(
        self, database: Database, auth: LocalAuth, queue: Queue, keys: Sequence[str]
    ) -> None:
        """Make it.

        :param keys: the keys that links are accepted from; the last one signs.
        """
        self._database = database
        self._auth = auth
        self._queue = queue
        self._links = AccountLinks(database, keys, "email change")

    def ask(self, account: Account, email: str, password: str, address: str) -> None:
        """Send a link to the new address of an account, and a notice to the old one.

        Nobody can tell from this call's outcome or time whether the new address is taken: it is
        looked up when the mail is sent, and whoever reads mail there is told.

        :param email: the new address, in lower case.
        :param password: the account's password now; guesses count as at the login.
        :param address: the IP address that the request comes from.
        :raise SameEmail: when the account has that address.
        :raise WrongCredentials: when the password is wrong.
        :raise TooManyAttempts: to guess it, or after some mails for the account or to the address.
        """
        if email == account.email:
            raise SameEmail
        row = self._auth.prove(account.email, password, address)
        for counted in (f"email change of {row.id}", f"email change to {email}"):
            self._auth.attempts.begin(counted, address, MAIL_LIMITS)

        def work(db: Session) -> None:
            old = models.EmailChangeRequest.created_at < now() - KEPT
            db.execute(delete(models.EmailChangeRequest).where(old))
            request = models.EmailChangeRequest(account_id=row.id, old_email=row.email, email=email)
            db.add(request)
            db.flush()
            for kind in (MAIL, NOTICE):
                self._queue.add(db, kind, {"change": request.id})

        self._database.transaction(work)

    def mails(self, request_id: int) -> EmailChangeMails | None:
        """Return what the mails of a change say; None once it is gone."""
        with self._database.reading() as db:
            request = db.get(models.EmailChangeRequest, request_id)
            row = db.get(models.Account, request.account_id) if request is not None else None
            if request is None or row is None:
                return None
            others = select(models.Account.id).where(models.Account.email == request.email)
            is_taken = db.scalar(others) is not None
        return EmailChangeMails(
            request.email,
            request.old_email,
            row.name,
            row.language,
            token=None if is_taken else self._links.token(row, request.id),
            is_done=row.email == request.email,
        )

    def pending(self, token: str, asking: Account | None) -> str:
        """Return the address that a link would give to an account; it changes nothing.

        :param asking: who is logged in, if anybody is.
        :raise LinkInvalid: when the link does not work.
        :raise AnothersLink: when it is for another account.
        """
        return self._open(token, asking)[1]

    def confirm(self, token: str, asking: Account | None) -> tuple[int, int]:
        """Give an account its new address and end all of its sessions; the link is used up.

        :param asking: who is logged in, if anybody is.
        :return: the account's id, and the epoch for the session that goes on.
        :raise LinkInvalid: when the link does not work, also when another use was first.
        :raise AnothersLink: when it is for another account; then it is not used up.
        :raise EmailTaken: when another account has got the address meanwhile.
        """
        row, email = self._open(token, asking)
        epoch = self._auth.replace_credentials(row, email=email)
        if epoch is None:
            raise LinkInvalid
        log.info("email address changed", extra={"account": row.id})
        return row.id, epoch

    def _open(self, token: str, asking: Account | None) -> tuple[models.Account, str]:
        row, (request_id,) = self._links.open(token)
        if asking is not None and asking.id != row.id:
            raise AnothersLink
        with self._database.reading() as db:
            request = db.get(models.EmailChangeRequest, request_id)
        if request is None or request.account_id != row.id:
            raise LinkInvalid
        return row, request.email
