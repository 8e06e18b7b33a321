"""Links by mail that act for an account: signed, for an hour, and void with its password."""

import hashlib
import hmac
import logging
from collections.abc import Sequence
from typing import Any

from flask import Response
from itsdangerous import BadData, URLSafeTimedSerializer

from bookstore.auth.models import User
from bookstore.core.db import Database
from bookstore.core.security import public_address

LINK_SECONDS = 3600

log = logging.getLogger("bookstore.links")


class LinkInvalid(Exception):
    """The link was used, is too old, or is not ours."""


class Links:
    """Make and read the tokens of links for one purpose.

    A token holds a fingerprint of the email address, the password hash and the session epoch at
    its making, so that it dies with each: when it is used, when the address or the password is
    changed another way, when the person logs out everywhere, or when they are suspended.
    """

    def __init__(self, database: Database, keys: Sequence[str], purpose: str) -> None:
        """Make it.

        :param keys: the keys that tokens are accepted from; the last one signs.
        :param purpose: no token of another purpose is accepted.
        """
        self._database = database
        self._tokens = URLSafeTimedSerializer(list(keys), salt=f"bookstore {purpose}")

    def token(self, user: User, *held: str) -> str:
        """Return the token of a link for a person, as read before.

        :param held: what else the token holds; whoever has the link can read it.
        """
        return str(self._tokens.dumps([user.id, fingerprint(user), *held]))

    def open(self, token: str) -> tuple[User, list[Any]]:
        """Return the person whom a link is for, and what else its token holds.

        :raise LinkInvalid: when the link does not work.
        """
        try:
            user_id, made_for, *held = self._tokens.loads(token, max_age=LINK_SECONDS)
        except BadData:
            raise LinkInvalid from None
        with self._database.reading() as db:
            user = db.get(User, user_id)
        if user is None or not hmac.compare_digest(made_for, fingerprint(user)):
            raise LinkInvalid
        return user, held


def fingerprint(user: User) -> str:
    """Return what is another once the person's address, password or session epoch is."""
    # The hash has a random salt of its own, so that its digest gives nothing away.
    held = f"{user.session_epoch} {user.email} {user.password_hash}"
    return hashlib.sha256(held.encode()).hexdigest()[:32]


def link_base() -> str | None:
    """Return scheme and host for a link in a mail; None, and a line in the log, without one."""
    base = public_address()
    if base is None:
        log.error("mail not sent", extra={"error": "set PUBLIC_URL or TRUSTED_HOSTS"})
    return base


def limit_referrer(response: Response) -> Response:
    """Keep the token in a page's address out of the Referer header: browsers send the origin alone.

    Not ``no-referrer``: where a page came by https, the CSRF check wants its origin.
    """
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
