"""Access tokens: auth says for some minutes whose a session is, and others need not ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, request

from bookstore.core.interfaces.auth import Account
from bookstore.core.rpc.tokens import Signer, TokenRefused, Verifier

ISSUER, AUDIENCE = "auth", "shop"
LIFETIME = timedelta(minutes=10)
COOKIE = "access"


@dataclass(frozen=True)
class Access:
    """What a token says: an account, and the epoch and version that it had when it was signed."""

    text: str
    account: Account
    epoch: int
    version: int
    issued_at: datetime
    expires_at: datetime

    def is_of(self, account_id: int, epoch: int) -> bool:
        """Return whether it is a session's."""
        return (self.account.id, self.epoch) == (account_id, epoch)

    @property
    def has_ended(self) -> bool:
        """Whether nobody may believe it any more."""
        return datetime.now(UTC) >= self.expires_at

    @property
    def is_fresh(self) -> bool:
        """Whether it is not yet past half its life, after which it is renewed."""
        return datetime.now(UTC) < self.issued_at + (self.expires_at - self.issued_at) / 2


def sign(signer: Signer, account: Account, epoch: int, version: int) -> str:
    """Return a token for a session; ``signer`` is auth's."""
    return signer.sign(
        AUDIENCE,
        LIFETIME,
        sub=str(account.id),
        name=account.name,
        email=account.email,
        moderator=account.is_moderator,
        language=account.language,
        zone=account.time_zone,
        epoch=epoch,
        version=version,
    )


def read(verifier: Verifier, text: str) -> Access:
    """Return what a token says.

    :raise TokenRefused: when it is not one of auth's that holds.
    :raise ServiceUnavailable: when that cannot be known now.
    """
    said = verifier.claims(text, AUDIENCE, ISSUER)
    try:
        return Access(
            text,
            _account(said),
            int(said["epoch"]),
            int(said["version"]),
            datetime.fromtimestamp(said["iat"], UTC),
            datetime.fromtimestamp(said["exp"], UTC),
        )
    except (KeyError, TypeError, ValueError):
        # As a later version may sign it: auth is asked for another.
        raise TokenRefused("not as this version reads it") from None


def _account(said: Mapping[str, Any]) -> Account:
    return Account(
        int(said["sub"]),
        said["name"],
        said["email"],
        said["moderator"],
        said["language"],
        said["zone"],
    )


def set_cookie(response: Response, access: Access) -> None:
    """Give a reader their token; it opens nothing without the session that it is of."""
    response.set_cookie(
        COOKIE,
        access.text,
        max_age=max(0, int((access.expires_at - datetime.now(UTC)).total_seconds())),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
