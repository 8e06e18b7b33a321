"""Links by mail that act for an account: signed, for a limited time, and void once used."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from flask import Response
from itsdangerous import BadData, URLSafeTimedSerializer

from bookstore.auth import models
from bookstore.core.db.database import Database

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS


class LinkInvalid(Exception):
    """The link was used, is too old, or is not ours."""


class Links:
    """The tokens of links for one purpose; no token of another purpose is accepted."""

    def __init__(self, keys: Sequence[str], purpose: str, seconds: int) -> None:
        """Make it.

        :param keys: the keys that tokens are accepted from; the last one signs.
        :param seconds: how long a token is good.
        """
        self._tokens = URLSafeTimedSerializer(list(keys), salt=f"bookstore {purpose}")
        self._seconds = seconds

    def token(self, *held: Any) -> str:
        """Return a token; whoever has the link can read what it holds."""
        return str(self._tokens.dumps(held))

    def open(self, token: str) -> list[Any]:
        """Return what a token holds.

        :raise LinkInvalid: when it is too old or not ours.
        """
        try:
            held: list[Any] = self._tokens.loads(token, max_age=self._seconds)
        except BadData:
            raise LinkInvalid from None
        return held


class AccountLinks:
    """The tokens of links that act for an account.

    A token holds a fingerprint of the email address, the password hash and the session epoch at
    its making, so that it dies with each: when it is used, when the address or the password is
    changed another way, when the person logs out everywhere, or when they are suspended.
    """

    def __init__(self, database: Database, keys: Sequence[str], purpose: str) -> None:
        self._database = database
        self._links = Links(keys, purpose, HOUR_SECONDS)

    def token(self, account: models.Account, *held: int) -> str:
        """Return the token of a link for an account, as read before."""
        return self._links.token(account.id, fingerprint(account), *held)

    def open(self, token: str) -> tuple[models.Account, list[int]]:
        """Return the account that a link is for, and what else its token holds.

        :raise LinkInvalid: when the link does not work.
        """
        account_id, made_for, *held = self._links.open(token)
        with self._database.reading() as db:
            account = db.get(models.Account, account_id)
        if account is None or not hmac.compare_digest(made_for, fingerprint(account)):
            raise LinkInvalid
        return account, held


def fingerprint(account: models.Account) -> str:
    """Return what is another once the account's address, password or session epoch is."""
    # The hash has a random salt of its own, so that its digest gives nothing away.
    held = f"{account.session_epoch} {account.email} {account.password_hash}"
    return hashlib.sha256(held.encode()).hexdigest()[:32]


def limit_referrer(response: Response) -> Response:
    """Keep the token in a page's address out of the Referer header: browsers send the origin alone.

    Not ``no-referrer``: where a page came by https, the CSRF check wants its origin.
    """
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
