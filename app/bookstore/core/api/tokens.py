"""Bearer tokens (RFC 6750): signed, expiring, and void with the epoch of the account's sessions."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from bookstore.core.api.problems import Problem
from bookstore.core.interfaces.auth import Account, auth_service
from bookstore.core.web.i18n import gettext

TOKEN_LIFETIME = timedelta(hours=12)
CHALLENGE = 'Bearer realm="bookstore"'


@dataclass(frozen=True)
class IssuedToken:
    """A new token and the moment from which it is refused."""

    text: str
    expires_at: datetime


def issue_token(account_id: int, epoch: int) -> IssuedToken:
    """Sign a token for an account's API requests.

    :param epoch: the epoch of the account's sessions; once it is raised the token is void.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    return IssuedToken(str(_serializer().dumps([account_id, epoch])), now + TOKEN_LIFETIME)


def bearer_account() -> Account | None:
    """Return whose token the request bears, or None where it bears no credentials at all.

    :raise Problem: 401 when the credentials are not a token of ours that still holds.
    """
    if "Authorization" not in request.headers:
        return None
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    try:
        account_id, epoch = _serializer().loads(
            token or "", max_age=int(TOKEN_LIFETIME.total_seconds())
        )
    except BadData:
        account = None
    else:
        account = auth_service().resolve(account_id, epoch)
    if account is None:
        raise unauthorized('error="invalid_token"')
    return account


def unauthorized(error: str = "") -> Problem:
    """Return the refusal of a request without a good token.

    :param error: the challenge's error parameter (RFC 6750, 3.1), where a token was given.
    """
    challenge = f"{CHALLENGE}, {error}" if error else CHALLENGE
    return Problem(
        401,
        gettext("Send a token that is valid: POST an email address and a password to tokens."),
        headers={"WWW-Authenticate": challenge},
    )


def _serializer() -> URLSafeTimedSerializer:
    keys = [*reversed(current_app.config["SECRET_KEY_FALLBACKS"]), current_app.secret_key]
    return URLSafeTimedSerializer(
        keys,
        salt="bookstore.api.token",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
