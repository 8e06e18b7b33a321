"""Password reset: a link by mail that works once, for an hour, for whoever reads that mail."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Sequence
from typing import cast

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select

from bookstore.auth.attempts import Limits
from bookstore.auth.models import User
from bookstore.auth.passwords import hash_password
from bookstore.auth.service import LocalAuth
from bookstore.core.db import Database
from bookstore.core.mail import Mail, Postman

LINK_SECONDS = 3600
RESET_LIMITS = Limits(on_account_from_address=3, on_account=6, from_address=100)

log = logging.getLogger("bookstore.recovery")


class LinkInvalid(Exception):
    """The link was used, is too old, or is not ours."""


class Recovery:
    """Let people back in who forgot their password.

    A token holds a fingerprint of the password hash and the session epoch at its making, so
    that it dies with either: when it is used, when the password is changed another way, or when
    the person logs out everywhere.
    """

    def __init__(
        self, database: Database, auth: LocalAuth, postman: Postman, keys: Sequence[str]
    ) -> None:
        """Make it.

        :param keys: the keys that tokens are accepted from; the last one signs.
        """
        self._database = database
        self._auth = auth
        self._postman = postman
        self._tokens = URLSafeTimedSerializer(list(keys), salt="bookstore password reset")

    def ask(self, email: str, address: str, compose: Callable[[str], Mail]) -> None:
        """Send a link to a person, if there is one with this email address.

        Nobody can tell from this call's outcome or time whether there is.

        :param address: the IP address that the request comes from.
        :param compose: makes the message from the token.
        :raise TooManyAttempts: for known and unknown people alike.
        """
        self._auth.attempts.begin(f"reset {email}", address, RESET_LIMITS)

        def message() -> Mail | None:
            with self._database.reading() as db:
                user = db.scalar(select(User).where(User.email == email))
            if user is None or user.suspended_at is not None:
                return None
            return compose(self._token(user))

        self._postman.hand_over(message)

    def holder(self, token: str) -> str:
        """Return the email address of the person whom a link is for.

        :raise LinkInvalid: when the link does not work.
        """
        return self._user(token).email

    def reset(self, token: str, password: str) -> None:
        """Set a new password and end all of the person's sessions; then the link is used up.

        :raise LinkInvalid: when the link does not work, also when another use was first.
        """
        user = self._user(token)
        if not self._auth.replace_password(user, hash_password(password)):
            raise LinkInvalid
        self._auth.attempts.forget(user.email)
        log.info("password reset", extra={"account": user.id})

    def _user(self, token: str) -> User:
        try:
            user_id, fingerprint = self._tokens.loads(token, max_age=LINK_SECONDS)
        except BadData:
            raise LinkInvalid from None
        with self._database.reading() as db:
            user = db.get(User, user_id)
        if user is None or not hmac.compare_digest(fingerprint, _fingerprint(user)):
            raise LinkInvalid
        return user

    def _token(self, user: User) -> str:
        return self._tokens.dumps([user.id, _fingerprint(user)])


def _fingerprint(user: User) -> str:
    # The hash has a random salt of its own, so that its digest gives nothing away.
    return hashlib.sha256(f"{user.session_epoch} {user.password_hash}".encode()).hexdigest()[:32]


def recovery() -> Recovery:
    """Return this process's own password reset, for its views."""
    return cast("Recovery", current_app.extensions["bookstore.recovery"])
