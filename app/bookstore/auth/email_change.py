"""Change of an email address: by a link to the new one, for whoever also knows the password."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from bookstore.auth.attempts import MAIL_LIMITS
from bookstore.auth.links import LinkInvalid, Links
from bookstore.auth.models import User
from bookstore.auth.service import LocalAuth
from bookstore.core.db import Database
from bookstore.core.interfaces.auth import Account
from bookstore.core.mail import Mail, Mailer
from bookstore.core.services import service

log = logging.getLogger("bookstore.email")


class SameEmail(Exception):
    """The account has this email address already."""


class AnothersLink(Exception):
    """The link is for an account other than the one that is logged in."""


@dataclass(frozen=True)
class Letters:
    """Hold the texts of the mails, ready before anybody looks whether an address is taken."""

    links: str
    subject: str
    link_text: str
    taken_text: str
    notice_subject: str
    notice_text: str

    def link(self, email: str, token: str) -> Mail:
        """Write to the new address, with the link that makes it the account's."""
        return Mail(email, self.subject, self.link_text % {"link": f"{self.links}/{token}"})

    def taken(self, email: str) -> Mail:
        """Write to the new address that it has an account already."""
        return Mail(email, self.subject, self.taken_text)

    def notice(self, email: str) -> Mail:
        """Write to the old address that somebody asked for another."""
        return Mail(email, self.notice_subject, self.notice_text)


class EmailChange:
    """Give accounts another email address, once it is known to be read by their owner."""

    def __init__(
        self, database: Database, auth: LocalAuth, mailer: Mailer, keys: Sequence[str]
    ) -> None:
        """Make it.

        :param keys: the keys that links are accepted from; the last one signs.
        """
        self._database = database
        self._auth = auth
        self._mailer = mailer
        self._links = Links(database, keys, "email change")

    def ask(
        self, account: Account, email: str, password: str, address: str, letters: Letters | None
    ) -> None:
        """Send a link to the new address of an account, and a notice to the old one.

        Nobody can tell from this call's outcome or time whether the new address is taken: it is
        looked up once the answer has gone out, and whoever reads mail there is told.

        :param email: the new address, in lower case.
        :param password: the account's password now; guesses count as at the login.
        :param address: the IP address that the request comes from.
        :param letters: the mails; None where none can be sent.
        :raise SameEmail: when the account has that address.
        :raise WrongCredentials: when the password is wrong.
        :raise TooManyAttempts: to guess it, or after some mails for the account or to the address.
        """
        if email == account.email:
            raise SameEmail(email)
        user = self._auth.prove(account.email, password, address)
        for counted in (f"email change of {user.id}", f"email change to {email}"):
            self._auth.attempts.begin(counted, address, MAIL_LIMITS)
        if letters is None:
            return
        token = self._links.token(user, email)

        def message() -> Mail:
            with self._database.reading() as db:
                taken = db.scalar(select(User.id).where(User.email == email)) is not None
            return letters.taken(email) if taken else letters.link(email, token)

        self._mailer.hand_over(message)
        self._mailer.hand_over(lambda: letters.notice(user.email))

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
        user, email = self._open(token, asking)
        epoch = self._auth.replace_credentials(user, email=email)
        if epoch is None:
            raise LinkInvalid
        log.info("email address changed", extra={"account": user.id})
        return user.id, epoch

    def _open(self, token: str, asking: Account | None) -> tuple[User, str]:
        user, (email,) = self._links.open(token)
        if asking is not None and asking.id != user.id:
            raise AnothersLink
        return user, email


def email_change() -> EmailChange:
    """Return this process's own change of email addresses, for its views."""
    return service(EmailChange)
