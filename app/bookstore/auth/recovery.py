"""Password reset: a link by mail that works once, for an hour, for whoever reads that mail."""

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import select

from bookstore.auth.attempts import MAIL_LIMITS
from bookstore.auth.links import LinkInvalid, Links
from bookstore.auth.models import User
from bookstore.auth.passwords import hash_password
from bookstore.auth.service import LocalAuth
from bookstore.core.db import Database
from bookstore.core.mail import Mail, Mailer
from bookstore.core.services import service

log = logging.getLogger("bookstore.recovery")


class Recovery:
    """Let people back in who forgot their password."""

    def __init__(
        self, database: Database, auth: LocalAuth, mailer: Mailer, keys: Sequence[str]
    ) -> None:
        """Make it.

        :param keys: the keys that links are accepted from; the last one signs.
        """
        self._database = database
        self._auth = auth
        self._mailer = mailer
        self._links = Links(database, keys, "password reset")

    def ask(self, email: str, address: str, compose: Callable[[str], Mail]) -> None:
        """Send a link to a person, if there is one with this email address.

        Nobody can tell from this call's outcome or time whether there is.

        :param address: the IP address that the request comes from.
        :param compose: makes the message from the token.
        :raise TooManyAttempts: for known and unknown people alike.
        """
        self._auth.attempts.begin(f"reset {email}", address, MAIL_LIMITS)

        def message() -> Mail | None:
            with self._database.reading() as db:
                user = db.scalar(select(User).where(User.email == email))
            if user is None or user.suspended_at is not None:
                return None
            return compose(self._links.token(user))

        self._mailer.hand_over(message)

    def holder(self, token: str) -> str:
        """Return the email address of the person whom a link is for.

        :raise LinkInvalid: when the link does not work.
        """
        user, _ = self._links.open(token)
        return user.email

    def reset(self, token: str, password: str) -> None:
        """Set a new password and end all of the person's sessions; then the link is used up.

        :raise LinkInvalid: when the link does not work, also when another use was first.
        """
        user, _ = self._links.open(token)
        hashed = hash_password(password)
        if self._auth.replace_credentials(user, password_hash=hashed) is None:
            raise LinkInvalid
        self._auth.attempts.forget(user.email)
        log.info("password reset", extra={"account": user.id})


def recovery() -> Recovery:
    """Return this process's own password reset, for its views."""
    return service(Recovery)
